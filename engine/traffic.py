"""What is being committed at this moment, and how work that can wait gives way to it.

A post goes through a dozen turns of the event loop and of the database's thread until it is answered. Work that nobody waits for, done in
between, would make each of them longer. So such work is done in slices of a millisecond or less, and looks before each whether somebody
is on the way.
"""

from typing import Final

import anyio

from engine.domain.fields import TimelineId

LOOK: Final = 0.002
"""Seconds between two looks at whether the way is free."""


class Traffic:
    """One for all timelines of a process. `writing` has those that have a commit under way; they keep it themselves."""

    def __init__(self) -> None:
        self.writing: set[TimelineId] = set()

    async def give_way(self, seconds: float) -> None:
        """Return when nothing is being committed, at once if that is now, and after so many seconds in any case."""
        looks = int(seconds / LOOK)
        while self.writing and looks > 0:
            looks -= 1
            await anyio.sleep(LOOK)
