"""A long history in a real browser: the frames that are shown while it is scrolled, and what the page's main thread does in each.

A frame counts when it is on the screen with what the page has last drawn, as the browser's compositor tells it (the trace's
`PipelineReporter`); when a callback of the page runs says little, for what is done before it in the same frame moves it back and
forth. The limit is that of the same machine: a page with nothing but a line that moves, and a page with the same rows in the same
styles and nothing behind them. A browser without a graphics card paints in software; those two show what that alone costs.
"""

import asyncio
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec
from playwright.async_api import Browser, Page, Route, expect

from benchmarks.client import Api, Client
from benchmarks.server import served
from engine.storage.sql import migrate
from tests.support.browsing import Visitor, open_browser

FRAMES: Final = 240
"""Of each run; the first ones are not counted."""
WARM: Final = 20
FRAME: Final = 1000 / 60
"""Milliseconds of a frame at full rate: a picture that stays for two of them has missed one."""
SPEAKERS: Final = 6
AT_ONCE: Final = 100
COPIES: Final = 20
"""Of the rows that are in the page at the same time, in the page that has nothing behind it."""

_SCROLL: Final = """
async ([frames, step]) => {
    const box = document.querySelector(".history");
    const short = location.pathname === "/still";
    const rows = document.getElementsByClassName("row");
    let direction = -1, empty = 0;
    for (let frame = 0; frame < frames; frame += 1) {
        await new Promise(requestAnimationFrame);
        performance.mark("frame");
        if (!box) {
            document.body.style.borderTop = `${frame % 2 + 1}px solid`;
            continue;
        }
        if (short && box.scrollTop < step) direction = 1;
        if (short && box.scrollHeight - box.clientHeight - box.scrollTop < step) direction = -1;
        box.scrollTop += direction * step;
        const {top, bottom} = box.getBoundingClientRect();
        const first = rows[0].getBoundingClientRect().top, last = rows[rows.length - 1].getBoundingClientRect().bottom;
        empty += Math.min(1, (Math.max(0, first - top) + Math.max(0, bottom - last)) / (bottom - top));
    }
    return {rows: rows.length, empty: empty / frames};
}
"""
_STILL: Final = """
async (copies) => {
    const rows = [...document.querySelectorAll(".history article.row")];
    const page = document.documentElement.cloneNode(true);
    for (const script of page.querySelectorAll("script")) script.remove();
    const inner = page.querySelector(".history-inner");
    inner.replaceChildren();
    for (let copy = 0; copy < copies; copy += 1) inner.append(...rows.map((row) => row.cloneNode(true)));
    return "<!doctype html>" + page.outerHTML;
}
"""
_TRACED: Final = ("toplevel", "devtools.timeline", "blink.user_timing", "disabled-by-default-devtools.timeline.frame")
_TASK: Final = "ThreadControllerImpl::RunTask"
_STYLE_AND_LAYOUT: Final = frozenset({"UpdateLayoutTree", "Layout", "HitTest"})
_PAINT: Final = frozenset({"PrePaint", "Paint", "Layerize", "Commit", "UpdateLayer"})
_SCRIPT: Final = frozenset(
    {
        "FunctionCall",
        "FireAnimationFrame",
        "EventDispatch",
        "RunMicrotasks",
        "TimerFire",
        "ParseHTML",
        "MinorGC",
        "MajorGC",
    }
)


class Run(NamedTuple):
    """One way to scroll, in milliseconds for each frame, sorted."""

    frames: list[float]
    """From one picture of the page on the screen to the next."""
    work: list[float]
    """For how long the main thread was busy."""
    parts: dict[str, float]
    """What it did, on average."""
    rows: int
    """That are in the page at the end."""
    empty: float
    """The part of the window, on average, in which there was no row yet: the browser scrolls on before the page draws."""


async def measure(url: str, messages: int, steps: Iterable[int]) -> AsyncIterator[str]:
    """Fill a room, look at it with a browser and scroll by so many pixels in each frame; yields the report's lines."""
    await migrate(url)
    with served(url) as address:
        async with _reading(address) as (browser, reader):
            room = (await reader.api("POST", "/rooms", {"name": "A long history"}))["id"]
            started = time.perf_counter()
            await _fill(address, room, messages)
            yield f"{messages:,} messages in one room, filled in {time.perf_counter() - started:.0f} s; milliseconds:"
            yield f"  {'':42}  shown: p50     p95     p99  missed   main thread: p50     p95     p99"
            yield _line("a line that moves", await _scrolled(browser, reader.page, 0))
            await reader.enter(f"/rooms/{room}")
            await expect(reader.page.locator("article.row").last).to_be_in_viewport()
            still: str = await reader.page.evaluate(_STILL, COPIES)

            async def answer(route: Route) -> None:
                await route.fulfill(body=still, content_type="text/html")

            await reader.page.route("**/still", answer)
            for step in steps:
                await reader.go("/still")
                await reader.page.wait_for_load_state("networkidle")
                yield _line(f"rows without anything behind, {step} px", await _scrolled(browser, reader.page, step))
                await reader.enter(f"/rooms/{room}")
                await reader.page.wait_for_load_state("networkidle")
                run = await _scrolled(browser, reader.page, step)
                yield _line(f"the conversation, {step} px", run)
                parts = ", ".join(f"{name} {took:.1f}" for name, took in run.parts.items())
                yield f"    of it {parts}; {run.rows} rows in the page, {run.empty:.0%} of the window empty"


