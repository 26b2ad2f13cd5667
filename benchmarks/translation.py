"""Posting while a slow provider translates, beside the same posting without translation."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple

import aiohttp
import anyio
import msgspec
from aiohttp import web
from anyio.abc import TaskGroup

from benchmarks.client import PASSWORD, Api, Client
from benchmarks.databases import Database, opened
from benchmarks.posts import Meter, milliseconds, send
from benchmarks.server import UNTHROTTLED, served
from tests.support.deepl_server import SOURCES, TARGETS

WARM_UP = 3.0
"""Seconds before measuring begins."""
LANGUAGES = ("en", "de", "ja", "fr", "pt-BR", "es")
"""One after the other, of the members of each room."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`users` people in rooms of `members`, each of whom posts; `rate` posts a second altogether, for `seconds`.

    A request to the provider takes between `fastest` and `slowest` seconds, and `requests` of them are made at a time.
    """

    users: int
    members: int
    rate: float
    seconds: float
    fastest: float = 2.0
    slowest: float = 5.0
    requests: int = 4


class Outcome(NamedTuple):
    """One run: how long posts took (seconds), how many translations were heard, how many texts waited at most, the report at its end."""

    acknowledged: list[float]
    heard: int
    most_waiting: int
    report: dict[str, Any]


class Provider:
    """Speaks as much of DeepL's API as is needed, and takes its time."""

    def __init__(self, plan: Plan) -> None:
        self.texts = 0
        self.requests = 0
        self._plan = plan
        self._random = Random(0)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address, for as long as the block."""
        app = web.Application()
        app.router.add_post("/v2/translate", self._translate)
        app.router.add_get("/v2/languages", self._languages)
        app.router.add_get("/v2/usage", self._usage)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _translate(self, request: web.Request) -> web.Response:
        texts = (await request.json())["text"]
        self.requests += 1
        await anyio.sleep(self._random.uniform(self._plan.fastest, self._plan.slowest))
        self.texts += len(texts)
        made = [{"detected_source_language": "EN", "text": text, "billed_characters": len(text)} for text in texts]
        return web.json_response({"translations": made})

    async def _languages(self, request: web.Request) -> web.Response:
        codes = SOURCES if request.query.get("type") == "source" else TARGETS
        return web.json_response([{"language": code, "name": code, "supports_formality": False} for code in codes])

    async def _usage(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"character_count": 0, "character_limit": 10**9})


async def measure(database: Database, plan: Plan) -> list[str]:
    """The same load twice; returns the report's lines."""
    provider = Provider(plan)
    with opened(database) as url:
        without = await _run(url, plan, {"GATHERING_TRANSLATION_PROVIDER": "none"})
    async with provider.listening() as address:
        deepl = {
            "GATHERING_TRANSLATION_PROVIDER": "deepl",
            "GATHERING_DEEPL_AUTH_KEY": "benchmark:fx",
            "GATHERING_DEEPL_SERVER_URL": address,
            "GATHERING_TRANSLATION_CONCURRENCY": str(plan.requests),
        }
        with opened(database) as url:
            slow = await _run(url, plan, deepl)
    return list(_report(plan, provider, without, slow))


async def _run(url: str, plan: Plan, settings: Mapping[str, str]) -> Outcome:
    """Run the server in a process of its own, people and provider in this one."""
    meter, heard, waiting = Meter(), [0], [0]

    def on_publication(part: bytes, now: float) -> None:
        if b'"type":"message.translated"' in part:
            heard[0] += 1
        else:
            meter.publication(part, now)

    with served(url, {**UNTHROTTLED, "GATHERING_STORAGE_TIMEOUT": "20", **settings}) as address:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
            anyio.create_task_group() as reading,
        ):
            api = Api(http, address)
            admin = await _administrator(api, url)
            people = await _furnish(api, http, address, plan, reading, on_publication)
            async with anyio.create_task_group() as sending:
                for channel, client in people:
                    sending.start_soon(send, channel, client, meter, plan.users / plan.rate)
                sending.start_soon(_watch, api, admin, waiting)
                await anyio.sleep(WARM_UP)
                meter.running = True
                await anyio.sleep(plan.seconds)
                meter.running = False
                sending.cancel_scope.cancel()
            report = await api.call("GET", "/admin/translation", None, admin)
            reading.cancel_scope.cancel()
    return Outcome(meter.acknowledged, heard[0], max(waiting), report)


