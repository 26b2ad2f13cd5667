"""Runs measures in this process, on one event loop: `python -m benchmarks.actors_worker uvloop '{"tell": 1000}' 3`.

Answers with one line of JSON: for each measure the median of its repetitions. They take turns, so that whatever slows the
machine down meets all of them alike.
"""

import gc
import logging
import statistics
import sys
from typing import Any

import anyio
import msgspec
import structlog

from benchmarks import actors_cases, actors_limits
from benchmarks.actors_limits import Measure

LOOPS: dict[str, dict[str, Any]] = {
    "asyncio": {"backend": "asyncio"},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}


def measure(name: str) -> Measure:
    """The measure of this name: of the actors, or one of the limits."""
    found: Measure = getattr(actors_cases, name, None) or getattr(actors_limits, name)
    return found


def run(loop: str, counts: dict[str, int], repetitions: int) -> dict[str, float]:
    """Each measure so often, in turns."""
    values: dict[str, list[float]] = {name: [] for name in counts}
    for _ in range(repetitions):
        for name, count in counts.items():
            gc.collect()
            values[name].append(anyio.run(measure(name), count, **LOOPS[loop]))
    return {name: statistics.median(each) for name, each in values.items()}


if __name__ == "__main__":
    # What it costs to print a log depends on where it goes.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    # The collector as `gathering serve` sets it, for us, the limits and the peers alike.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    _, loop_, counts_, repetitions_ = sys.argv
    print(msgspec.json.encode(run(loop_, msgspec.json.decode(counts_), int(repetitions_))).decode())
