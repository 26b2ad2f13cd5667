"""Who is typing in a timeline: plain state, told the time.

However many type, subscribers get one event of bounded size a second: the cost of typing does not grow with the typists.
"""

from itertools import islice
from typing import Final

from engine.domain.fields import ParticipantId
from engine.domain.signals import Typing
from engine.timelines.pace import Pace, is_due

EXPIRY: Final = 6.0
"""Seconds after which someone who has not said so again is typing no more. Clients say it again every 3 seconds or so."""
INTERVAL: Final = 1.0
"""Seconds between two events at least; the first one goes out at once."""
LISTED: Final = 10
"""How many people an event names."""

_NOBODY: Final = Typing(())


class Typists:
    """Those who type, longest first. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._until: dict[ParticipantId, float] = {}
        self._look_at = float("inf")
        self._pace = Pace(INTERVAL)
        self._told = _NOBODY

    def __contains__(self, person: object) -> bool:
        return person in self._until

    @property
    def now(self) -> Typing:
        """Everyone who is typing, whether or not subscribers know."""
        return Typing(tuple(islice(self._until, LISTED)), max(0, len(self._until) - LISTED))

    def start(self, person: ParticipantId, now: float) -> None:
        """Someone types, or still does."""
        self._until[person] = now + EXPIRY
        self._look_at = min(self._look_at, now + EXPIRY)

    def stop(self, person: ParticipantId) -> None:
        """Someone has stopped; who was not typing is fine."""
        self._until.pop(person, None)

    def clear(self) -> None:
        """Nobody types any more."""
        self._until.clear()

    def take(self, now: float) -> Typing | None:
        """What subscribers are to be told now, if anything."""
        self._expire(now)
        typing = self.now
        if typing == self._told or not self._pace.allows(now):
            return None
        self._told = typing
        return typing

    @property
    def due(self) -> float:
        """When `take` may have something to tell; infinity while nothing is in sight."""
        if self.now != self._told:
            return min(self._look_at, self._pace.next)
        return self._look_at

    def _expire(self, now: float) -> None:
        if not is_due(self._look_at, now):
            return
        for person in [person for person, until in self._until.items() if is_due(until, now)]:
            del self._until[person]
        self._look_at = min(self._until.values(), default=float("inf"))
