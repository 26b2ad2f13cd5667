"""Answers of chat models while they stream: how much later their words come, whether any is lost, and what others notice.

The server, the provider of the models (`model_server`) and the readers, which are here, each have a process of their own.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import aiohttp
import anyio
import msgspec
from anyio.abc import TaskGroup

from benchmarks.client import Api, Client
from benchmarks.model_server import HUNG, provided
from benchmarks.server import UNTHROTTLED, served
from engine.storage.sql import migrate

DEADLINE = 5.0
"""The server's for a first token, in seconds: when the hung model is given up."""
POST_PAUSE = 0.02
"""Seconds between two posts of somebody in another room."""
QUIET = 5.0
"""Seconds of such posts with nobody streaming."""
FURNISHING = 10
"""Rooms that are set up at the same time."""
BARE = 20
"""Streams read from the provider without a server between."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """`answers` at once, each in a room of its own with `readers`.

    Each has `rate` tokens a second for `seconds`; they begin within `ramp` seconds.
    """

    answers: int
    readers: int
    rate: float
    seconds: float
    ramp: float


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    length: int = 0
    text: str = ""
    code: str = ""


class _Publication(msgspec.Struct):
    data: _Event


class _Push(msgspec.Struct):
    channel: str
    pub: _Publication


class _Frame(msgspec.Struct):
    push: _Push


_DECODER = msgspec.json.Decoder(_Frame)


class Reader:
    """Somebody who reads one answer, and checks that nothing of it is missing."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        """When the question has come."""
        self.first_at = 0.0
        self.first_sent = 0.0
        self.text = ""
        self.deltas = 0
        self.index = -1
        self.wrong = 0
        self.ended = ""
        self.ended_at = 0.0

    def publication(self, push: bytes, _: float) -> None:
        """Something has come."""
        if b'"pub"' not in push:
            return
        now = time.monotonic()
        event = _DECODER.decode(push).push.pub.data
        if event.type == "message.posted" and self.asked_at is None:
            self.asked_at = now
        elif event.type == "answer.delta":
            if not self.text:
                self.first_at, self.first_sent = now, float(event.text.split()[0].partition("@")[2])
            self.text += event.text
            self.wrong += event.index <= self.index or event.length != len(self.text)
            self.index = event.index
            self.deltas += 1
        elif event.type in {"answer.completed", "answer.failed", "answer.cancelled"}:
            self.ended, self.ended_at = event.code or event.type, now

    def missing(self, tokens: int) -> int:
        """Tokens that have not come, or not in their order."""
        numbers = [int(word.partition("@")[0]) for word in self.text.split()]
        return sum(number != place for place, number in enumerate(numbers)) + abs(tokens - len(numbers))


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

    readers: list[Reader]
    hung: Reader
    bare: Bare
    before: list[float] = []
    during: list[float] = []


async def measure(url: str, load: Load) -> list[str]:
    """Run everything and return the report's lines."""
    tokens = int(load.seconds * load.rate)
    await migrate(url)
    create = ["user", "create", "--username", "root", "--email", "root@example.org", "--password-stdin", "--admin"]
    await anyio.run_process(
        [sys.executable, "-m", "gateway", *create, "--database-url", url], input=b"benchmark", stdout=subprocess.DEVNULL
    )
    with provided(tokens, load.rate) as provider:
        settings = {
            **UNTHROTTLED,
            "GATHERING_CHAT_MODEL": "openai:paced",
            "GATHERING_CHAT_MODEL_BASE_URL": provider,
            "GATHERING_CHAT_MODEL_CONCURRENCY": str(2 * load.answers),
            "GATHERING_CHAT_MODEL_FIRST_TOKEN_TIMEOUT": str(DEADLINE),
            "GATHERING_MESSAGE_CHARACTERS": "100000",
            "GATHERING_STORAGE_TIMEOUT": "20",
        }
        with served(url, settings) as address:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
                anyio.create_task_group() as reading,
            ):
                result = await Stage(Api(http, address), http, address, provider, reading).play(load)
                reading.cancel_scope.cancel()
    return list(_report(load, tokens, result))


