"""How often what was committed is put away."""

from collections.abc import Awaitable, Callable
from typing import Final

LOOKS: Final = 5
"""At least once in so many looks it is done, if anything was committed."""
ENOUGH: Final = 4_000
"""Pages that it may have to put away at a time: half of what would be too much for it to be done beside commits."""


class Checkpoints:
    """Has a storage put away what was committed: at every look while much is, else only at some.

    It takes the disk for a few milliseconds, in which a commit takes as much longer, and that hardly depends on how much there is: the same
    pages are written again and again. So whoever posts meets it the less often, the more is put away at a time.
    """

    def __init__(self, checkpoint: Callable[[], Awaitable[int]]) -> None:
        self._checkpoint = checkpoint
        self._passed = 0
        self._next = 1

    async def look(self) -> None:
        """Called again and again, at equal distances."""
        self._passed += 1
        if self._passed < self._next:
            return
        pages = await self._checkpoint()
        self._next = min(LOOKS, max(1, ENOUGH * self._passed // pages)) if pages else 1
        self._passed = 0
