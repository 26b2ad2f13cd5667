"""Event streams of a whole server: it dies and comes back, it is told to stop, and `Last-Event-ID` finds the place again."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest

from tests.support.server import GatheringServer
from tests.support.server_sent import EventReader
from tests.support.visitors import Visitor, until

pytestmark = pytest.mark.anyio

POSTS = 400


@pytest.fixture
def server(database_url: str) -> Iterator[GatheringServer]:
    with GatheringServer(database_url, recent_events=50) as server:
        yield server


@asynccontextmanager
async def stream(visitor: Visitor, room: str, last: str = "") -> AsyncIterator[EventReader]:
    headers = {"Authorization": f"Bearer {visitor.token}", **({"Last-Event-ID": last} if last else {})}
    url = f"{visitor.home.http}/api/v1/rooms/{room}/stream"
    async with visitor.session.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as response:
        assert response.status == 200, await response.text()
        yield EventReader(response)


class Listener:
    """Follows a room as a browser's EventSource would: when its stream ends it comes back, with the last id that it has."""

    def __init__(self, visitor: Visitor, room: str) -> None:
        self.texts: list[str] = []
        self.offsets: list[int] = []
        self.kinds: set[str] = set()
        self.connections = 0
        self._visitor = visitor
        self._room = room
        self._last = ""

    async def follow(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                async with stream(self._visitor, self._room, self._last) as reader:
                    self.connections += 1
                    while True:
                        event = await reader.next(limit=30)
                        self._last = reader.parser.last_id
                        if event is None:
                            break
                        self.kinds.add(event.kind)
                        if event.kind == "message.posted":
                            self.offsets.append(event.data["offset"])
                            self.texts.append(event.data["message"]["text"])
            except aiohttp.ClientError:
                await anyio.sleep(0.05)


async def test_after_a_kill_a_reader_has_every_acknowledged_message_once_and_in_order(
    server: GatheringServer, session: aiohttp.ClientSession
) -> None:
    ada, ben = [await Visitor.register(session, server, name) for name in ("ada", "ben")]
    room = await ada.open_room(ben)
    listener = Listener(ben, room)
    acknowledged: dict[str, int] = {}
    at_once = anyio.Semaphore(20)
    killed = anyio.Event()

    async def post(text: str) -> None:
        async with at_once:
            try:
                answer = await ada.post(room, text, text)
            except aiohttp.ClientError:
                return
            if answer.status == 201:
                acknowledged[text] = answer.body["offset"]
            if len(acknowledged) == POSTS // 2 and not killed.is_set():
                killed.set()
                server.kill()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.follow)
        await until(lambda: listener.connections == 1)
        async with anyio.create_task_group() as posting:
            for number in range(POSTS):
                posting.start_soon(post, f"post {number}")
        await anyio.to_thread.run_sync(server.start)
        assert (await ada.post(room, "the end")).status == 201
        await until(lambda: "the end" in listener.texts)
        tasks.cancel_scope.cancel()

    assert listener.connections == 2
    assert "reset" not in listener.kinds
    assert listener.texts == await ada.texts(room)
    assert acknowledged.items() <= dict(zip(listener.texts, listener.offsets, strict=True)).items()
    assert len(acknowledged) >= POSTS // 2


async def test_a_server_that_is_told_to_stop_ends_its_streams_and_exits_promptly(
    server: GatheringServer, session: aiohttp.ClientSession
) -> None:
    ada = await Visitor.register(session, server, "ada")
    room = await ada.open_room()
    first = b'{"id":1,"connect":{"token":"%b"}}' % ada.token.encode()
    emulated = session.post(f"{server.http}/connection/http_stream", data=first)
    async with stream(ada, room) as reader, emulated as connection:
        assert b'"session"' in await connection.content.readline()
        assert (await ada.post(room, "hello")).status == 201
        assert await reader.next() is not None

        began = time.monotonic()
        code = await anyio.to_thread.run_sync(server.stop)
        took = time.monotonic() - began
        last = (await reader.rest())[-1]
        goodbye = await connection.content.read()

    assert (code, last.kind, last.data) == (0, "end", {"code": 3001, "reason": "shutdown"})
    assert goodbye == b'{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}\n'
    assert took < 4
