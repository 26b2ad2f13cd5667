"""Pace: at most one of something in a while, the first at once."""

from typing import Final

_SLACK: Final = 1e-6
"""Seconds. A timer set for a moment is on time though rounding makes it a little early."""


class Pace:
    """Lets one through every `interval` seconds. `next` is when the next one may come.

    One may be up to `early` seconds early, which those after it make up for: so what comes at this pace, though not quite evenly,
    goes through at once. Any n take (n - 1) * `interval` - `early` seconds or more.
    """

    __slots__ = ("_early", "_interval", "next")

    def __init__(self, interval: float, *, early: float = 0.0) -> None:
        self._interval = interval
        self._early = early
        self.next = float("-inf")

    def allows(self, now: float) -> bool:
        """Whether one may come now; if so, it has."""
        if not is_due(self.next, now):
            return False
        self.next = max(self.next + self._interval, now + self._interval - self._early)
        return True


def is_due(moment: float, now: float) -> bool:
    """Whether a moment has come."""
    return now >= moment - _SLACK
