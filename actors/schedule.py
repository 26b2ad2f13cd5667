"""Things to do later: one heap and one task for a whole system."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import anyio

from actors.backends import Backend

NOT_SLEEPING = float("-inf")


class Schedule:
    """Calls functions at given moments of the system's clock. They run in the schedule's task and must neither block nor raise."""

    def __init__(self, clock: Callable[[], float], backend: Backend) -> None:
        self._clock = clock
        self._waiter = backend.waiter()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._sleeping_until = NOT_SLEEPING

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Call `action` once the clock has reached `when`; actions due together run in the order in which they were given."""
        heapq.heappush(self._heap, (when, next(self._order), action))
        if when < self._sleeping_until:
            self._waiter.wake()

    async def run(self) -> None:
        """Run until cancelled."""
        heap = self._heap
        while True:
            now = self._clock()
            while heap and heap[0][0] <= now:
                heapq.heappop(heap)[2]()
            self._sleeping_until = heap[0][0] if heap else float("inf")
            try:
                with anyio.move_on_after(heap[0][0] - now if heap else None):
                    await self._waiter.park()
            finally:
                self._sleeping_until = NOT_SLEEPING
