"""Hibernation: an actor that has been idle for a while keeps its instance and gives back its task (OTP: `hibernate_after`).

A task that waits costs some 5 KiB, an instance that waits often less than one. The next message, or signal, starts a new task.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.life import Life
    from actors.schedule import Schedule

LOOKS = 10
"""How often it looks within `after` seconds at the most, at all that are due then: to wake up costs more than to look."""


class Hibernation:
    """Looks at every life that has a task about once in `after` seconds: not a timer for each message, nor one for each actor."""

    __slots__ = ("_after", "_awake", "_clock", "_looking", "_schedule")

    def __init__(self, schedule: Schedule, clock: Callable[[], float], after: float) -> None:
        self._schedule = schedule
        self._clock = clock
        self._after = after
        self._awake: OrderedDict[Life[Any], float] = OrderedDict()
        self._looking = False

    def watch(self, life: Life[Any]) -> None:
        """A life has got a task."""
        due = self._awake[life] = self._clock() + self._after
        if not self._looking:
            self._looking = True
            self._schedule.at(due, self._look)

    def forget(self, life: Life[Any]) -> None:
        """A life has no task any more."""
        self._awake.pop(life, None)

    def _look(self) -> None:
        now = self._clock()
        awake = self._awake
        while awake:
            life, due = next(iter(awake.items()))
            if due > now:
                self._schedule.at(max(due, now + self._after / LOOKS), self._look)
                return
            awake.move_to_end(life)
            awake[life] = now + self._after
            if life.idle_since <= now - self._after:
                life.suggest_hibernation()
        self._looking = False


class Asleep:
    """Stands in the place of the waiter of an actor that has no task."""

    __slots__ = ("_cell", "_wake")

    def __init__(self, cell: Cell[Any], wake: Callable[[], None]) -> None:
        self._cell = cell
        self._wake = wake

    def wake(self) -> None:
        """Have it run in a task again."""
        self._cell.waiter = self._cell.runtime.backend.waiter()
        self._wake()

    def park(self) -> Awaitable[None]:
        """Nobody is there who could."""
        raise NotImplementedError
