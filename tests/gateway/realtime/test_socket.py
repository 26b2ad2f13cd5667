"""Connections over real sockets, with a real engine behind them."""

import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import BaseTestServer

from actors import Ref
from engine.accounts.forms import AccountChanges
from engine.domain.fields import ParticipantId
from engine.domain.messages import Draft
from engine.domain.people import Principal
from engine.engine import Engine
from engine.timelines.commands import Post, ReadPresence
from engine.timelines.timeline import Timeline
from gateway.realtime import Hub, RealtimeSettings
from gateway.realtime.hub import HUB
from gateway.rest.cookies import ACCESS_TOKEN
from tests.support.rest import Client, LikeServed, Person

pytestmark = pytest.mark.anyio

PATH = "/connection/websocket"


class Wire:
    """A client without manners: it sends what it is told, and sees every reply and push."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self._lines: list[Any] = []

    async def send(self, *commands: object) -> None:
        await self.socket.send_str("\n".join(map(json.dumps, commands)))

    async def next(self) -> Any:
        with anyio.fail_after(20):
            while not self._lines:
                message = await self.socket.receive()
                if message.type is not WSMsgType.TEXT:
                    return self.socket.close_code
                self._lines = [json.loads(line) for line in message.data.split("\n")]
        return self._lines.pop(0)

    async def posted(self) -> dict[str, Any]:
        """The next publication that has an offset; what else is pushed is passed over."""
        while True:
            found = await self.next()
            if "offset" in found.get("push", {}).get("pub", {}):
                return found["push"]["pub"]  # type: ignore[no-any-return]

    async def reply(self, number: int) -> dict[str, Any]:
        """The reply to this command; what comes before it is passed over."""
        while True:
            answer = await self.next()
            assert isinstance(answer, dict), answer
            if answer.get("id") == number:
                return answer

    async def ask(self, number: int, **request: object) -> Any:
        await self.send({"id": number, **request})
        return await self.next()

    async def connect(self, person: Person) -> Any:
        return await self.ask(1, connect={"token": person.token})


@asynccontextmanager
async def wire(client: Client, **options: Any) -> AsyncIterator[Wire]:
    async with client.ws_connect(PATH, **options) as socket:
        yield Wire(socket)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    with anyio.fail_after(20):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await anyio.sleep(0.01)


def post(number: int, room: str, text: str) -> dict[str, Any]:
    return {"id": number, "rpc": {"method": "post", "data": {"timeline": f"room:{room}", "text": text}}}


async def test_a_post_reaches_the_room_and_its_author(client: Client, ada: Person, bob: Person) -> None:
    room = await ada.room()
    async with wire(client) as hers, wire(client) as his:
        connected = await hers.connect(ada)
        assert connected["connect"]["version"] == "gathering 1.0"
        assert list(connected["connect"]["subs"]) == [f"user:{ada.id}"]
        await his.connect(bob)
        joined = await his.ask(2, rpc={"method": "join", "data": {"timeline": f"room:{room}"}})
        assert joined["rpc"]["data"]["member"]["participant"]["id"] == bob.id
        subscribed = await his.ask(3, subscribe={"channel": f"room:{room}", "data": {"language": "de"}})
        assert subscribed["subscribe"]["data"]["room"]["id"] == room

        await hers.send(post(4, room, "one"), post(5, room, "two"))
        replies = [await hers.next(), await hers.next()]
        posted = [await his.posted(), await his.posted()]

    offset = subscribed["subscribe"]["offset"]
    assert [reply["id"] for reply in replies] == [4, 5]
    assert [each["offset"] for each in posted] == [offset + 1, offset + 2]
    messages = [each["data"]["message"] for each in posted]
    assert messages == [reply["rpc"]["data"]["message"] for reply in replies]


async def test_a_subscription_recovers_what_it_missed(client: Client, ada: Person) -> None:
    room = await ada.room()
    async with wire(client) as first:
        await first.connect(ada)
        position = (await first.ask(2, subscribe={"channel": f"room:{room}"}))["subscribe"]
    for number in range(3):
        await ada.say(room, f"{number}")

    async with wire(client) as second:
        await second.connect(ada)
        since = {"recover": True, "epoch": position["epoch"], "offset": position["offset"]}
        result = (await second.ask(2, subscribe={"channel": f"room:{room}", **since}))["subscribe"]

    assert (result["was_recovering"], result["recovered"]) == (True, True)
    assert [item["data"]["message"]["text"] for item in result["publications"]] == ["0", "1", "2"]


async def test_strangers_to_a_room_are_refused_and_stay_connected(client: Client, ada: Person, eve: Person) -> None:
    room = await ada.room(visibility="private")
    async with wire(client) as hers:
        await hers.connect(eve)

        answers = [
            await hers.ask(2, subscribe={"channel": f"room:{room}"}),
            await hers.ask(3, subscribe={"channel": f"user:{ada.id}"}),
            await hers.ask(4, rpc={"method": "post", "data": {"timeline": f"room:{room}", "text": "hi"}}),
            await hers.ask(5, history={"channel": f"room:{room}", "limit": 10}),
            await hers.ask(6, presence={"channel": f"room:{room}"}),
            await hers.ask(7, subscribe={"channel": "room:nonsense"}),
        ]

        assert [answer["error"]["code"] in (102, 103) for answer in answers] == [True] * 6
        assert await hers.ask(8, ping={}) == {"id": 8, "ping": {}}


async def test_leaving_ends_the_subscription_for_good(client: Client, ada: Person, bob: Person) -> None:
    room = await ada.room()
    async with wire(client) as his:
        await his.connect(bob)
        await his.ask(2, rpc={"method": "join", "data": {"timeline": f"room:{room}"}})
        await his.ask(3, subscribe={"channel": f"room:{room}"})

        await bob.post(f"/rooms/{room}/leave")

        seen = [await his.next()]
        while "unsubscribe" not in seen[-1]["push"]:
            seen.append(await his.next())
        assert seen[-1]["push"]["unsubscribe"]["code"] == 2000


async def test_presence_shows_who_is_subscribed_until_they_are_gone(client: Client, ada: Person, bob: Person) -> None:
    room = await ada.room()
    channel = {"channel": f"room:{room}"}
    await bob.post(f"/rooms/{room}/join")
    async with wire(client) as hers:
        await hers.connect(ada)
        await hers.ask(2, subscribe=channel)
        async with wire(client) as his:
            await his.connect(bob)
            await his.ask(2, subscribe=channel)
            join = await hers.next()
            stats = await hers.ask(3, presence_stats=channel)
        leave = await hers.next()
        present = await hers.ask(4, presence=channel)

    assert join["push"]["join"]["info"]["user"] == bob.id
    assert leave["push"]["leave"]["info"] == join["push"]["join"]["info"]
    assert stats["presence_stats"] == {"num_clients": 2, "num_users": 2}
    assert [info["user"] for info in present["presence"]["presence"].values()] == [ada.id]


async def test_history_reads_on_in_the_log(client: Client, ada: Person) -> None:
    room = await ada.room()
    for number in range(4):
        await ada.say(room, f"{number}")
    async with wire(client) as hers:
        await hers.connect(ada)

        newest = await hers.ask(2, history={"channel": f"room:{room}", "limit": 2, "reverse": True})
        position = await hers.ask(3, history={"channel": f"room:{room}"})
        page = await hers.ask(4, rpc={"method": "history", "data": {"timeline": f"room:{room}", "limit": 3}})

    assert [item["data"]["message"]["text"] for item in newest["history"]["publications"]] == ["3", "2"]
    assert position["history"]["publications"] == []
    assert position["history"]["offset"] == newest["history"]["offset"]
    assert [message["text"] for message in page["rpc"]["data"]["items"]] == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("nonsense", 3501),
        ('{"id":1,"connect":{"token":"forged"}}', 3500),
        ('{"id":1,"rpc":{}}', 3501),
        ("x" * 65_537, 1009),
    ],
)
async def test_what_cannot_be_served_is_closed_with_its_code(client: Client, frame: str, code: int) -> None:
    async with wire(client) as stranger:
        await stranger.socket.send_str(frame)

        assert await stranger.next() == code


async def test_a_frame_far_over_the_limit_is_closed_too(client: Client, ada: Person) -> None:
    async with wire(client) as hers:
        await hers.connect(ada)
        await hers.socket.send_str("x" * 1_000_000)

        assert await hers.next() == 1009


async def test_cookies_count_only_from_an_allowed_origin(client: Client, ada: Person) -> None:
    cookie = {"Cookie": f"{ACCESS_TOKEN}={ada.token}"}
    own = str(client.make_url("")).rstrip("/")
    answers = {}
    for origin in (own, "https://evil.example", None):
        headers = cookie if origin is None else {**cookie, "Origin": origin}
        async with wire(client, headers=headers) as browser:
            answers[origin] = await browser.ask(1, connect={})

    assert "connect" in answers[own]
    assert answers["https://evil.example"]["error"]["code"] == 101
    assert "connect" in answers[None]  # no page has sent this


async def test_a_deactivated_person_is_disconnected_at_once(client: Client, engine: Engine, bob: Person) -> None:
    async with wire(client) as his:
        await his.connect(bob)

        await engine.accounts.administrate(ParticipantId(bob.id), AccountChanges(active=False))

        assert await his.next() == 3503


async def test_shutting_down_sends_everyone_elsewhere_and_leaves_nothing(client: Client, ada: Person) -> None:
    hub = client.app[HUB]
    async with wire(client) as hers:
        await hers.connect(ada)
        assert (hub.connections, hub.users) == (1, 1)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.shutdown)
            assert await hers.next() == 3001

    assert (hub.connections, hub.users) == (0, 0)


@asynccontextmanager
async def served(engine: Engine, **limits: Any) -> AsyncIterator[tuple[BaseTestServer, Hub]]:
    """A server of its own, with limits of its own."""
    hub = Hub(engine, RealtimeSettings(**limits))
    app = web.Application()
    app.router.add_get(PATH, hub.handle)
    async with LikeServed(app) as server:
        yield server, hub
        await hub.shutdown()


async def test_a_client_that_answers_no_ping_is_disconnected(engine: Engine, client: Client, ada: Person) -> None:
    async with (
        served(engine, ping_interval=0.05, pong_timeout=0.05, linger=0.5) as (server, _),
        client.session.ws_connect(server.make_url(PATH)) as socket,
    ):
        silent = Wire(socket)
        await silent.connect(ada)

        assert await silent.next() == {}
        assert await silent.next() == 3012


async def test_a_client_that_stops_reading_is_cut_off_and_recovers_while_nobody_waits_for_it(
    engine: Engine, client: Client, ada: Person
) -> None:
    room = await ada.room()
    async with served(engine, queue_bytes=65_536, linger=0.2) as (server, hub), wire(client) as good:
        await good.connect(ada)
        position = (await good.ask(2, subscribe={"channel": f"room:{room}"}))["subscribe"]
        with stalled_client(server, ada, room):
            await until(lambda: presence_of(good, room, 2))
            posted = await post_until(lambda: not hub.connections, engine, ada, room)
        offsets = [int(push["push"]["pub"]["offset"]) async for push in pushes(good, posted)]
        async with wire(client) as again:
            await again.connect(ada)
            since = {"recover": True, "epoch": position["epoch"], "offset": position["offset"]}
            recovered = (await again.ask(2, subscribe={"channel": f"room:{room}", **since}))["subscribe"]

    assert offsets == list(range(position["offset"] + 1, position["offset"] + posted + 1))
    assert [item["offset"] for item in recovered["publications"]] == offsets


async def test_a_slow_client_that_reads_again_in_time_learns_why_it_was_cut_off(
    engine: Engine, client: Client, ada: Person
) -> None:
    room = await ada.room()
    async with served(engine, queue_bytes=65_536, linger=5.0) as (server, _), wire(client) as good:
        await good.connect(ada)
        await good.ask(2, subscribe={"channel": f"room:{room}"})
        with stalled_client(server, ada, room) as stalled:
            await until(lambda: presence_of(good, room, 2))
            ref = engine.timelines.ref(f"room:{room}")
            assert ref is not None
            present = (await engine.accounts.current(ParticipantId(ada.id))).principal
            # The connection leaves the room before it says goodbye.
            await post_until(lambda: is_alone(ref, present), engine, ada, room)
            end = await anyio.to_thread.run_sync(read_to_the_end, stalled)

    assert end.endswith(struct.pack("!BBH", 0x88, 6, 3008) + b"slow")


async def is_alone(ref: Ref[Timeline], by: Principal) -> bool:
    return len(await ref.ask(ReadPresence(by))) == 1


async def post_until(condition: Callable[[], bool | Awaitable[bool]], engine: Engine, author: Person, room: str) -> int:
    """Post long messages, one after the other; tells how many."""
    ref = engine.timelines.ref(f"room:{room}")
    assert ref is not None
    by = (await engine.accounts.current(ParticipantId(author.id))).principal
    for posted in range(20_000):
        met = condition()
        if met if isinstance(met, bool) else await met:
            return posted
        await ref.ask(Post(by, Draft(text="x" * 4000)))
    raise AssertionError("nothing was too slow")


async def presence_of(wire: Wire, room: str, clients: int) -> bool:
    await wire.send({"id": 9, "presence_stats": {"channel": f"room:{room}"}})
    while "id" not in (answer := await wire.next()):
        pass
    return bool(answer["presence_stats"]["num_clients"] == clients)


async def pushes(wire: Wire, count: int) -> AsyncIterator[Any]:
    while count:
        line = await wire.next()
        if "offset" in line.get("push", {}).get("pub", {}):  # a durable one
            count -= 1
            yield line


class stalled_client:  # noqa: N801 - reads as a function
    """A client on a bare socket with a small buffer, which connects, subscribes, and never reads."""

    def __init__(self, server: BaseTestServer, person: Person, room: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert server.port is not None
        self._socket.connect((str(server.host), server.port))
        handshake = (
            f"GET {PATH} HTTP/1.1\r\nHost: {server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        self._socket.sendall(handshake.encode())
        commands = (
            {"id": 1, "connect": {"token": person.token}},
            {"id": 2, "subscribe": {"channel": f"room:{room}"}},
        )
        payload = "\n".join(map(json.dumps, commands)).encode()
        self._socket.sendall(struct.pack("!BBHI", 0x81, 0x80 | 126, len(payload), 0) + payload)

    def __enter__(self) -> socket.socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def read_to_the_end(stalled: socket.socket) -> bytes:
    """The last of what the server sent."""
    end = b""
    stalled.settimeout(20)
    while data := stalled.recv(1 << 16):
        end = (end + data)[-100:]
        if b"slow" in end:
            break
    return end


async def test_a_shutdown_that_is_cut_short_cuts_off_who_is_left(engine: Engine, client: Client, ada: Person) -> None:
    room = await ada.room()
    async with served(engine, queue_bytes=65_536, linger=60.0) as (server, hub), wire(client) as good:
        await good.connect(ada)
        with stalled_client(server, ada, room):
            ref = engine.timelines.ref(f"room:{room}")
            assert ref is not None
            present = (await engine.accounts.current(ParticipantId(ada.id))).principal
            await until(lambda: is_there(ref, present))
            await post_until(lambda: is_gone(ref, present), engine, ada, room)
            with anyio.move_on_after(0.05):
                await hub.shutdown()
            await until(lambda: hub.connections == 0)


async def is_there(ref: Ref[Timeline], by: Principal) -> bool:
    return bool(await ref.ask(ReadPresence(by)))


async def is_gone(ref: Ref[Timeline], by: Principal) -> bool:
    return not await is_there(ref, by)


async def test_search_finds_in_one_timeline_and_in_all_of_mine(client: Client, ada: Person, bob: Person) -> None:
    room, other = await ada.room(), await ada.room()
    await ada.say(room, "an apple")
    await ada.say(other, "an apple pie")
    async with wire(client) as hers, wire(client) as his:
        await hers.connect(ada)
        await his.connect(bob)

        here = await hers.ask(2, rpc={"method": "search", "data": {"q": "apple", "timeline": f"room:{room}"}})
        mine = await hers.ask(3, rpc={"method": "search", "data": {"q": "apple", "limit": 1}})
        mixed = await hers.ask(4, rpc={"method": "search", "data": {"q": "apple", "before": 5}})
        stranger = await his.ask(2, rpc={"method": "search", "data": {"q": "apple", "timeline": f"room:{room}"}})
        nothing = await his.ask(3, rpc={"method": "search", "data": {"q": "apple"}})

    assert [item["text"] for item in here["rpc"]["data"]["items"]] == ["an apple"]
    [newest] = mine["rpc"]["data"]["items"]
    assert (newest["text"], mine["rpc"]["data"]["next"]) == ("an apple pie", newest["id"])
    assert newest["highlights"] == [{"text": "an apple pie", "ranges": [[3, 8]]}]
    assert (mixed["error"]["code"], stranger["error"]["code"]) == (107, 103)
    assert nothing["rpc"]["data"]["items"] == []
