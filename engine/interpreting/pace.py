"""How fast translations are kept: one or two timelines' at a time, and few of them, so that who posts does not notice.

A provider answers with fifty renderings at once, of many timelines, and several of its answers may come together. To decide about them,
commit, and deliver them all at once would keep the event loop and the journal busy for as long as many posts take, and each post made
then would wait for it; a post to one of these timelines even until all of it is over. So booths take turns: one commits, perhaps with
another one in the same transaction, and the loop is free until the next. What arrives while a booth waits for its turn goes along.

A commit of eight costs a third of what eight commits of one do. So a translation waits for others of its timeline, for a part of the time
that it has taken already: whoever has waited for a slow provider does not notice, and a quick one is as quick.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

TICK: Final = 0.04
"""Seconds between two turns."""
TOGETHER: Final = 2
"""Booths that have the same one: a post may meet a commit of both, but only half as many commits."""
EACH: Final = 8
"""Translations of each of them."""
SOON: Final = 0.1
"""Seconds. For each of these by which the turns reach into the future, they come faster by once the pace of `TICK`, and have `EACH`
more: so nobody waits long, however many translations come a second."""
PART: Final = 0.125
"""Of the time that a translation has taken, for which it waits for company."""
LONGEST: Final = 1.0
"""Seconds for which it waits at most."""


class Turn(NamedTuple):
    """Up to so many translations may be kept in `wait` seconds."""

    number: int
    wait: float


class Pace:
    """One for all booths of a process. `time` is monotonic, in seconds. A turn that is not used is lost, and nothing else.

    Whoever comes alone has one at once; whoever comes less than a `TICK` later shares the next one with others.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._at = self._next = float("-inf")
        """When the latest turn is that was given, and from when on there is another one."""
        self._number = EACH
        self._taken = 0

    def take(self) -> Turn:
        """The next turn that is free."""
        now = self._time()
        if now < self._at and self._taken < TOGETHER:
            self._taken += 1
        else:
            wait = max(0.0, self._next - now)
            haste = 1 + int(wait / SOON)
            self._at, self._next = now + wait, now + wait + TICK / haste
            self._number, self._taken = EACH * haste, 1
        return Turn(self._number, self._at - now)


def company(took: float) -> float:
    """For how many seconds a translation that took so many waits for others."""
    return min(max(0.0, PART * took), LONGEST)
