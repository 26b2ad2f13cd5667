"""Rooms and their members."""

from collections.abc import Sequence

import msgspec

from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind, Visibility
from engine.domain.rooms import Ban, Member, Room
from engine.errors import Conflict
from engine.storage.memory.state import State, Timeline
from engine.storage.records import search_key


class MemoryRooms:
    """See `repositories.Rooms`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, room: Room, epoch: str, events: Sequence[Event]) -> None:
        await self._state.enter()
        if room.id in self._state.timelines:
            raise Conflict(f"there is a timeline {room.id} already")
        timeline = Timeline(TimelineKind.ROOM, epoch)
        conflict = self._state.conflict(timeline, events)
        if conflict is not None:
            raise Conflict(conflict)
        self._state.timelines[room.id] = timeline
        self._state.rooms[room.id] = room
        self._state.apply(room.id, timeline, events)

    async def get(self, room_id: TimelineId) -> Room | None:
        await self._state.enter()
        return self._state.rooms.get(room_id)

    async def search(
        self, viewer: ParticipantId | None, *, query: str | None = None, after: TimelineId | None = None, limit: int
    ) -> list[Room]:
        await self._state.enter()
        key = search_key(query or "")
        found = [
            room
            for room in self._state.rooms.values()
            if room.archived_at is None
            and self._may_know(viewer, room)
            and key in search_key(room.name)
            and (after is None or room.id > after)
        ]
        return sorted(found, key=lambda room: room.id)[:limit]

    def _may_know(self, viewer: ParticipantId | None, room: Room) -> bool:
        if viewer is None or room.visibility is Visibility.PUBLIC:
            return True
        return viewer in self._state.timelines[room.id].members

    async def members(self, timeline_id: TimelineId) -> list[Member]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        members = [self._state.present_member(member) for member in timeline.members.values()]
        return sorted(members, key=lambda member: (member.joined_at, member.participant.id))

    async def bans(self, timeline_id: TimelineId) -> list[Ban]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        bans = () if timeline is None else timeline.bans.values()
        named = [msgspec.structs.replace(ban, participant=self._state.participants[ban.participant.id]) for ban in bans]
        return sorted(named, key=lambda ban: ban.participant.id)
