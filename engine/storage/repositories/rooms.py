"""Rooms and memberships."""

from collections.abc import Sequence
from typing import Protocol

from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.rooms import Ban, Member, Room


class Rooms(Protocol):
    """Rooms and memberships, as projected from their timelines."""

    async def create(self, room: Room, epoch: str, events: Sequence[Event]) -> None:
        """Store a new room's timeline (term 0), the room, and its first events with their projections, in one transaction."""
        ...

    async def get(self, room_id: TimelineId) -> Room | None:
        """A room, archived or not."""
        ...

    async def search(
        self, viewer: ParticipantId | None, *, query: str | None = None, after: TimelineId | None = None, limit: int
    ) -> list[Room]:
        """Rooms that are not archived and that `viewer` may know of (public, or a member; None sees all), by id upwards.

        `query` matches anywhere in the name, in any case; `%` and `_` in it mean themselves. `after` is the last id of the
        page before.
        """
        ...

    async def members(self, timeline_id: TimelineId) -> list[Member]:
        """Every member of a room or conversation, with their present name and username, by joined_at and then id."""
        ...

    async def bans(self, timeline_id: TimelineId) -> list[Ban]:
        """Every ban, also those that have run out, by participant id."""
        ...
