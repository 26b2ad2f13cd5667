"""Which members of a timeline are online, and what its subscribers are told of it: plain state, told the time.

Changes are collected for a second, so that who connects and says that they are busy, or goes and comes back, is told once. In a
small timeline each change is then an event. In a large one that would cost members times members, so there is one summary of
bounded size.
"""

from collections.abc import Iterable
from typing import Final

from engine.domain.fields import Availability, ParticipantId
from engine.domain.signals import PresenceChange, PresenceChanged, PresenceSummary
from engine.timelines.pace import is_due

INTERVAL: Final = 1.0
"""Seconds from the first change until it and those after it are told."""
LISTED: Final = 50
"""How many changes a summary names."""

_NEVER: Final = float("inf")


class Attendance:
    """The members who are online. What is told is what they are now: who came and went meanwhile is not in it."""

    def __init__(self) -> None:
        self._present: dict[ParticipantId, Availability] = {}
        self._told: dict[ParticipantId, Availability] = {}
        self._changed: dict[ParticipantId, None] = {}
        self._due = _NEVER

    @property
    def online(self) -> int:
        """How many members are."""
        return len(self._present)

    def of(self, people: Iterable[ParticipantId]) -> dict[ParticipantId, Availability]:
        """Those of these people who are online."""
        present = self._present
        return {each: present[each] for each in people if each in present}

    def see(self, person: ParticipantId, availability: Availability, now: float) -> None:
        """A member's presence is this; subscribers are to be told if it is not what they know."""
        if availability is Availability.OFFLINE:
            self._present.pop(person, None)
        else:
            self._present[person] = availability
        if self._told.get(person, Availability.OFFLINE) is availability:
            self._changed.pop(person, None)
        else:
            if not self._changed:
                self._due = now + INTERVAL
            self._changed[person] = None

    def forget(self, person: ParticipantId) -> None:
        """Someone is no member any more; subscribers learn that from the event."""
        self._present.pop(person, None)
        self._told.pop(person, None)
        self._changed.pop(person, None)

    def settle(self) -> None:
        """Nobody is there to be told: whoever subscribes next is shown everything."""
        self._told = dict(self._present)
        self._changed.clear()

    def take(self, now: float, *, large: bool) -> list[PresenceChanged] | list[PresenceSummary]:
        """What subscribers are to be told now, if anything."""
        if not is_due(self.due, now):
            return []
        changes = [(each, self._present.get(each, Availability.OFFLINE)) for each in self._changed]
        for person, availability in changes:
            if availability is Availability.OFFLINE:
                self._told.pop(person, None)
            else:
                self._told[person] = availability
        self._changed.clear()
        if not large:
            return [PresenceChanged(*change) for change in changes]
        listed = tuple(PresenceChange(*change) for change in changes[:LISTED])
        return [PresenceSummary(len(self._present), listed, len(changes) - len(listed))]

    @property
    def due(self) -> float:
        """When `take` may have something to tell; infinity while nothing is in sight."""
        return self._due if self._changed else _NEVER
