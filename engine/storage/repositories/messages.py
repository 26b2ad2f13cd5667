"""Messages in their present state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message


class Version(msgspec.Struct, frozen=True):
    """What a message said from a moment on."""

    text: str
    at: datetime


class Messages(Protocol):
    """The present state of messages. Authors carry their present name; reactions are in the order in which they were made."""

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

    async def thread(
        self, timeline_id: TimelineId, message_id: MessageId, *, after: int = 0, limit: int
    ) -> list[Message]:
        """The replies to a message, the replies to those, and so on, with an offset above `after`: oldest first, at most `limit`."""
        ...

    async def versions(self, timeline_id: TimelineId, message_id: MessageId) -> list[Version]:
        """What a message has said, oldest first, the present text last; once it is deleted, texts without words."""
        ...
