"""Read markers, and the counts of what is above them."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.inbox import MOST_COUNTED, Unread
from engine.storage.memory.state import State
from engine.storage.repositories import MAX_OFFSET, Mark


class MemoryMarkers:
    """See `repositories.Markers`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def mark(self, marks: Sequence[Mark], *, at: datetime) -> list[int | None]:
        await self._state.enter()
        return [self._mark(each, at) for each in marks]

    def _mark(self, mark: Mark, at: datetime) -> int | None:
        timeline = self._state.timelines.get(mark.timeline_id)
        if timeline is None or mark.participant_id not in timeline.markers:
            return None
        stands = timeline.markers[mark.participant_id] = max(timeline.markers[mark.participant_id], mark.offset)
        for each in self._state.notifications.get(mark.participant_id, {}).values():
            if each.timeline_id == mark.timeline_id and each.offset <= mark.offset and each.read_at is None:
                each.read_at = at
        return stands

    async def of(
        self, people: Mapping[TimelineId, Sequence[ParticipantId]]
    ) -> dict[TimelineId, dict[ParticipantId, int]]:
        await self._state.enter()
        return {timeline_id: self._markers(timeline_id, wanted) for timeline_id, wanted in people.items()}

    def _markers(self, timeline_id: TimelineId, people: Sequence[ParticipantId]) -> dict[ParticipantId, int]:
        timeline = self._state.timelines.get(timeline_id)
        markers = {} if timeline is None else timeline.markers
        return {each: markers[each] for each in people if each in markers}

    async def unread(
        self, participant_id: ParticipantId, *, after: TimelineId | None = None, limit: int
    ) -> list[Unread]:
        await self._state.enter()
        mine = sorted(
            key
            for key, timeline in self._state.timelines.items()
            if participant_id in timeline.markers and (after is None or key > after)
        )
        return [self._count(key, participant_id) for key in mine[:limit]]

    async def unread_in(
        self, timeline_id: TimelineId, people: Sequence[ParticipantId], *, up_to: int = MAX_OFFSET
    ) -> dict[ParticipantId, Unread]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return {}
        return {each: self._count(timeline_id, each, up_to) for each in people if each in timeline.markers}

    def _count(self, timeline_id: TimelineId, person: ParticipantId, up_to: int = MAX_OFFSET) -> Unread:
        timeline = self._state.timelines[timeline_id]
        marker = timeline.markers[person]
        first = bisect_right(timeline.posted, marker, key=lambda entry: entry[0])
        above = [self._state.messages[message_id] for offset, message_id in timeline.posted[first:] if offset <= up_to]
        unread = [each for each in above if each.deleted_at is None and each.author.id != person]
        return Unread(
            timeline_id=timeline_id,
            kind=timeline.kind,
            unread=min(len(unread), MOST_COUNTED),
            mentions=min(sum(each.mentions_all or person in each.mentions for each in unread), MOST_COUNTED),
            last_read_offset=marker,
        )
