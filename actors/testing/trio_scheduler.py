"""trio under simulation: its own mock clock, and a seed for the order in which it runs what is ready.

The seed goes into private parts of trio (`_r`, `_ALLOW_DETERMINISTIC_SCHEDULING`) that trio itself gives to Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import trio
from trio._core import _run
from trio.testing import MockClock, wait_all_tasks_blocked


class _InOrder(Random):
    """Always decides the same: to reverse each batch of tasks, which trio then takes from its end."""

    def random(self) -> float:
        return 0.0


class _Turns(trio.abc.Instrument):
    def __init__(self) -> None:
        self.turn = 0
        self.actions: dict[int, Callable[[], object]] = {}

    def after_io_wait(self, timeout: float) -> None:
        del timeout
        self.turn += 1
        if action := self.actions.pop(self.turn, None):
            action()


class TrioScheduler:
    """Simulates trio; see `Scheduler`. `seed` None runs what is ready first come, first served."""

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._turns = _Turns()
        self.options: dict[str, Any] = {
            "clock": MockClock(autojump_threshold=0),
            "instruments": [self._turns],
        }

    def after_turns(self, turns: int, action: Callable[[], object]) -> None:
        """See `Scheduler`."""
        self._turns.actions[self._turns.turn + turns] = action

    async def settle(self) -> None:
        """See `Scheduler`."""
        await wait_all_tasks_blocked()

    def __enter__(self) -> None:
        trio_itself: Any = _run
        self._before = trio_itself._r, trio_itself._ALLOW_DETERMINISTIC_SCHEDULING
        trio_itself._r = _InOrder() if self._seed is None else Random(self._seed)
        trio_itself._ALLOW_DETERMINISTIC_SCHEDULING = self._seed is not None

    def __exit__(self, *_: object) -> None:
        trio_itself: Any = _run
        trio_itself._r, trio_itself._ALLOW_DETERMINISTIC_SCHEDULING = self._before
