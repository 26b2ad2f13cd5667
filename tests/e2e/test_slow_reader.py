"""A client that stops reading is sent away, nobody else notices, and it recovers exactly what it missed."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import anyio
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest

from tests.support.server import GatheringServer
from tests.support.visitors import Follower, Visitor, until

pytestmark = pytest.mark.anyio

LARGE = "\N{GRINNING FACE}" * 3900
"""16 kB of text, so that what the kernel holds for a client that does not read is soon full."""
MEGABYTE = 1 << 20
MOST_POSTS = 4000


@pytest.fixture
async def narrow_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections whose sockets receive little without being read."""

    def narrow(address: tuple[object, ...]) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)  # type: ignore[arg-type] # the members of an addrinfo
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        return made

    connector = aiohttp.TCPConnector(socket_factory=narrow)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def post_and_measure(author: Visitor, room: str, follower: Follower, texts: list[str]) -> list[float]:
    """Post some at a time; the delays until the follower saw each, sorted."""
    sent: dict[str, float] = {}
    at_once = anyio.Semaphore(4)

    async def post(text: str) -> None:
        async with at_once:
            sent[text] = anyio.current_time()
            assert (await author.post(room, text)).status == 201

    async with anyio.create_task_group() as posting:
        for text in texts:
            posting.start_soon(post, text)
    await until(lambda: len(follower.arrivals.keys() & sent.keys()) == len(sent))
    return sorted(follower.arrivals[text] - at for text, at in sent.items())


async def test_a_client_that_stops_reading_is_sent_away_slows_nobody_and_recovers(
    database_url: str, session: aiohttp.ClientSession, narrow_session: aiohttp.ClientSession
) -> None:
    with GatheringServer(database_url, outgoing_queue_bytes=MEGABYTE, recent_events=200) as server:
        process = psutil.Process(server.pid)
        ada, ben, cleo = [await Visitor.register(session, server, name) for name in ("ada", "ben", "cleo")]
        room = await ada.open_room(ben, cleo)
        cleo.session = narrow_session
        bens, cleos = Follower(room), Follower(room)
        posted = 0

        async def post(count: int) -> list[float]:
            nonlocal posted
            texts = [f"{number} {LARGE}" for number in range(posted, posted + count)]
            posted += count
            return await post_and_measure(ada, room, bens, texts)

        async with ben.connect() as listening:
            await bens.attach(listening)
            async with cleo.connect() as slow:
                await cleos.attach(slow)
                before = await post(200)
                await until(lambda: len(cleos.texts) == 200)
                memory = process.memory_info().rss

                slow.reads = anyio.Event()
                during: list[float] = []
                while len((await listening.rpc("presence", timeline=f"room:{room}"))["clients"]) > 1:
                    assert posted < MOST_POSTS, "the slow client is still there"
                    during += await post(50)
                slow.reads.set()
                told = await slow.ended()
            unread = posted - 200
            await post(400)
            grown = process.memory_info().rss - memory
            async with cleo.connect() as again:
                await cleos.attach(again)
                await post(1)
                await until(lambda: len(cleos.texts) == posted)

        events = len(await ada.log(room))

    during.sort()
    assert told == 3008
    assert len(bens.texts) == posted
    bens.check()
    cleos.check()
    assert cleos.offsets[-1] == bens.offsets[-1] == events
    assert cleos.texts == bens.texts
    assert during[len(during) // 2] < 10 * before[len(before) // 2] + 0.25
    assert during[-1] < 10 * before[-1] + 1.0
    assert grown < 64 * MEGABYTE, f"{grown} bytes after {unread} unread posts"


async def test_who_never_reads_again_is_cut_off(
    sqlite_url: str, session: aiohttp.ClientSession, narrow_session: aiohttp.ClientSession
) -> None:
    with GatheringServer(sqlite_url, outgoing_queue_bytes=MEGABYTE) as server:
        process = psutil.Process(server.pid)
        ada, ben, cleo = [await Visitor.register(session, server, name) for name in ("ada", "ben", "cleo")]
        room = await ada.open_room(ben, cleo)
        cleo.session = narrow_session
        bens = Follower(room)
        ports: set[int] = set()

        def connected() -> set[int]:
            return {each.raddr.port for each in process.net_connections("tcp") if each.raddr}

        async with ben.connect() as listening:
            await bens.attach(listening)
            others = connected()
            async with cleo.connect() as slow:
                await Follower(room).attach(slow)
                ports = connected() - others
                slow.reads = anyio.Event()
                number = 0
                while len((await listening.rpc("presence", timeline=f"room:{room}"))["clients"]) > 1:
                    assert number < MOST_POSTS, "the slow client is still there"
                    await post_and_measure(ada, room, bens, [f"{number + each} {LARGE}" for each in range(50)])
                    number += 50
                await until(lambda: not ports & connected(), limit=30)

                assert slow.closed is None
    assert len(ports) == 1
