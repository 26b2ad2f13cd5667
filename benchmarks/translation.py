"""Posting while a slow provider translates, beside the same posting without translation.

Everyone is in two rooms of one server, which are alike but that one of them is translated, and posts the same to the one and to the other
in turns: what drifts on the machine drifts for both. Two servers would not do: of two that are set up alike and do the same, one has a
p99 that is up to a quarter shorter. People post at times that a seeded chance chooses, the same for both kinds of rooms, over connections
that do nothing else; they read over others, in a process of their own (`listeners`), and so is the provider: what readers and the provider
have to do would count as the server's. How late this process itself was is in the report.

Two cores are often two halves of one: then everything is slower while the other half works, whatever at. So after each turn with
translation there is one without, beside processes that take as much more of the cores as the server's own process, the provider and the
readers have just done (`ballast`). What is longer than there is translation's doing in the server.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import mean
from typing import Any

import aiohttp
import anyio
import msgspec
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
from anyio.abc import TaskGroup

from benchmarks.audience import Seat
from benchmarks.ballast import ballast
from benchmarks.client import Api, Client
from benchmarks.cores import Cores, Priority, Share, first_in_line
from benchmarks.databases import Database, add_administrator, opened
from benchmarks.listeners import listening
from benchmarks.posts import milliseconds, percentile, post
from benchmarks.server import UNTHROTTLED, Server, running
from benchmarks.slow_translator import Made, provided

LANGUAGES = ("en", "de", "ja", "fr", "pt-BR", "es")
"""One after the other, of the members of each room."""
TICK = 0.005
"""Seconds between two looks at how late this process is."""
REST = 5.0
"""Seconds for the disk to write what has furnished the server: 200 people are more than a thousand commits."""
KEPT = 2.0
"""Seconds until what has come is kept, and readers have heard of it."""
PROCESS = "process"
"""The server's own, which translates."""
RESAMPLED = 400
"""How often turns and posts are drawn anew, to see how much of a ratio is chance."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`users` people in rooms of `members`, each of whom posts; `rate` posts a second altogether.

    Each kind of rooms has its turn `turns` times, now the one first and now the other: a request to the provider takes between
    `fastest` and `slowest` seconds, so after `slowest` and a second it has translations to land, and what is posted in the `seconds`
    after that is measured. `requests` to the provider are made at a time.
    """

    users: int
    members: int
    rate: float
    seconds: float
    turns: int = 3
    fastest: float = 2.0
    slowest: float = 5.0
    requests: int = 16

    @property
    def warm_up(self) -> float:
        """Seconds before measuring begins."""
        return self.slowest + 1.0


@dataclass(eq=False)
class Stage:
    """The server and its people."""

    server: Server
    api: Api
    admin: str
    seats: list[Seat] = field(default_factory=list)
    """Where they read."""
    beside: dict[str, psutil.Process] = field(default_factory=dict)
    """The processes, by name, that may work while the server does."""

    async def translation(self) -> dict[str, Any]:
        """How translation is doing at the server."""
        report: dict[str, Any] = await self.api.call("GET", "/admin/translation", None, self.admin)
        return report


@dataclass(eq=False)
class Scene:
    """The rooms of one kind: in them, who posts where, and what was seen. Times are in seconds."""

    name: str
    translated: bool
    people: list[tuple[str, Client]] = field(default_factory=list)
    measuring: bool = False
    acknowledged: list[list[float]] = field(default_factory=list)
    """For each turn how long posts took that were made while it was measured."""
    waiting: list[int] = field(default_factory=list)
    """Texts that waited for the provider, seen once a second."""
    late: list[float] = field(default_factory=list)
    """How late this process was."""
    posted: int = 0
    cpu: float = 0.0
    elapsed: float = 0.0
    shares: list[dict[str, Share]] = field(default_factory=list)
    """For each turn what the processes beside the server had of the cores, by name."""

    @property
    def times(self) -> list[float]:
        """How long posts took, of all turns."""
        return [each for turn in self.acknowledged for each in turn]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the translations.

    The server's `report`, what the provider has `made`, for how many seconds there was something to translate (`translating`), and how
    long after its post each translation was heard by each of its readers (`landed`, in seconds).
    """

    report: dict[str, Any]
    made: Made
    translating: float
    landed: list[float]


async def measure(database: Database, plan: Plan) -> list[str]:
    """Both kinds of rooms in turns; returns the report's lines."""
    without, slow = Scene("without translation", translated=False), Scene("with the provider", translated=True)
    busy = Scene("without, as busy", translated=False)
    translating = 0.0
    with provided(plan.fastest, plan.slowest) as provider, opened(database) as url:
        deepl = {
            "GATHERING_TRANSLATION_PROVIDER": "deepl",
            "GATHERING_DEEPL_AUTH_KEY": "benchmark:fx",
            "GATHERING_DEEPL_SERVER_URL": provider.address,
            "GATHERING_TRANSLATION_CONCURRENCY": str(plan.requests),
        }
        async with (
            _furnished(url, deepl, (without, slow), plan) as stage,
            listening(stage.server.address, stage.seats) as listeners,
        ):
            busy.people = without.people
            (process,) = stage.server.process.children()
            stage.beside = {PROCESS: process, "provider": provider.process, "readers": listeners.cpu}
            first_in_line()
            await anyio.sleep(REST)
            for number in range(plan.turns):
                for scene in (without, slow) if number % 2 == 0 else (slow, without):
                    began = time.perf_counter()
                    await _turn(stage, scene, plan, Random(number))
                    if scene is slow:
                        await _drained(stage)
                        translating += time.perf_counter() - began
                with ExitStack() as others:
                    for name, each in stage.beside.items():
                        more = slow.shares[-1][name].runs - without.shares[-1][name].runs
                        others.enter_context(ballast(max(0.0, more), Priority.of(each)))
                    await _turn(stage, busy, plan, Random(number))
            async with aiohttp.ClientSession() as http, http.get(f"{provider.address}/made") as response:
                made = msgspec.json.decode(await response.read(), type=Made)
            seen = Seen(
                report=await stage.translation(),
                made=made,
                translating=translating,
                landed=await listeners.heard(),
            )
    return list(_report(plan, (without, slow, busy), seen))


