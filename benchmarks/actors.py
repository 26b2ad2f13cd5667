"""Actors against the limits of their event loop, and beside other libraries. Every process measures one thing and its limits."""

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from benchmarks.actors_peers import PEERS

BYTES = "bytes"


class Loop(StrEnum):
    """The event loops to measure on."""

    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"
    TRIO = "trio"


class Aim(msgspec.Struct, frozen=True):
    """At most `most`: of the limit named `of`, or seconds or bytes when there is none. On the event loops in `loops`."""

    most: float
    of: str | None = None
    loops: Sequence[str] = tuple(Loop)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. `limits` are measured in the same process, in turns; `peer` is its name at the other libraries."""

    name: str
    measure: str
    count: int
    limits: Sequence[str]
    aims: Sequence[Aim] = ()
    peer: str | None = None

    @property
    def unit(self) -> str:
        """Microseconds, or bytes."""
        return "B" if self.measure.endswith(BYTES) else "us"


CASES = (
    Case(
        name="tell, in bursts of 500",
        measure="tell",
        count=100_000,
        limits=("stream_hop", "parked_hop", "queue_hop"),
        aims=(Aim(0.25, "stream_hop"),),
        peer="tell",
    ),
    Case(
        name="tell, all 100,000 at once",
        measure="tell_flow",
        count=100_000,
        limits=("parked_hop", "queue_hop"),
        peer="tell_flow",
    ),
    Case(
        name="the sender's part of it",
        measure="tell_sent",
        count=100_000,
        limits=("parked_hop", "queue_hop"),
        peer="tell_sent",
    ),
    Case(
        name="tell, one after another",
        measure="tell_handled",
        count=10_000,
        limits=("event_ask",),
        peer="tell_handled",
    ),
    Case(
        name="ask, 1 caller",
        measure="ask",
        count=10_000,
        limits=("queue_ask", "event_ask"),
        aims=(Aim(1.5, "queue_ask", ("asyncio", "uvloop")), Aim(30e-6, loops=("trio",))),
        peer="ask",
    ),
    Case(
        name="ask, 100 callers",
        measure="ask_crowd",
        count=20_000,
        limits=("queue_ask_crowd", "event_ask_crowd"),
        peer="ask_crowd",
    ),
    Case(
        name="fan-out to 1,000, each",
        measure="fan_out",
        count=50_000,
        limits=("parked_fan_out", "stream_hop"),
        peer="fan_out",
    ),
    Case(name="ring of 1,000 x 100, hop", measure="ring", count=100_000, limits=("parked_ring",), peer="ring"),
    Case(
        name="spawn and stop of 10,000",
        measure="spawn_and_stop",
        count=10_000,
        limits=("empty_task",),
        aims=(Aim(1 / 8_000),),
        peer="spawn_and_stop",
    ),
    Case(name="the same, virtual", measure="activate_and_stop", count=10_000, limits=("empty_task",)),
    Case(name="restart after a crash", measure="restart", count=500, limits=("empty_task",), aims=(Aim(1e-3),)),
    Case(
        name="an actor just started",
        measure="started_bytes",
        count=10_000,
        limits=("parked_bytes",),
        aims=(Aim(4096),),
    ),
    Case(name="an actor, busy just now", measure="awake_bytes", count=10_000, limits=("parked_bytes",)),
    Case(
        name="an idle actor",
        measure="spawned_bytes",
        count=10_000,
        limits=("parked_bytes",),
        aims=(Aim(4096),),
        peer=BYTES,
    ),
    Case(
        name="an idle virtual actor",
        measure="virtual_bytes",
        count=10_000,
        limits=("parked_bytes",),
        aims=(Aim(4096),),
    ),
)

TITLES = {
    "stream_hop": "memory object stream",
    "parked_hop": "deque + parked Event",
    "queue_hop": "asyncio.Queue",
    "queue_ask": "asyncio.Queue + Future",
    "event_ask": "deque + Event",
    "queue_ask_crowd": "asyncio.Queue + Future",
    "event_ask_crowd": "deque + Event",
    "parked_fan_out": "deque + parked Event",
    "parked_ring": "deque + parked Event",
    "empty_task": "start_soon of an empty task",
    "parked_bytes": "task with deque + Event",
}


def report(loops: Sequence[str], repetitions: int, scale: float) -> Iterator[str]:
    """The report's lines, as they become known. `scale` shrinks or stretches the number of operations."""
    ours: dict[str, float] = {}
    for loop in loops:
        yield f"{loop:28}{'':>12}   {'limit':28}{'':>10}   ratio"
        for case in CASES:
            numbers = _numbers(case, loop, repetitions, scale)
            if loop == loops[0] and case.peer:
                ours[case.peer] = numbers[case.measure]
            yield from _lines(case, loop, numbers)
        yield ""
    for peer in PEERS:
        yield from _peer_lines(peer, loops[0], ours, min(repetitions, 3))


