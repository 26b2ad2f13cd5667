"""The database stopped, frozen or locked under a running server: bounded refusals, reads go on, and service resumes by itself."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import median

import aiohttp
import anyio
import pytest

from tests.support.postgres import PostgresServer
from tests.support.server import GatheringServer
from tests.support.visitors import Follower, Refusal, Visitor, Wire, until

pytestmark = pytest.mark.anyio

BOUND = 5.0
"""Seconds until a post is refused."""
QUICK = 1.0
"""Seconds for a read, of each kind for most: a busy machine may hold up one. Waiting for the database takes longer, each time."""


@pytest.fixture(scope="module")
def ill_treated() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    server.stop(immediate=True)
    try:
        yield
    finally:
        server.start()


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def locked(path: str, how: str) -> Iterator[None]:
    """Another process in the middle of a transaction."""
    program = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10);"
        "connection.execute(f'BEGIN {sys.argv[2]}'); print(flush=True); sys.stdin.read(); connection.execute('ROLLBACK')"
    )
    command = [sys.executable, "-c", program, path, how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield
        assert process.stdin is not None
        process.stdin.close()


Away = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["stopped", "frozen", "exclusive", "immediate"])
def outage(request: pytest.FixtureRequest) -> tuple[str, Away]:
    """A database, and how it goes away for a while."""
    if request.param in {"exclusive", "immediate"}:
        url = request.getfixturevalue("sqlite_url")
        return url, lambda: locked(url.removeprefix("sqlite+aiosqlite:///"), request.param)
    server = request.getfixturevalue("ill_treated")
    server.drop_database("gathering")
    url = server.create_database("gathering")
    subprocess.run([sys.executable, "-m", "gateway", "migrate", "--database-url", url], check=True)
    return url, lambda: (stopped if request.param == "stopped" else frozen)(server)


@pytest.fixture
def server(outage: tuple[str, Away]) -> Iterator[GatheringServer]:
    limits = {"commands_per_second": 100_000, "commands_burst": 100_000, "storage_timeout": 2}
    with GatheringServer(outage[0], **limits) as server:
        yield server


@pytest.fixture
def away(outage: tuple[str, Away]) -> Away:
    return outage[1]


class Posts:
    """Posts over both doors, each with a client_id of its own: who was refused, when, and what was acknowledged."""

    def __init__(self, author: Visitor, wire: Wire, room: str) -> None:
        self.acknowledged: dict[str, int] = {}
        self.refused: list[str] = []
        self.delays: list[float] = []
        self._author = author
        self._wire = wire
        self._room = room

    async def rest(self, text: str) -> None:
        """Post over REST."""
        answer = await self._author.post(self._room, text, text)
        self.delays.append(answer.seconds)
        if answer.status < 300:
            self.acknowledged[text] = answer.body["offset"]
            return
        self.refused.append(text)
        assert (answer.status, answer.code) == (503, "storage_unavailable"), answer.body
        assert int(answer.headers["Retry-After"]) >= 1

    async def realtime(self, text: str) -> None:
        """Post over the connection."""
        began = anyio.current_time()
        refusal: Refusal | None = None
        try:
            self.acknowledged[text] = (await self._wire.post(self._room, text, text))["offset"]
        except Refusal as refused:
            refusal = refused
        self.delays.append(anyio.current_time() - began)
        if refusal is not None:
            self.refused.append(text)
            assert (refusal.code, refusal.message, refusal.temporary) == (503, "storage_unavailable", True)

    async def both(self, numbers: range) -> None:
        """Post all of these at once, one half over each door."""
        async with anyio.create_task_group() as posting:
            for number in numbers:
                posting.start_soon(self.rest if number % 2 else self.realtime, f"post {number}")

    async def repeat(self) -> None:
        """Post again what was refused, until all of it is acknowledged."""
        refused, self.refused = self.refused, []
        for text in refused:
            await self.rest(text)


class Reads:
    """How long reads take."""

    def __init__(self, reader: Visitor, wire: Wire, room: str) -> None:
        self.delays: defaultdict[str, list[float]] = defaultdict(list)
        self._reader = reader
        self._wire = wire
        self._room = room
        self._since: dict[str, object] = {}

    async def begin(self) -> None:
        """Remember where the log stands: from there everything is recovered."""
        position = await self._wire.ask(subscribe={"channel": f"room:{self._room}"})
        self._since = {"recover": True, "epoch": position["epoch"], "offset": position["offset"]}
        await self._wire.ask(unsubscribe={"channel": f"room:{self._room}"})

    async def all(self) -> None:
        """Read in every way there is."""
        channel = f"room:{self._room}"
        for what in ("messages", "events"):
            answer = await self._reader.call("GET", f"/rooms/{self._room}/{what}")
            assert answer.status == 200, answer.body
            assert answer.body["items"]
            self._note(what, answer.seconds)
        began = anyio.current_time()
        assert (await self._wire.ask(history={"channel": channel, "limit": 10}))["publications"]
        self._note("history", anyio.current_time() - began)

        began = anyio.current_time()
        subscribed = await self._wire.ask(subscribe={"channel": channel, **self._since})
        self._note("subscribe", anyio.current_time() - began)
        assert subscribed["recovered"]
        assert subscribed["publications"]
        await self._wire.ask(unsubscribe={"channel": channel})

        began = anyio.current_time()
        async with self._reader.connect():
            self._note("connect", anyio.current_time() - began)

    def _note(self, what: str, seconds: float) -> None:
        self.delays[what].append(seconds)

    def check(self) -> None:
        """Fail unless most of each kind were quick, and none was worse than a post."""
        assert max(median(each) for each in self.delays.values()) < QUICK, self.delays
        assert max(max(each) for each in self.delays.values()) < BOUND, self.delays


async def health(session: aiohttp.ClientSession, server: GatheringServer) -> tuple[int, int]:
    async with session.get(f"{server.http}/readyz") as ready, session.get(f"{server.http}/livez") as live:
        return ready.status, live.status


async def test_while_the_database_is_away_posts_are_refused_in_time_and_reads_go_on_and_then_all_is_well(
    server: GatheringServer, away: Away, session: aiohttp.ClientSession
) -> None:
    ada, ben = [await Visitor.register(session, server, name) for name in ("ada", "ben")]
    room = await ada.open_room(ben)
    bens = Follower(room)
    async with ada.connect() as hers, ben.connect() as his:
        posts, reads = Posts(ada, hers, room), Reads(ben, his, room)
        async with ben.connect() as listening:
            await bens.attach(listening)
            await reads.begin()
            await posts.both(range(50))
            await reads.all()
            assert not posts.refused

            with away():
                reading = anyio.Event()
                healths = []

                async def read() -> None:
                    while not reading.is_set():
                        await reads.all()

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(read)
                    async with anyio.create_task_group() as posting:
                        posting.start_soon(posts.both, range(50, 100))
                        for number in range(100, 120):
                            posting.start_soon(posts.both, range(number, number + 1))
                            await anyio.sleep(0.2)  # the load itself: they keep coming
                        healths.append(await health(session, server))
                    reading.set()
                refused = set(posts.refused)
            first_try = anyio.current_time()
            while True:
                await posts.rest("after")
                if "after" in posts.acknowledged:
                    break
            resumed = anyio.current_time() - first_try
            posts.refused = sorted(refused)
            await posts.repeat()
            await until(lambda: len(bens.texts) == 121)

    assert len(refused) == 70
    assert max(posts.delays) < BOUND
    assert not posts.refused
    assert resumed < BOUND
    assert healths == [(503, 200)]
    reads.check()
    events = await ada.log(room)
    stored = {event["message"]["text"]: event["offset"] for event in events if event["type"] == "message.posted"}
    assert stored == posts.acknowledged
    bens.check()
    assert bens.texts == list(stored)
