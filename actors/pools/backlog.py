"""The jobs that wait for a pool: bounded as a whole, in order within a key, and in turns between keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator

from actors.pools.job import Job


class _Lane:
    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.waiting: OrderedDict[Job, None] = OrderedDict()
        self.running = 0


class Backlog:
    """A bounded queue of jobs, fair to their keys.

    Keys take turns, one job a turn, whatever each has waiting (round robin: Nagle, RFC 970). Of one key at most `per_key` jobs
    are out at a time; 1 keeps them in order. A key may have as many jobs waiting as there are places left, so that one key alone
    fills half of the queue, two a third each, and a newcomer always finds room (Choudhury and Hahne, "Dynamic Queue Length
    Thresholds", 1998). Jobs without a key have one turn together and no limit of their own.
    """

    __slots__ = ("_lanes", "_size", "_turns", "capacity", "per_key")

    def __init__(self, capacity: int, per_key: int) -> None:
        if capacity < 1 or per_key < 1:
            raise ValueError(
                f"a pool queues at least 1 job and runs at least 1 of a key at a time, not {capacity} and {per_key}"
            )
        self.capacity = capacity
        self.per_key = per_key
        self._size = 0
        self._lanes: dict[Hashable | None, _Lane] = {}
        self._turns: OrderedDict[Hashable | None, _Lane] = OrderedDict()
        """The keys that have a job waiting which may begin, in the order of their turns."""

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Job]:
        return (job for lane in self._lanes.values() for job in lane.waiting)

    @property
    def keys(self) -> int:
        """How many keys have a job waiting or out."""
        return len(self._lanes)

    @property
    def oldest(self) -> float | None:
        """When the job that has waited longest was accepted; None when none waits."""
        return min((job.accepted_at for job in self), default=None)

    def admits(self, key: Hashable | None) -> bool:
        """Whether there is room for one more job of this key."""
        left = self.capacity - self._size
        lane = None if key is None else self._lanes.get(key)
        return left > (len(lane.waiting) if lane is not None else 0)

    def may_begin(self, key: Hashable | None) -> bool:
        """Whether a new job of this key would not have to wait for others of its key."""
        lane = self._lanes.get(key)
        return lane is None or (not lane.waiting and self._below_limit(key, lane))

    def add(self, job: Job) -> None:
        """Take a job; whether it is welcome was asked before."""
        lane = self._lanes.get(job.key)
        if lane is None:
            lane = self._lanes[job.key] = _Lane()
        lane.waiting[job] = None
        job.waiting = True
        self._size += 1
        if self._below_limit(job.key, lane):
            self._turns.setdefault(job.key, lane)

    def take(self) -> Job | None:
        """The job whose turn it is, now out; None when none may begin. Each is to be given back: `release`, or `put_back`."""
        if not self._turns:
            return None
        key, lane = self._turns.popitem(last=False)
        job, _ = lane.waiting.popitem(last=False)
        job.waiting = False
        self._size -= 1
        lane.running += 1
        if lane.waiting and self._below_limit(key, lane):
            self._turns[key] = lane
        return job

    def release(self, key: Hashable | None) -> None:
        """A job of this key that was out has ended."""
        lane = self._lanes[key]
        lane.running -= 1
        self._settle(key, lane)

    def put_back(self, job: Job) -> None:
        """A job that was out has not begun: it is the first of its key again, and its key the first in turn."""
        lane = self._lanes[job.key]
        lane.running -= 1
        lane.waiting[job] = None
        lane.waiting.move_to_end(job, last=False)
        job.waiting = True
        self._size += 1
        self._turns[job.key] = lane
        self._turns.move_to_end(job.key, last=False)

    def remove(self, job: Job) -> None:
        """Forget a job that waits."""
        lane = self._lanes[job.key]
        del lane.waiting[job]
        job.waiting = False
        self._size -= 1
        self._settle(job.key, lane)

    def _settle(self, key: Hashable | None, lane: _Lane) -> None:
        if not lane.waiting:
            self._turns.pop(key, None)
            if not lane.running:
                del self._lanes[key]
        elif self._below_limit(key, lane):
            self._turns.setdefault(key, lane)

    def _below_limit(self, key: Hashable | None, lane: _Lane) -> bool:
        return key is None or lane.running < self.per_key
