"""A timeline with a long history, read through the gateway: pages, events, searches, and the query plans behind them."""

import random
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple
from urllib.parse import quote

import aiohttp

from benchmarks.client import PASSWORD, Api
from benchmarks.long_timeline import PHRASE, RARE, Timeline, fill, message_id
from benchmarks.plans import plans
from benchmarks.server import served
from engine.storage.sql import migrate

WARM_UP = 5
"""Requests of each kind before measuring begins."""


class Case(NamedTuple):
    """One kind of request; `path` makes the address of the next one, below that of the room."""

    name: str
    path: Callable[[], str]


async def measure(url: str, messages: int, requests: int) -> AsyncIterator[str]:
    """Fill a database, run the server in a process of its own and ask it one request after another; yields the report's lines."""
    await migrate(url)
    with served(url) as address:
        async with aiohttp.ClientSession() as http:
            api = Api(http, address)
            token = await api.newcomer("historian")
            room = await api.call("POST", "/rooms", {"name": "A long history"}, token)
    timeline = Timeline(room["id"], room["created_by"], messages)
    started = time.perf_counter()
    await fill(url, timeline)
    yield f"{messages:,} messages in one room, filled in {time.perf_counter() - started:.0f} s"
    yield f"  {'ms, one client, ' + str(requests) + ' requests each':40}     p50     p95"
    with served(url) as address:
        async with aiohttp.ClientSession() as http:
            signed_in = await Api(http, address).call(
                "POST", "/auth/login", {"login": "historian", "password": PASSWORD}
            )
            headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
            for case in _cases(timeline):
                times, items = await _run(http, f"{address}/api/v1", headers, case, requests)
                p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
                yield f"  {case.name:40} {p50 * 1000:7.1f} {p95 * 1000:7.1f}   {items} items"
    async for line in plans(url, timeline):
        yield line


def _cases(timeline: Timeline) -> list[Case]:
    chance = random.Random(7)
    room = f"/rooms/{timeline.id}"

    def middle() -> int:
        return chance.randrange(timeline.messages // 4, 3 * timeline.messages // 4)

    def search(words: str) -> Callable[[], str]:
        return lambda: f"{room}/search?q={quote(words)}"

    def search_middle(words: str) -> Callable[[], str]:
        return lambda: f"{room}/search?q={quote(words)}&before={middle()}"

    def mine(words: str) -> Callable[[], str]:
        return lambda: f"/search?q={quote(words)}"

    def mine_middle(words: str) -> Callable[[], str]:
        return lambda: f"/search?q={quote(words)}&after={message_id(middle())}"

    return [
        Case("last page", lambda: f"{room}/messages?limit=50"),
        Case("a page in the middle", lambda: f"{room}/messages?limit=50&before={middle()}"),
        Case("events since the middle", lambda: f"{room}/events?limit=100&since={middle()}"),
        Case("search, a rare word", search(RARE)),
        Case("search, a word in every third message", search("the")),
        Case("  from the middle on", search_middle("the")),
        Case("  100 results", lambda: f"{room}/search?q=the&limit=100"),
        Case("search, two common words", search("the meeting")),
        Case("search, a common and a rare word", search(f"the {RARE}")),
        Case("search, a phrase", search(f'"{PHRASE}"')),
        Case("search, Japanese", search("東京")),
        Case("search, a Japanese character", search("東")),
        Case("search, a beginning", search("meet*")),
        Case("search, a rare beginning", search("w1234*")),
        Case("search, a long beginning", search("besprech*")),
        Case("search, a beginning of 100,000 words", search("w*")),
        Case("  from the middle on", search_middle("w*")),
        Case("search, two beginnings", search("w* me*")),
        Case("search, a beginning and a rare word", search(f"meet* {RARE}")),
        Case("search, a common beginning, a rare word", search(f"w* {RARE}")),
        Case("search, a common beginning, no such word", search("w* xylophone")),
        Case("search, words next to a beginning", search("see-you-t*")),
        Case("search, a word and not a beginning", search("meeting -w*")),
        Case("  from the middle on", search_middle("meeting -w*")),
        Case("search, a rare word and not a beginning", search(f"{RARE} -w*")),
        Case("search, a beginning and not another", search("me* -w*")),
        Case("search, a word and not its beginning", search("the -t*")),
        Case("search, one word and not another", search("meeting -the")),
        Case("search, a word that is nowhere", search("xylophone")),
        Case("search across mine, a common word", mine("the")),
        Case("  from the middle on", mine_middle("the")),
        Case("search across mine, a rare word", mine(RARE)),
        Case("search across mine, a beginning", mine("meet*")),
        Case("  of 100,000 words", mine("w*")),
        Case("  of 100,000 words, from the middle on", mine_middle("w*")),
        Case("  of 100,000 words, and a rare word", mine(f"w* {RARE}")),
        Case("  of 100,000 words, not wanted", mine("meeting -w*")),
    ]


async def _run(
    http: aiohttp.ClientSession, base: str, headers: dict[str, str], case: Case, requests: int
) -> tuple[list[float], int]:
    """The sorted times in seconds, and how many items the last answer held."""
    times: list[float] = []
    items = 0
    for number in range(WARM_UP + requests):
        started = time.perf_counter()
        async with http.get(base + case.path(), headers=headers) as response:
            body = await response.read()
            elapsed = time.perf_counter() - started
            if response.status != 200:
                raise RuntimeError(f"{case.name}: {response.status} {body[:300]!r}")
        if number >= WARM_UP:
            times.append(elapsed)
            items = len((await response.json())["items"])
    return sorted(times), items