@asynccontextmanager
async def _reading(address: str) -> AsyncIterator[tuple[Browser, Visitor]]:
    async with open_browser() as browser, Visitor.open(browser, address, "reader", bypass_csp=True) as reader:
        await reader.register()
        yield browser, reader


async def _fill(address: str, room: str, messages: int) -> None:
    """Several people talk, three messages each at a time."""
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        api = Api(http, address)
        clients = []
        running = []
        for number in range(SPEAKERS):
            token = await api.newcomer(f"speaker{number}")
            await api.call("POST", f"/rooms/{room}/join", {}, token)
            client = await Client.connect(http, address, token, lambda _part, _at: None)
            running.append(tasks.create_task(client.run()))
            clients.append(client)
        for first in range(0, messages, AT_ONCE):
            posts = [
                clients[number // 3 % SPEAKERS].call(
                    "rpc", {"method": "post", "data": {"timeline": f"room:{room}", "text": _text(number)}}
                )
                for number in range(first, min(first + AT_ONCE, messages))
            ]
            await asyncio.gather(*posts)
        for task in running:
            task.cancel()


def _text(number: int) -> str:
    said = f"message {number}"
    if number % 3 == 0:
        said += " that goes on for a while, as when people **explain** something to somebody else" * (number % 4 + 1)
    if number % 11 == 0:
        said += "\n\n- a list\n- with `code`\n- and [a link](https://example.org)"
    return said


async def _scrolled(browser: Browser, page: Page, step: int) -> Run:
    await browser.start_tracing(page=page, categories=list(_TRACED))
    seen: dict[str, Any] = await page.evaluate(_SCROLL, [FRAMES, step])
    events: list[dict[str, Any]] = msgspec.json.decode(await browser.stop_tracing())["traceEvents"]
    marks = sorted((each for each in events if each["name"] == "frame"), key=_begin)[WARM:]
    thread = (marks[0]["pid"], marks[0]["tid"])
    own = [each for each in events if each["ph"] == "X" and (each["pid"], each["tid"]) == thread]
    frames = [each["ts"] for each in marks]
    shown = _shown([each for each in events if each["pid"] == thread[0]], frames[0], frames[-1])
    return Run(sorted(shown), sorted(_work(own, frames)), _parts(own, frames), seen["rows"], seen["empty"])


def _begin(event: dict[str, Any]) -> float:
    return float(event["ts"])


def _shown(events: list[dict[str, Any]], begin: float, end: float) -> list[float]:
    """From one time to the next that a picture came to the screen with everything that the page had drawn for it."""
    whole: dict[str, bool] = {}
    times: list[float] = []
    for event in sorted((each for each in events if each["name"] == "PipelineReporter"), key=_begin):
        key = event["id2"]["local"]
        if event["ph"] == "b":
            whole[key] = event["args"]["frame_reporter"]["state"] == "STATE_PRESENTED_ALL"
        elif whole.pop(key, False) and begin <= event["ts"] <= end:
            times.append(event["ts"])
    return [(after - before) / 1000 for before, after in pairwise(times) if after > before]


def _work(events: list[dict[str, Any]], frames: list[float]) -> list[float]:
    """How long the tasks of the main thread took between one frame and the next."""
    work = [0.0] * (len(frames) - 1)
    for task in events:
        if task["name"] != _TASK:
            continue
        begin, end = task["ts"], task["ts"] + task["dur"]
        for frame in range(max(0, bisect_right(frames, begin) - 1), min(len(work), bisect_right(frames, end))):
            work[frame] += max(0.0, min(end, frames[frame + 1]) - max(begin, frames[frame])) / 1000
    return work


def _parts(events: list[dict[str, Any]], frames: list[float]) -> dict[str, float]:
    """What these tasks consist of, on average in a frame: an event's time without that of the events within it."""
    took: dict[str, float] = defaultdict(float)
    within: list[tuple[float, str]] = []
    for event in sorted(events, key=lambda each: (each["ts"], -each["dur"])):
        if not frames[0] <= event["ts"] < frames[-1]:
            continue
        while within and within[-1][0] <= event["ts"]:
            within.pop()
        kind = _kind(event["name"], within[-1][1] if within else "the rest")
        if within:
            took[within[-1][1]] -= event["dur"]
        took[kind] += event["dur"]
        within.append((event["ts"] + event["dur"], kind))
    return {kind: took[kind] / 1000 / (len(frames) - 1) for kind in ("script", "layout", "paint", "the rest")}


def _kind(name: str, around: str) -> str:
    if name in _SCRIPT:
        return "script"
    if name in _STYLE_AND_LAYOUT:
        return "layout"
    return "paint" if name in _PAINT else around


def _line(what: str, run: Run) -> str:
    frames, work = (
        "".join(f"{each[int(len(each) * share)]:8.1f}" for share in (0.5, 0.95, 0.99))
        for each in (run.frames, run.work)
    )
    missed = sum(round(each / FRAME) - 1 for each in run.frames if each > FRAME)
    return f"  {what:42} {frames:>24} {missed:8d} {work:>31}"
