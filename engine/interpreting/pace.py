"""How fast translations are kept: a few at a time over all timelines, so that who posts does not notice.

A provider answers with fifty renderings at once, and several of its answers may come together. To decide about them, commit, and deliver
them all at once would keep the event loop and the journal busy for as long as many posts take, and each post made then would wait for it.
So booths take places: those of one `TICK` are kept together, in one commit, and the loop is free until the next.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

TICK: Final = 0.03
"""Seconds between two commits of translations."""
EACH: Final = 8
"""Translations in one of them, as long as places are to be had soon."""
SOON: Final = 0.25
"""Seconds. For each of these by which the places reach into the future, ticks have `EACH` places more: so nobody waits long,
however many translations come a second."""


class Places(NamedTuple):
    """So many translations may be kept in `wait` seconds."""

    number: int
    wait: float


class Pace:
    """One for all booths of a process. `time` is monotonic, in seconds. A place that is not used is lost, and nothing else."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._tick = float("-inf")
        self._taken = 0

    def take(self, wanted: int) -> Places:
        """The next places for up to so many translations (at least one)."""
        now = self._time()
        if self._tick + TICK <= now:
            self._tick, self._taken = now, 0
        elif self._taken >= self._each(now):
            self._tick, self._taken = self._tick + TICK, 0
        number = min(wanted, self._each(now) - self._taken)
        self._taken += number
        return Places(number, max(0.0, self._tick - now))

    def _each(self, now: float) -> int:
        return EACH * (1 + int((self._tick - now) / SOON))
