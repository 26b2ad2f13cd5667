"""Answers of chat models while they stream: how much later their words come, whether any is lost, and what others notice.

The server, the process in which it reads its models, their provider (`model_server`) and the readers (`audience`) are processes
of their own; the one who posts is in this one, and has the highest priority where that is allowed. The provider and the readers,
who would be on other machines, have the lowest.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

import aiohttp
import anyio
import msgspec
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own

from benchmarks.audience import COMPLETED, SLOW, Audience, Heard, Plan, Seat, seated
from benchmarks.ballast import ballast
from benchmarks.client import Api, Client
from benchmarks.cores import Cores, Priority, Share, first_in_line
from benchmarks.databases import add_administrator
from benchmarks.model_server import HUNG, provided
from benchmarks.posts import percentile
from benchmarks.server import UNTHROTTLED, Server, running

DEADLINE = 5.0
"""The server's for a first token, in seconds: when the hung model is given up."""
POST_PAUSE = 0.02
"""Seconds between two posts of somebody in another room."""
QUIET = 5.0
"""Seconds of such posts with nobody streaming, before the answers and after them: what drifts on the machine is in both."""
FURNISHING = 10
"""Rooms that are set up at the same time."""
BARE = 20
"""Streams read from the provider without a server between."""
SERVER, POSTER = "the server", "the poster"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """`answers` at once, each in a room of its own with `readers`, who are there only: each is one more person, with one connection.

    Each has `rate` tokens a second for `seconds`; they begin within `ramp` seconds.
    """

    answers: int
    readers: int
    rate: float
    seconds: float
    ramp: float


class Bare:
    """What the provider's streams are without a server between: from the request, and from the sending, to the first token, in seconds."""

    def __init__(self) -> None:
        self.from_request: list[float] = []
        self.from_sending: list[float] = []

    async def read(self, http: aiohttp.ClientSession, provider: str) -> None:
        """Read one stream up to its first token."""
        asked = time.monotonic()
        body = {"model": "paced", "stream": True, "messages": [{"role": "user", "content": "Go"}]}
        async with http.post(f"{provider}/chat/completions", json=body) as response:
            async for line in response.content:
                if b"@" in line:
                    now = time.monotonic()
                    self.from_request.append(now - asked)
                    self.from_sending.append(now - float(line.partition(b"@")[2].partition(b" ")[0]))
                    return


class Result(msgspec.Struct):
    """What was measured; latencies in seconds."""

    bare: Bare
    heard: list[Heard] = []
    slow: list[Heard] = []
    hung: Heard = msgspec.field(default_factory=Heard)
    quiet: list[float] = []
    during: list[float] = []
    beside: list[float] = []
    shares: dict[str, Share] = {}
    worked: float = 0.0


async def measure(url: str, load: Load) -> list[str]:
    """Run everything and return the report's lines."""
    tokens = int(load.seconds * load.rate)
    await add_administrator(url)
    with provided(tokens, load.rate) as provider:
        settings = {
            **UNTHROTTLED,
            "GATHERING_CHAT_MODEL": "openai:paced",
            "GATHERING_CHAT_MODEL_BASE_URL": provider.address,
            "GATHERING_CHAT_MODEL_CONCURRENCY": str(2 * load.answers),
            "GATHERING_CHAT_MODEL_FIRST_TOKEN_TIMEOUT": str(DEADLINE),
            "GATHERING_MESSAGE_CHARACTERS": "100000",
            "GATHERING_STORAGE_TIMEOUT": "20",
        }
        with running(url, settings) as server:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                result = await Stage(http, server, provider).play(load, tokens)
    return list(_report(load, tokens, result))


