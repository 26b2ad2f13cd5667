"""Read markers, and the counts of what is above them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.inbox import Unread

MAX_OFFSET: Final = 2**63 - 1
"""No offset is above it: the databases' integers end there."""


class Mark(msgspec.Struct, frozen=True):
    """Someone has read a timeline up to and including `offset`."""

    timeline_id: TimelineId
    participant_id: ParticipantId
    offset: int


class Markers(Protocol):
    """How far members have read. A marker begins at the offset of the joining, ends with the membership, and never goes back.

    Counted are messages of others above the marker that are not deleted, up to `MOST_COUNTED`.
    """

    async def mark(self, marks: Sequence[Mark], *, at: datetime) -> list[int | None]:
        """Raise markers, in one transaction; the answers, in the order of `marks`, are where each stands then.

        None for who is not a member. One that stands higher already stays. The person's notifications of what they have
        read count as read from the moment `at`.
        """
        ...

    async def of(
        self, people: Mapping[TimelineId, Sequence[ParticipantId]]
    ) -> dict[TimelineId, dict[ParticipantId, int]]:
        """The markers of these people in each of these timelines; those who are not members are left out."""
        ...

    async def unread(
        self, participant_id: ParticipantId, *, after: TimelineId | None = None, limit: int
    ) -> list[Unread]:
        """The counts of every timeline that someone is a member of, by its id upwards, from one consistent state."""
        ...

    async def unread_in(
        self, timeline_id: TimelineId, people: Sequence[ParticipantId], *, up_to: int = MAX_OFFSET
    ) -> dict[ParticipantId, Unread]:
        """The counts of these people in one timeline, of the messages up to and including an offset; without those who are no members."""
        ...
