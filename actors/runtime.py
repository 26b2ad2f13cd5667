"""What every part of one system shares: clock, randomness, backend, schedule, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import structlog

from actors.backends import Backend
from actors.dead_letters import DeadLetters
from actors.deadlines import Deadlines
from actors.hibernation import Hibernation
from actors.hooks import GuardedHooks, Hooks
from actors.schedule import Schedule

HIBERNATE_AFTER = 0.5
"""For how many seconds an actor is idle before it gives back its task. The next one costs some 10 us."""


class Runtime:
    """Passed down from the system. `clock` is monotonic, in seconds."""

    __slots__ = ("backend", "clock", "dead_letters", "deadlines", "hibernation", "hooks", "log", "random", "schedule")

    def __init__(
        self,
        clock: Callable[[], float],
        random: Random,
        backend: Backend,
        *,
        hibernate_after: float = HIBERNATE_AFTER,
        hooks: Hooks | None = None,
    ) -> None:
        self.clock = clock
        # Bound once: a lazy logger looks its configuration up at every call, and actors come and go by the thousand.
        self.log: structlog.typing.FilteringBoundLogger = structlog.get_logger("actors").bind()
        self.random = random
        self.backend = backend
        self.schedule = Schedule(clock, backend)
        self.deadlines = Deadlines(self.schedule)
        self.dead_letters = DeadLetters(clock)
        self.hooks = None if hooks is None else GuardedHooks(hooks)
        if self.hooks is not None:
            self.dead_letters.subscribe(self.hooks.dropped)
        self.hibernation = Hibernation(self.schedule, clock, hibernate_after)
