"""Things to do later: one heap and one task for a whole system."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from actors.backends import Backend

NOT_SLEEPING = float("-inf")
TIDY = 64
"""How many cancelled appointments the schedule keeps at least before it looks whether they are the greater part."""


class Appointment:
    """Something that is to happen at a given moment, unless it is cancelled before."""

    __slots__ = ("_schedule", "action")

    def __init__(self, schedule: Schedule, action: Callable[[], object]) -> None:
        self._schedule = schedule
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Call it off, and let go of what was to happen. Does nothing once it has happened."""
        if self.action is not None:
            self.action = None
            self._schedule.forget_one()


class Schedule:
    """Calls functions at given moments of the system's clock. They run in the schedule's task and must neither block nor raise."""

    def __init__(self, clock: Callable[[], float], backend: Backend) -> None:
        self._clock = clock
        self._backend = backend
        self._waiter = backend.waiter()
        self._heap: list[tuple[float, int, Appointment]] = []
        self._order = count()
        self._cancelled = 0
        self._sleeping_until = NOT_SLEEPING

    def at(self, when: float, action: Callable[[], object]) -> Appointment:
        """Call `action` once the clock has reached `when`; actions due together run in the order in which they were given."""
        appointment = Appointment(self, action)
        heapq.heappush(self._heap, (when, next(self._order), appointment))
        if when < self._sleeping_until:
            self._waiter.wake()
        return appointment

    def forget_one(self) -> None:
        """An appointment was cancelled: it leaves the heap when its moment comes, or when they have become too many."""
        self._cancelled += 1
        if self._cancelled > max(TIDY, len(self._heap) // 2):
            self._heap[:] = [entry for entry in self._heap if entry[2].action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    async def run(self) -> None:
        """Run until cancelled."""
        heap = self._heap
        while True:
            now = self._clock()
            while heap and heap[0][0] <= now:
                appointment = heapq.heappop(heap)[2]
                action, appointment.action = appointment.action, None
                if action is None:
                    self._cancelled -= 1
                else:
                    action()
            appointment = action = None  # type: ignore[assignment]  # what has happened is not kept until the next
            self._sleeping_until = heap[0][0] if heap else float("inf")
            try:
                if heap:
                    await self._backend.park(self._waiter, heap[0][0] - now)
                else:
                    await self._waiter.park()
            finally:
                self._sleeping_until = NOT_SLEEPING
