"""Rooms and their members."""

from datetime import datetime

import msgspec

from engine.domain.fields import ParticipantId, Role, TimelineId, Visibility
from engine.domain.people import Participant


class Room(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A room as its members see it. `capacity` counts members, None is unbounded."""

    id: TimelineId
    name: str
    description: str = ""
    visibility: Visibility = Visibility.PUBLIC
    capacity: int | None = None
    language: str | None = None
    translation: bool = True
    slow_mode_seconds: int = 0
    glossary: str | None = None
    formality: str | None = None
    created_by: ParticipantId
    created_at: datetime
    archived_at: datetime | None = None


class Member(msgspec.Struct, frozen=True, gc=False):
    """One participant's membership in one timeline.

    `username` is how others mention them; None for who has none. Until `muted_until` they read and do not write.
    """

    participant: Participant
    role: Role
    joined_at: datetime
    username: str | None = None
    muted_until: datetime | None = None


class Ban(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Someone may not join until a moment; None: until the ban is lifted."""

    participant: Participant
    until: datetime | None = None
    reason: str | None = None
    by: ParticipantId
    at: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.until is None or self.until > now