@asynccontextmanager
async def _furnished(
    url: str, settings: Mapping[str, str], scenes: Sequence[Scene], plan: Plan
) -> AsyncIterator[Stage]:
    """A server in a process of its own, with everyone in it."""
    await add_administrator(url)
    with running(url, {**UNTHROTTLED, **settings}) as server:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
            anyio.create_task_group() as reading,
        ):
            api = Api(http, server.address)
            stage = Stage(server, api, await api.sign_in("root"))
            await _furnish(stage, scenes, http, plan, reading)
            yield stage
            reading.cancel_scope.cancel()


async def _furnish(
    stage: Stage, scenes: Sequence[Scene], http: aiohttp.ClientSession, plan: Plan, reading: TaskGroup
) -> None:
    """Everyone with a language, in a room of each kind, and connected, to post."""
    api = stage.api

    async def open_rooms(number: int) -> None:
        names = [f"r{number}m{member}" for member in range(min(plan.members, plan.users - number * plan.members))]
        tokens = [await api.newcomer(name) for name in names]
        clients = [await Client.connect(http, stage.server.address, token, lambda *_: None) for token in tokens]
        channels = []
        for scene in scenes:
            body = {"name": f"Room {number} {scene.name}", "translation": scene.translated}
            room = await api.call("POST", "/rooms", body, tokens[0])
            for token in tokens[1:]:
                await api.call("POST", f"/rooms/{room['id']}/join", None, token)
            channels.append(f"room:{room['id']}")
            scene.people += [(channels[-1], client) for client in clients]
        for member, (token, client) in enumerate(zip(tokens, clients, strict=True)):
            await api.call("PATCH", "/me", {"language": LANGUAGES[member % len(LANGUAGES)]}, token)
            reading.start_soon(client.run)
            stage.seats.append(Seat(token, channels))

    async with anyio.create_task_group() as opening:
        for number in range(-(-plan.users // plan.members)):
            opening.start_soon(open_rooms, number)


async def _turn(stage: Stage, scene: Scene, plan: Plan, chance: Random) -> None:
    """Have everyone post for a while, and measure the end of it."""
    scene.acknowledged.append([])
    async with anyio.create_task_group() as looking:
        looking.start_soon(_watch, stage, scene)
        looking.start_soon(_look_at_the_clock, scene)
        async with anyio.create_task_group() as posting:
            posting.start_soon(_post, scene, plan, chance, posting)
            await anyio.sleep(plan.warm_up)
            cpu, started = stage.server.cpu(), time.perf_counter()
            cores = Cores(stage.beside)
            scene.measuring = True
            await anyio.sleep(plan.seconds)
            scene.measuring = False
            scene.shares.append(cores.shares())
            scene.cpu += stage.server.cpu() - cpu
            scene.elapsed += time.perf_counter() - started
        looking.cancel_scope.cancel()


async def _post(scene: Scene, plan: Plan, chance: Random, posting: TaskGroup) -> None:
    """Begin posts when chance has them begin, whether those before were answered or not."""
    due = started = time.perf_counter()
    end = started + plan.warm_up + plan.seconds
    while (due := due + chance.expovariate(plan.rate)) < end:
        channel, client = chance.choice(scene.people)
        await anyio.sleep(max(0.0, due - time.perf_counter()))
        posting.start_soon(_post_one, scene, channel, client)


async def _post_one(scene: Scene, channel: str, client: Client) -> None:
    scene.posted += 1
    measured = scene.measuring
    seconds = await post(channel, client)
    if measured:
        scene.acknowledged[-1].append(seconds)


async def _look_at_the_clock(scene: Scene) -> None:
    while True:
        due = time.perf_counter() + TICK
        await anyio.sleep(TICK)
        if scene.measuring:
            scene.late.append(time.perf_counter() - due)


async def _watch(stage: Stage, scene: Scene) -> None:
    """Look once a second at how many texts wait."""
    while True:
        report = await stage.translation()
        scene.waiting.append(report["translators"]["waiting"])
        await anyio.sleep(1.0)


async def _drained(stage: Stage) -> None:
    """Wait until the provider has done everything, and a moment for the readers to hear of it."""
    while True:
        translators = (await stage.translation())["translators"]
        if not translators["waiting"] and not any(each["in_flight"] for each in translators["providers"]):
            break
        await anyio.sleep(0.1)
    await anyio.sleep(KEPT)


def _by_chance(turns: Sequence[list[float]], others: Sequence[list[float]], percent: int) -> tuple[float, float]:
    """Between what the ratio of two percentiles lies, nine times of ten, when as many turns, and in them as many posts, are drawn anew.

    That is a bootstrap of two stages (Davison and Hinkley, Bootstrap Methods and their Application, 3.8): posts of one turn have the
    machine's mood in common, and from turn to turn that changes more than chance among posts does. The turns of both kinds are drawn in
    pairs, as they were made.
    """
    chance = Random(0)
    numbers = range(len(turns))

    def drawn() -> float:
        chosen = chance.choices(numbers, k=len(numbers))
        times, other = (
            [each for number in chosen for each in chance.choices(kind[number], k=len(kind[number]))]
            for kind in (turns, others)
        )
        return percentile(times, percent) / percentile(other, percent)

    ratios = sorted(drawn() for _ in range(RESAMPLED))
    return ratios[RESAMPLED // 20], ratios[-RESAMPLED // 20]


def _report(plan: Plan, scenes: tuple[Scene, Scene, Scene], seen: Seen) -> Iterator[str]:
    without, slow, busy = scenes
    translators, interpreting = seen.report["translators"], seen.report["interpreting"]
    failures = {each["name"]: each["failures"] for each in translators["providers"]}
    languages = min(plan.members, len(LANGUAGES))
    yield f"{plan.users} people in rooms of {plan.members} who read {languages} languages, {plan.rate:g} posts/s at random times"
    yield f"  each kind of rooms in turn, {plan.turns} times: {plan.seconds:g} s measured after {plan.warm_up:g} s"
    yield f"  provider: {plan.requests} requests at a time, {plan.fastest:g} to {plan.slowest:g} s each"
    for scene in scenes:
        times = scene.times
        yield (
            f"  {scene.name:20} posts {len(times):6,}  p50 {milliseconds(times, 50)}  p95 {milliseconds(times, 95)}"
            f"  p99 {milliseconds(times, 99)} ms   server {scene.cpu / scene.elapsed:4.0%} of a core"
            f", its process {mean(turn[PROCESS].runs for turn in scene.shares):3.0%}"
            f"   this process late, p99 {milliseconds(scene.late, 99)} ms"
        )
        each = "  ".join(milliseconds(turn, 99).strip() for turn in scene.acknowledged)
        yield f"  {'':20} p99 of each turn {each} ms"
    for name, other in (("without", without), ("without, as busy", busy)):
        for percent in (50, 95, 99):
            least, most = _by_chance(slow.acknowledged, other.acknowledged, percent)
            ratio = percentile(slow.times, percent) / percentile(other.times, percent)
            yield f"  p{percent} with / {name:16} {ratio:7.2f}x   by chance, 9 times of 10, {least:.2f} to {most:.2f}x"
    capacity = plan.requests * 2 / (plan.fastest + plan.slowest)
    requests, texts = seen.made.requests / seen.translating, seen.made.texts / seen.translating
    yield f"  requests/s {requests:6.2f} of {capacity:.2f} possible, texts/s {texts:7.1f}"
    heard = f"{len(seen.landed):,} heard by readers"
    yield f"  post to translation  p50 {milliseconds(seen.landed, 50)}  p99 {milliseconds(seen.landed, 99)} ms, {heard}"
    yield f"  texts waiting, most  {max(slow.waiting):7,} of {translators['queue_limit']:,} allowed"
    yield f"  dropped: present {translators['dropped_present']:,}, absent {translators['dropped_absent']:,}"
    yield f"  posted {slow.posted:,}, asked {interpreting['asked']:,}, stored {interpreting['stored']:,}"
    yield f"  failed {interpreting['failed']}, at the provider {failures}"
