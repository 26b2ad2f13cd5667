"""Deadlines of calls: no cancel scope and no timer per call, one scheduled sweep per tick that has any."""

from __future__ import annotations

from functools import partial
from typing import Any

from actors.call import NEVER, Answer, Call
from actors.errors import AskTimeout
from actors.schedule import Schedule

TICK = 0.01
"""How finely deadlines are told apart, in seconds. A call fails at most one tick after its deadline."""


class Deadlines:
    """Fails the calls whose deadline has passed. Adding one costs a dict look-up and an append."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._due: dict[int, list[Call[Any, Any]]] = {}

    def add(self, call: Call[Any, Any]) -> None:
        """Watch a call; one without a deadline is left alone."""
        if call.deadline == NEVER:
            return
        tick = int(call.deadline / TICK) + 1
        calls = self._due.get(tick)
        if calls is None:
            self._due[tick] = [call]
            self._schedule.at(tick * TICK, partial(self._sweep, tick))
        else:
            calls.append(call)

    def _sweep(self, tick: int) -> None:
        for call in self._due.pop(tick):
            expire(call)


def expire(call: Call[Any, Any]) -> None:
    """End a call whose deadline has passed."""
    if not call.settled:
        call.settle(Answer.failed(AskTimeout(f"no answer to {type(call.message).__name__} before its deadline")))
