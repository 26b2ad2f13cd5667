"""Pace: at most one of something in a while, the first at once."""

from typing import Final

_SLACK: Final = 1e-6
"""Seconds. A timer set for a moment is on time though rounding makes it a little early."""


class Pace:
    """Lets one through every `interval` seconds. `next` is when the next one may come."""

    __slots__ = ("_interval", "next")

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.next = float("-inf")

    def allows(self, now: float) -> bool:
        """Whether one may come now; if so, it has."""
        if not is_due(self.next, now):
            return False
        self.next = now + self._interval
        return True


def is_due(moment: float, now: float) -> bool:
    """Whether a moment has come."""
    return now >= moment - _SLACK
