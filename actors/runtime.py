"""What every part of one system shares: clock, randomness, backend, schedule, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from actors.backends import Backend
from actors.dead_letters import DeadLetters
from actors.deadlines import Deadlines
from actors.schedule import Schedule


class Runtime:
    """Passed down from the system. `clock` is monotonic, in seconds."""

    __slots__ = ("backend", "clock", "dead_letters", "deadlines", "random", "schedule")

    def __init__(self, clock: Callable[[], float], random: Random, backend: Backend) -> None:
        self.clock = clock
        self.random = random
        self.backend = backend
        self.schedule = Schedule(clock, backend)
        self.deadlines = Deadlines(self.schedule)
        self.dead_letters = DeadLetters(clock)