def _numbers(case: Case, loop: str, repetitions: int, scale: float) -> dict[str, float]:
    """What the case and its limits cost on one event loop."""
    count = max(1, int(case.count * scale))
    names = [case.measure, *(limit for limit in case.limits if loop != "trio" or not limit.startswith("queue"))]
    if case.unit == "us":
        return _measured(loop, dict.fromkeys(names, count), repetitions)
    # Memory that was used and freed is used again: every reading needs a process of its own.
    readings = {name: [_measured(loop, {name: count}, 1)[name] for _ in range(min(repetitions, 3))] for name in names}
    return {name: statistics.median(values) for name, values in readings.items()}


def _measured(loop: str, counts: dict[str, int], repetitions: int) -> dict[str, float]:
    arguments = [loop, msgspec.json.encode(counts).decode(), str(repetitions)]
    return _spoken("benchmarks.actors_worker", *arguments)


def _spoken(module: str, *arguments: str) -> dict[str, float]:
    """What a worker says."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, float])


def _lines(case: Case, loop: str, numbers: dict[str, float]) -> Iterator[str]:
    value = numbers[case.measure]
    aims = {aim.of: aim for aim in case.aims if loop in aim.loops}
    start = f"  {case.name:26}{_shown(value, case.unit)}"
    for limit in case.limits:
        if limit in numbers:
            ratio = value / numbers[limit]
            line = f"{start}   {TITLES[limit]:28}{_shown(numbers[limit], case.unit)}  {ratio:5.2f}x"
            yield line + _verdict(aims.get(limit), ratio, "x")
            start = " " * len(start)
    if aim := aims.get(None):
        yield f"{'':28}" + _verdict(aim, value, case.unit)


def _verdict(aim: Aim | None, value: float, unit: str) -> str:
    if aim is None:
        return ""
    most = f"{aim.most:g}x" if unit == "x" else _shown(aim.most, unit).strip()
    return f"   aim <= {most}: {'met' if value <= aim.most else 'MISSED'}"


def _shown(value: float, unit: str) -> str:
    return f"{value:9,.0f} B " if unit == "B" else f"{value * 1e6:9,.2f} us"


def _peer_lines(peer: str, loop: str, ours: dict[str, float], repetitions: int) -> Iterator[str]:
    runs = [_spoken("benchmarks.actors_peers", peer) for _ in range(repetitions)]
    if not runs[0]:
        yield f"{peer}: not installed"
        return
    yield f"{peer:28}{'':>12}   {'gathering on ' + loop:28}{'':>10}   ratio"
    for case in CASES:
        if case.peer in runs[0]:
            theirs = statistics.median(run[case.peer] for run in runs)
            mine = ours[case.peer]
            line = f"  {case.name:26}{_shown(theirs, case.unit)}   {'':28}{_shown(mine, case.unit)}"
            aimed = peer == "pykka" and case.measure in {"tell", "tell_flow", "tell_handled", "ask"}
            verdict = f"   aim >= 5x: {'met' if theirs >= 5 * mine else 'MISSED'}" if aimed else ""
            yield f"{line}  {theirs / mine:5.2f}x{verdict}"
    yield ""
