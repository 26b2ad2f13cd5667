"""Full-text search by looking at every message."""

from collections.abc import Iterable
from itertools import islice

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.search.highlights import matches
from engine.search.query import Query
from engine.storage.memory.state import State


class MemorySearch:
    """See `repositories.Search`. It knows no language's grammar."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def in_timeline(
        self,
        timeline_id: TimelineId,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        language: str | None = None,
    ) -> list[Message]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        ids = (message_id for offset, message_id in reversed(timeline.posted) if before is None or offset < before)
        return self._found(query, ids, limit)

    async def of_member(
        self,
        member: ParticipantId,
        query: Query,
        *,
        before: MessageId | None = None,
        limit: int,
        language: str | None = None,
    ) -> list[Message]:
        await self._state.enter()
        ids = [
            message_id
            for timeline in self._state.timelines.values()
            if member in timeline.members
            for _, message_id in timeline.posted
            if before is None or message_id < before
        ]
        return self._found(query, sorted(ids, reverse=True), limit)

    def _found(self, query: Query, ids: Iterable[MessageId], limit: int) -> list[Message]:
        messages = (self._state.messages[message_id] for message_id in ids)
        found = (message for message in messages if message.deleted_at is None and matches(query, message.text))
        return [self._state.present(message) for message in islice(found, limit)]
