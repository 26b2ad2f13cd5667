"""Who is being served at this moment, and how work that can wait gives way to them.

A post goes through a dozen turns of the event loop and of the database's thread until it is answered. Work that nobody waits for, done in
between, would make each of them longer. So such work is done in slices of a millisecond or less, and looks before each whether somebody
is on the way. Translation gives way so, and what models say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time
from typing import Final

import anyio

from engine.domain.fields import TimelineId

LOOK: Final = 0.002
"""Seconds between two looks at whether the way is free."""


class Traffic:
    """One for a process. `writing` has the timelines that have a commit under way that is not patient; they keep it themselves.

    `stint` are seconds of work between two pauses of what gives way: 0 where people are served, for they may come at any moment.
    """

    def __init__(self, *, stint: float = 0.0) -> None:
        self.stint = stint
        self.writing: set[TimelineId] = set()
        self._arriving = 0

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Somebody's command is looked at, for as long as the block."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    @property
    def busy(self) -> bool:
        """Whether somebody is on the way."""
        return bool(self.writing) or self._arriving > 0

    async def give_way(self, seconds: float) -> bool:
        """Return when nobody is on the way, at once if that is now, and after so many seconds in any case: whether the way is free."""
        looks = int(seconds / LOOK)
        while self.busy and looks > 0:
            looks -= 1
            await anyio.sleep(LOOK)
        return not self.busy


class Courtesy:
    """How work that never ends gives way: it stands still for `patience` seconds at most, and then goes on for as long.

    So it has half of the time where somebody is always on the way. `rest` are seconds after each slice in which nothing is done: for work
    that is in no hurry at all, so that whoever comes then waits for nothing. There is no pause until the `stint` is over.
    """

    def __init__(self, traffic: Traffic, patience: float, *, rest: float = 0.0) -> None:
        self._traffic = traffic
        self._patience = patience
        self._rest = rest
        self._next_look = float("-inf")
        self._rested = thread_time()

    async def after_you(self) -> None:
        """Between two slices of the work: let everything else that is ready go first, and whoever is on the way."""
        if (stint := self._traffic.stint) and thread_time() - self._rested < stint:
            return
        await anyio.sleep(self._rest)
        self._rested = thread_time()
        if anyio.current_time() >= self._next_look and not await self._traffic.give_way(self._patience):
            self._next_look = anyio.current_time() + self._patience
