"""Fault points: named places at which a simulated scenario may be made to fail."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from random import Random
from typing import Any, TypeVar

import anyio

from actors.actor import Actor
from actors.exits import Exit

A = TypeVar("A", bound=Actor)


class InjectedFault(Exception):
    """What a fault point raises: no actor declares it, so it is a crash."""


class Faults:
    """Which points of a run fail: the one numbered `at`, counted from 0, and each of the others with the given chances.

    `crash` is the chance that a point raises, `delay` that it waits up to `longest` seconds of virtual time; `seed` makes both
    repeatable. Without any of them every point is passed.
    """

    def __init__(
        self, *, at: int | None = None, crash: float = 0.0, delay: float = 0.0, longest: float = 1.0, seed: int = 0
    ) -> None:
        settings = {
            "at": (at, None),
            "crash": (crash, 0),
            "delay": (delay, 0),
            "longest": (longest, 1),
            "seed": (seed, 0),
        }
        self._words = ", ".join(f"{name}={value!r}" for name, (value, usual) in settings.items() if value != usual)
        self._at = at
        self._crash = crash
        self._delay = delay
        self._longest = longest
        self._random = Random(seed)
        self.passed: list[str] = []
        """The points that were reached, in order."""
        self.failed: list[str] = []
        """Those that raised."""

    def __str__(self) -> str:
        return f", faults=Faults({self._words})" if self._words else ""

    async def point(self, name: str) -> None:
        """Pass, wait, or raise `InjectedFault`."""
        number = len(self.passed)
        self.passed.append(name)
        if self._delay and self._random.random() < self._delay:
            await anyio.sleep(self._random.random() * self._longest)
        if number == self._at or (self._crash and self._random.random() < self._crash):
            self.failed.append(name)
            msg = f"fault point {number}: {name}"
            raise InjectedFault(msg)

    def inside(self, factory: Callable[..., A]) -> Callable[..., A]:
        """A factory of the same actors with fault points around every hook and every handler."""

        def make(*arguments: Any) -> A:
            actor = factory(*arguments)
            _put_points(actor, self)
            return actor

        return make


def _put_points(actor: Actor, faults: Faults) -> None:
    name = type(actor).__name__
    started, stopping = actor.started, actor.stopping

    async def guarded_start() -> None:
        await faults.point(f"{name}: before started")
        await started()
        await faults.point(f"{name}: after started")

    async def guarded_stop(why: Exit) -> None:
        await faults.point(f"{name}: before stopping")
        await stopping(why)
        await faults.point(f"{name}: after stopping")

    actor.started = guarded_start  # type: ignore[method-assign]
    actor.stopping = guarded_stop  # type: ignore[method-assign]
    actor._table = {  # type: ignore[misc]  # the class's table, for this one actor
        kind: (_guarded(method, f"{name}: {kind.__name__}", faults, stream=how is not None and how.stream), how)
        for kind, (method, how) in actor._table.items()
    }


def _guarded(
    method: Callable[[Any, Any], Any], name: str, faults: Faults, *, stream: bool
) -> Callable[[Any, Any], Any]:
    async def guarded(actor: Any, given: Any) -> Any:
        await faults.point(f"{name}: before")
        answer = await method(actor, given)
        await faults.point(f"{name}: after")
        return answer

    async def guarded_stream(actor: Any, given: Any) -> AsyncGenerator[Any, None]:
        await faults.point(f"{name}: before")
        async with aclosing(method(actor, given)) as values:
            async for value in values:
                yield value
                await faults.point(f"{name}: between")
        await faults.point(f"{name}: after")

    return guarded_stream if stream else guarded