class Stage:
    """The rooms, and who is in them."""

    def __init__(self, http: aiohttp.ClientSession, server: Server, provider: Server) -> None:
        self._api = Api(http, server.address)
        self._http = http
        self._server = server
        self._provider = provider

    async def play(self, load: Load, tokens: int) -> Result:
        """Set the scene, then measure: posts alone, beside the answers, and beside as much work that has nothing to do with them."""
        api = self._api
        root = await api.sign_in("root")
        asker = await api.newcomer("asker")
        readers: list[list[str]] = [[] for _ in range(load.answers)]
        agents = {model: (await api.call("POST", "/agents", _agent(model), root))["id"] for model in ("paced", HUNG)}
        warm, stuck, elsewhere, *rooms = [""] * (load.answers + 3)
        limit = anyio.CapacityLimiter(FURNISHING)

        async def furnish(number: int) -> None:
            async with limit:
                readers[number] = [await api.newcomer(f"reader{number}x{each}") for each in range(load.readers)]
                rooms[number] = await self._room(root, [asker, *readers[number]], agents["paced"], f"Room {number}")

        async with anyio.create_task_group() as group:
            for number in range(load.answers):
                group.start_soon(furnish, number)
        warm = await self._room(root, [asker], agents["paced"], "Warm")
        stuck = await self._room(root, [asker], agents[HUNG], "Stuck")
        elsewhere = await self._room(root, [asker], None, "Elsewhere")
        seats = [Seat(token, [room]) for room, tokens in zip(rooms, readers, strict=True) for token in tokens]
        others = [Seat(asker, [stuck]), Seat(asker, [*rooms], rate=SLOW)]
        limits = 2 * load.seconds + 60.0
        result = Result(Bare())
        warming = Plan(self._server.address, [Seat(asker, [warm])], tokens, limits)
        poster = await Client.connect(self._http, self._server.address, asker, lambda *_: None)
        async with anyio.create_task_group() as group:
            group.start_soon(poster.run)
            async with seated(warming) as one:
                await _say(poster, warm, "warm up: the server opens its connections")
                await one.heard()
            async with seated(Plan(self._server.address, [*seats, *others], tokens, limits)) as audience:
                first_in_line()
                await _post(poster, elsewhere, QUIET, result.quiet)
                async with anyio.create_task_group() as asking:
                    asking.start_soon(_say, poster, stuck, "Are you there?")
                    asking.start_soon(self._bare, result.bare, load)
                    for room in rooms:
                        asking.start_soon(_say, poster, room, "Go")
                        await anyio.sleep(load.ramp / load.answers)
                    processes = self._processes(audience)
                    priority = {name: Priority.of(each) for name, each in processes.items()}
                    cores = Cores(processes)
                    await _post(poster, elsewhere, max(1.0, load.seconds - load.ramp), result.during)
                    result.shares, result.worked = cores.shares(), cores.worked()
                *heard, (result.hung,), result.slow = await audience.heard()
                result.heard = [each for seat in heard for each in seat]
                await _post(poster, elsewhere, QUIET, result.quiet)
            with ExitStack() as busy:
                for name in result.shares.keys() - {SERVER, POSTER}:
                    busy.enter_context(ballast(result.shares[name].runs, priority[name]))
                await _post(poster, elsewhere, QUIET, result.beside)
            group.cancel_scope.cancel()
        return result

    def _processes(self, audience: Audience) -> dict[str, psutil.Process]:
        (reading,) = self._server.process.children()
        measuring = {
            "the provider": self._provider.process,
            "the readers": audience.cpu,
            POSTER: psutil.Process(),
        }
        return {SERVER: self._server.process, "its process that reads models": reading, **measuring}

    async def _bare(self, bare: Bare, load: Load) -> None:
        for _ in range(BARE):
            await bare.read(self._http, self._provider.address)
            await anyio.sleep(load.ramp / BARE)

    async def _room(self, root: str, people: list[str], agent: str | None, name: str) -> str:
        room = (await self._api.call("POST", "/rooms", {"name": name}, root))["id"]
        if agent is not None:
            await self._api.call("PUT", f"/rooms/{room}/agents/{agent}", None, root)
        for token in people:
            await self._api.call("POST", f"/rooms/{room}/join", None, token)
        return f"room:{room}"


