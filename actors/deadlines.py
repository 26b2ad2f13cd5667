"""Deadlines of calls: no cancel scope and no timer per call, one scheduled sweep per tick that has any."""

from __future__ import annotations

from functools import partial
from typing import Any

from actors.call import NEVER, Call, Calls
from actors.errors import AskTimeout
from actors.schedule import Schedule

TICK = 0.01
"""How finely deadlines are told apart, in seconds. A call fails at most one tick after its deadline."""


class Deadlines:
    """Fails the calls whose deadline has passed. A call that is settled in time is forgotten at once, with its message."""

    __slots__ = ("_due", "_schedule")

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._due: dict[int, Calls] = {}

    def __len__(self) -> int:
        return sum(len(calls) for calls in self._due.values())

    def add(self, call: Call[Any, Any]) -> None:
        """Watch a call; one without a deadline, or settled already, is left alone."""
        if call.deadline == NEVER or call.settled:
            return
        tick = int(call.deadline / TICK) + 1
        calls = self._due.get(tick)
        if calls is None:
            calls = self._due[tick] = {}
            self._schedule.at(tick * TICK, partial(self._sweep, tick))
        calls[call] = None
        call.watched_by = calls

    def _sweep(self, tick: int) -> None:
        for call in list(self._due.pop(tick)):
            expire(call)


def expire(call: Call[Any, Any]) -> None:
    """End a call whose deadline has passed."""
    call.refuse(AskTimeout(f"no answer to {type(call.message).__name__} before its deadline"))
