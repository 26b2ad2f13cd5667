"""Messages in their present state."""

from collections.abc import Sequence
from typing import Protocol

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message


class Messages(Protocol):
    """The present state of messages. Authors carry their present name."""

    async def get(self, timeline_id: TimelineId, message_id: MessageId) -> Message | None:
        """One message of this timeline."""
        ...

    async def by_client_ids(self, timeline_id: TimelineId, keys: Sequence[tuple[ParticipantId, str]]) -> list[Message]:
        """The messages that these (author, client_id) pairs posted, in any order; unknown pairs are left out."""
        ...

    async def page(
        self, timeline_id: TimelineId, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        """Newest first, by offset, both bounds exclusive.

        With `after` and no `before` these are the `limit` messages next above `after` (still newest first).
        """
        ...