class Stage:
    """The rooms, and who is in them."""

    def __init__(self, api: Api, http: aiohttp.ClientSession, address: str, provider: str, reading: TaskGroup) -> None:
        self._api = api
        self._http = http
        self._address = address
        self._provider = provider
        self._reading = reading

    async def play(self, load: Load) -> Result:
        """Set the scene, then measure: posts alone, then posts beside the answers."""
        api = self._api
        signed_in = await api.call("POST", "/auth/login", {"login": "root", "password": "benchmark"})
        root = signed_in["access_token"]
        people = [await api.newcomer(f"reader{number}") for number in range(load.readers)]
        agents = {model: (await api.call("POST", "/agents", _agent(model), root))["id"] for model in ("paced", HUNG)}
        rooms: list[tuple[Client, str]] = []
        readers: list[Reader] = []
        limit = anyio.CapacityLimiter(FURNISHING)

        async def furnish(number: int) -> None:
            async with limit:
                asker, audience, channel = await self._room(root, people, agents["paced"], f"Room {number}")
            rooms.append((asker, channel))
            readers.extend(audience)

        async with anyio.create_task_group() as group:
            for number in range(load.answers):
                group.start_soon(furnish, number)
        stuck, (hung, *_), stuck_channel = await self._room(root, people[:1], agents[HUNG], "Stuck")
        poster, _, channel = await self._room(root, people[:1], None, "Elsewhere")
        result = Result(readers, hung, Bare())

        await _say(*rooms.pop(0), "warm up: the server opens its connections")
        await _until(lambda: bool(readers[0].ended), load.seconds + 30.0)
        del readers[: load.readers]
        await _post(poster, channel, QUIET, result.before)
        async with anyio.create_task_group() as group:
            group.start_soon(_say, stuck, stuck_channel, "Are you there?")
            group.start_soon(self._bare, result.bare, load)
            for asker, room in rooms:
                group.start_soon(_say, asker, room, "Go")
                await anyio.sleep(load.ramp / load.answers)
            await _post(poster, channel, max(1.0, load.seconds - load.ramp), result.during)
        await _until(lambda: all(reader.ended for reader in (*readers, hung)), load.seconds + 60.0)
        return result

    async def _bare(self, bare: Bare, load: Load) -> None:
        for _ in range(BARE):
            await bare.read(self._http, self._provider)
            await anyio.sleep(load.ramp / BARE)

    async def _room(
        self, root: str, people: list[str], agent: str | None, name: str
    ) -> tuple[Client, list[Reader], str]:
        room = (await self._api.call("POST", "/rooms", {"name": name}, root))["id"]
        if agent is not None:
            await self._api.call("PUT", f"/rooms/{room}/agents/{agent}", None, root)
        readers: list[Reader] = []
        clients: list[Client] = []
        for token in people:
            await self._api.call("POST", f"/rooms/{room}/join", None, token)
            reader = Reader()
            client = await Client.connect(self._http, self._address, token, reader.publication)
            self._reading.start_soon(client.run)
            await client.call("subscribe", {"channel": f"room:{room}"})
            readers.append(reader)
            clients.append(client)
        return clients[0], readers, f"room:{room}"


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


async def _until(done: Callable[[], bool], seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while not done():  # noqa: ASYNC110 - it depends on many
            await anyio.sleep(0.1)


def _report(load: Load, tokens: int, result: Result) -> Iterator[str]:
    readers = [reader for reader in result.readers if reader.text]
    first = median(reader.first_at - (reader.asked_at or 0.0) for reader in readers)
    sent = median(reader.first_at - reader.first_sent for reader in readers)
    bare, bare_sent = median(result.bare.from_request), median(result.bare.from_sending)
    complete = sum(reader.ended == "answer.completed" for reader in result.readers)
    deltas = sum(reader.deltas for reader in readers)
    yield (
        f"{load.answers} answers at once, {load.rate:g} tokens a second each, {load.readers} readers each,"
        f" {load.seconds:g} s long:"
    )
    yield f"  {'':52}{'here':>10}{'bare':>10}{'added':>10}{'aim':>10}"
    yield _row("question there to first token there, p50 ms", first, bare, 0.005)
    yield _row("first token sent by the provider to there, p50 ms", sent, bare_sent, 0.005)
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        before, during = (sorted(each)[int(len(each) * share)] for each in (result.before, result.during))
        yield (
            f"  {f'a post in another room, {name} ms':52}{1e3 * during:10.2f}{1e3 * before:10.2f}"
            f"{during / before:9.2f}x{'<= 1.10x' if share == 0.50 else '':>10}"
        )
    missing, wrong = (sum(each) for each in zip(*((r.missing(tokens), r.wrong) for r in result.readers), strict=True))
    yield f"  answers read to their end: {complete} of {len(result.readers)}"
    yield f"  tokens lost or out of order: {missing} of {len(result.readers) * tokens:,}"
    yield f"  deltas: {deltas:,}, {deltas / len(readers) / load.seconds:.1f} a second for each; out of order: {wrong}"
    took = result.hung.ended_at - (result.hung.asked_at or 0.0)
    yield f"  the hung model: {result.hung.ended or 'nothing'} after {took:.1f} s; its deadline is {DEADLINE:g} s"


def _row(name: str, here: float, bare: float, aim: float) -> str:
    return f"  {name:52}{1e3 * here:10.2f}{1e3 * bare:10.2f}{1e3 * (here - bare):10.2f}{f'<= {1e3 * aim:g}':>10}"
