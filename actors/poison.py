"""Poison: a type of message that crashes its actor again and again is kept from it for a while."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.message import Message


class Poison(msgspec.Struct, frozen=True):
    """When a type of message counts as poison: the `crashes`-th crash by it within `period` seconds, for `rest` seconds.

    Its senders then get `Unavailable` at once, those who wait included, and the actor serves the others.
    """

    crashes: int = 3
    period: float = 60.0
    rest: float = 30.0

    def __post_init__(self) -> None:
        if self.crashes < 1:
            msg = f"a message is poison after at least 1 crash, not {self.crashes}"
            raise ValueError(msg)


class Poisons:
    """The types of message that have crashed one actor lately, across its restarts."""

    __slots__ = ("_crashes", "_rule", "_until")

    def __init__(self, rule: Poison) -> None:
        self._rule = rule
        self._crashes: dict[type[Message[Any, Any]], list[float]] = {}
        self._until: dict[type[Message[Any, Any]], float] = {}

    def add(self, kind: type[Message[Any, Any]], now: float) -> bool:
        """Record a crash by a type of message; whether that makes it poison."""
        rule = self._rule
        recent = [time for time in self._crashes.get(kind, ()) if now - time < rule.period]
        recent.append(now)
        if len(recent) < rule.crashes:
            self._crashes[kind] = recent
            return False
        self._crashes.pop(kind, None)
        self._until[kind] = now + rule.rest
        return True

    def rests(self, kind: type[Message[Any, Any]], now: float) -> float:
        """For how many seconds the type is still kept away; 0 when it is not."""
        until = self._until.get(kind)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[kind]
            return 0.0
        return until - now

    def __bool__(self) -> bool:
        return bool(self._until)
