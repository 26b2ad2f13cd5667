"""How a pool is doing, as numbers."""

from __future__ import annotations

from collections import deque

import msgspec

SAMPLES = 512
"""Of how many jobs the latest times are kept."""


class Quantiles(msgspec.Struct, frozen=True):
    """The median and the 99th percentile of the latest times, in seconds; 0 before there are any."""

    p50: float
    p99: float


class PoolStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """A pool at this moment.

    `accepted` = `done` + `failed` + `expired` + `abandoned` + `queued` + `in_flight`, at every moment. `failed` jobs were
    refused by the worker, lost in its crash, or left behind when the pool stopped; `abandoned` ones ended with their caller: in
    the queue, or, streams, under way. `rejected` ones were never accepted: the queue was full. `cancelling` workers still hold a
    job that is over; `stuck` counts those that did not let go of it in time and were replaced.
    """

    size: int
    workers: int
    idle: int
    in_flight: int
    cancelling: int
    queued: int
    capacity: int
    high_water: int
    keys: int
    oldest_wait: float | None
    accepted: int
    done: int
    failed: int
    expired: int
    abandoned: int
    rejected: int
    stuck: int
    wait: Quantiles
    run: Quantiles


class Samples:
    """The latest times of something, in seconds."""

    __slots__ = ("_latest", "add")

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=SAMPLES)
        self.add = self._latest.append

    def quantiles(self) -> Quantiles:
        """Exact, over what is kept."""
        if not self._latest:
            return Quantiles(0.0, 0.0)
        ordered = sorted(self._latest)
        last = len(ordered) - 1
        return Quantiles(ordered[round(last * 0.50)], ordered[round(last * 0.99)])


class Counts:
    """What a pool has counted since it started; see `PoolStatistics`."""

    __slots__ = (
        "abandoned",
        "accepted",
        "done",
        "expired",
        "failed",
        "high_water",
        "rejected",
        "run",
        "stuck",
        "wait",
    )

    def __init__(self) -> None:
        self.accepted = self.done = self.failed = self.expired = self.abandoned = 0
        self.rejected = self.stuck = self.high_water = 0
        self.wait = Samples()
        self.run = Samples()
