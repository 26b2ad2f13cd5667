"""Full-text search over messages."""

from typing import Protocol

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.search.query import Query


class Search(Protocol):
    """Messages by their words, in their present state: what was deleted or edited away is not found.

    Newest first, at most `limit`. `language` is that of the query: where the database knows its grammar, other forms of a word
    are found in messages of that language too.
    """

    async def in_timeline(
        self,
        timeline_id: TimelineId,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        language: str | None = None,
    ) -> list[Message]:
        """The messages of one timeline with offsets below `before`, by offset. Whether the asker may read it is not checked."""
        ...

    async def of_member(
        self,
        member: ParticipantId,
        query: Query,
        *,
        before: MessageId | None = None,
        limit: int,
        language: str | None = None,
    ) -> list[Message]:
        """The messages with ids below `before` of every timeline that has this member now, by id (which is by time)."""
        ...