async def _administrator(api: Api, url: str) -> str:
    command = [sys.executable, "-m", "gateway", "user", "create", "--username", "root", "--email", "root@example.org"]
    command += ["--password-stdin", "--admin", "--database-url", url]
    await anyio.run_process(command, input=PASSWORD.encode(), stderr=subprocess.STDOUT)
    signed_in = await api.call("POST", "/auth/login", {"login": "root", "password": PASSWORD})
    return str(signed_in["access_token"])


async def _furnish(  # noqa: PLR0917 - everything that the scene is made of
    api: Api,
    http: aiohttp.ClientSession,
    address: str,
    plan: Plan,
    reading: TaskGroup,
    on_publication: Callable[[bytes, float], None],
) -> list[tuple[str, Client]]:
    """Everyone with a language, in a room, and connected."""
    people: list[tuple[str, Client]] = []

    async def open_room(number: int) -> None:
        names = [f"r{number}m{member}" for member in range(min(plan.members, plan.users - number * plan.members))]
        tokens = [await api.newcomer(name) for name in names]
        room = await api.call("POST", "/rooms", {"name": f"Room {number}"}, tokens[0])
        for member, token in enumerate(tokens):
            await api.call("PATCH", "/me", {"language": LANGUAGES[member % len(LANGUAGES)]}, token)
            if member:
                await api.call("POST", f"/rooms/{room['id']}/join", None, token)
            client = await Client.connect(http, address, token, on_publication)
            reading.start_soon(client.run)
            await client.call("subscribe", {"channel": f"room:{room['id']}"})
            people.append((f"room:{room['id']}", client))

    async with anyio.create_task_group() as opening:
        for number in range(-(-plan.users // plan.members)):
            opening.start_soon(open_room, number)
    return people


async def _watch(api: Api, admin: str, waiting: list[int]) -> None:
    """Look twice a second at how many texts wait."""
    while True:
        report = await api.call("GET", "/admin/translation", None, admin)
        waiting.append(report["translators"]["waiting"])
        await anyio.sleep(0.5)


def _report(plan: Plan, provider: Provider, without: Outcome, slow: Outcome) -> Iterator[str]:
    p99 = [sorted(times)[len(times) * 99 // 100] for times in (without.acknowledged, slow.acknowledged)]
    translators, interpreting = slow.report["translators"], slow.report["interpreting"]
    elapsed = WARM_UP + plan.seconds
    capacity = plan.requests * 2 / (plan.fastest + plan.slowest)
    yield f"{plan.users} people in rooms of {plan.members} who read {min(plan.members, len(LANGUAGES))} languages, {plan.rate:g} posts/s"
    yield f"  provider: {plan.requests} requests at a time, {plan.fastest:g} to {plan.slowest:g} s each"
    for name, outcome in (("without translation", without), ("with the provider", slow)):
        times = outcome.acknowledged
        yield f"  {name:20} posts {len(times):7,}   p50 {milliseconds(times, 50)}  p99 {milliseconds(times, 99)} ms"
    yield f"  p99 with / without   {p99[1] / p99[0]:7.2f}x"
    yield f"  requests/s {provider.requests / elapsed:6.2f} of {capacity:.2f} possible, texts/s {provider.texts / elapsed:7.1f}"
    yield f"  texts waiting, most  {slow.most_waiting:7,} of {translators['queue_limit']:,} allowed"
    yield f"  dropped: present {translators['dropped_present']:,}, absent {translators['dropped_absent']:,}"
    yield f"  asked {interpreting['asked']:,}, stored {interpreting['stored']:,}, heard by readers {slow.heard:,}"
    failures = {each["name"]: each["failures"] for each in translators["providers"]}
    yield f"  failed {interpreting['failed']}, at the provider {failures}"