def _agent(model: str) -> dict[str, object]:
    return {
        "name": model,
        "persona": "You count.",
        "model": f"openai:{model}",
        "room_policy": "always",
        "conversation_policy": "never",
    }


async def _say(client: Client, channel: str, text: str) -> None:
    await client.call("rpc", {"method": "post", "data": {"timeline": channel, "text": text}})


async def _post(client: Client, channel: str, seconds: float, into: list[float]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        since = time.monotonic()
        await _say(client, channel, "hello there")
        into.append(time.monotonic() - since)
        await anyio.sleep(POST_PAUSE)


def _report(load: Load, tokens: int, result: Result) -> Iterator[str]:
    begun = [heard for heard in result.heard if heard.deltas]
    first = median(heard.first_at - heard.asked_at for heard in begun)
    sent = median(heard.first_at - heard.first_sent for heard in begun)
    asked = median(heard.first_sent - 1.0 / load.rate - heard.asked_at for heard in begun)
    bare, bare_sent = median(result.bare.from_request), median(result.bare.from_sending)
    complete = sum(heard.ended == COMPLETED for heard in result.heard)
    deltas = sum(heard.deltas for heard in begun)
    yield (
        f"{load.answers} answers at once, {load.rate:g} tokens a second each, {load.readers} readers each,"
        f" {load.seconds:g} s long:"
    )
    yield f"  {'':52}{'here':>10}{'bare':>10}{'added':>10}{'aim':>10}"
    yield _row("question there to first token there, p50 ms", first, bare, 0.005)
    yield _row("first token sent by the provider to there, p50 ms", sent, bare_sent, 0.005)
    yield f"  {'question there to the provider asked, p50 ms':52}{1e3 * asked:10.2f}"
    for name, percent in (("p50", 50), ("p99", 99)):
        alone, during, beside = (percentile(each, percent) for each in (result.quiet, result.during, result.beside))
        aim = "<= 1.10x" if percent == 50 else ""
        yield _ratio(f"a post in another room, {name} ms; bare: no answers", during, alone, aim)
        yield _ratio("  bare: no answers, other processes as busy", during, beside, "")
    missing, wrong = (sum(each) for each in zip(*((heard.missing, heard.wrong) for heard in result.heard), strict=True))
    yield f"  answers read to their end: {complete} of {len(result.heard)}"
    yield f"  tokens lost or out of order: {missing} of {len(result.heard) * tokens:,}"
    yield f"  deltas: {deltas:,}, {deltas / len(begun) / load.seconds:.1f} a second for each; out of order: {wrong}"
    slow = result.slow
    yield (
        f"  one who reads all of them at {SLOW / 1e3:g} kB/s: {sum(each.deltas for each in slow) / len(slow):.0f} deltas of each,"
        f" {sum(each.missing for each in slow)} tokens lost or out of order,"
        f" read to their end: {sum(each.ended == 'answer.completed' for each in slow)} of {len(slow)}"
    )
    took = result.hung.ended_at - result.hung.asked_at
    yield f"  the hung model: {result.hung.ended or 'nothing'} after {took:.1f} s; its deadline is {DEADLINE:g} s"
    cores = ", ".join(f"{name} {share.runs:.2f} ({share.waits:.2f})" for name, share in result.shares.items())
    others = max(0.0, result.worked - sum(share.runs for share in result.shares.values()))
    yield f"  cores while all stream (and waited for): {cores}, all else {others:.2f}; there are {psutil.cpu_count()}"


def _ratio(name: str, here: float, bare: float, aim: str) -> str:
    return f"  {name:52}{1e3 * here:10.2f}{1e3 * bare:10.2f}{here / bare:9.2f}x{aim:>10}"


def _row(name: str, here: float, bare: float, aim: float) -> str:
    return f"  {name:52}{1e3 * here:10.2f}{1e3 * bare:10.2f}{1e3 * (here - bare):10.2f}{f'<= {1e3 * aim:g}':>10}"
