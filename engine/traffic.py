"""Who is being served at this moment, and how work that can wait gives way to them.

A post goes through a dozen turns of the event loop and of the database's thread until it is answered. Work that nobody waits for, done in
between, would make each of them longer. So such work is done in slices of a millisecond or less, and looks before each whether somebody
is on the way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio

from engine.domain.fields import TimelineId

LOOK: Final = 0.002
"""Seconds between two looks at whether the way is free."""


class Traffic:
    """One for a process. `writing` has the timelines that have a commit under way; they keep it themselves."""

    def __init__(self) -> None:
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

    async def give_way(self, seconds: float) -> None:
        """Return when nobody is on the way, at once if that is now, and after so many seconds in any case."""
        looks = int(seconds / LOOK)
        while (self.writing or self._arriving) and looks > 0:
            looks -= 1
            await anyio.sleep(LOOK)
