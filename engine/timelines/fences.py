"""Timelines that another process has taken over.

They are left alone for a while, so that two processes do not wrest them from each other.
"""

from collections.abc import Callable

from engine.domain.fields import TimelineId
from engine.errors import TimelineMoved


class Fences:
    """Remembers takeovers. `clock` is monotonic; `rest` is how long a timeline is left to its new owner, in seconds."""

    def __init__(self, clock: Callable[[], float], rest: float) -> None:
        self._clock = clock
        self._rest = rest
        self._until: dict[TimelineId, float] = {}

    def moved(self, timeline_id: TimelineId) -> None:
        """Another process owns this timeline now."""
        now = self._clock()
        self._until = {each: until for each, until in self._until.items() if until > now}
        self._until[timeline_id] = now + self._rest

    def check(self, timeline_id: TimelineId) -> None:
        """Raise `TimelineMoved` while a timeline is to be left alone."""
        left = self._until.get(timeline_id, 0.0) - self._clock()
        if left > 0:
            raise TimelineMoved("another process has taken this timeline over; connect again", retry_after=left)
