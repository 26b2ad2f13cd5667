"""Conversations."""

from collections.abc import Sequence
from typing import Protocol

from engine.domain.conversations import Conversation
from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.people import Participant


class Conversations(Protocol):
    """Conversations, as projected from their timelines. Their members are in `Rooms.members`."""

    async def create(
        self, conversation: Conversation, pair_key: str | None, epoch: str, events: Sequence[Event]
    ) -> Conversation | None:
        """Store a new conversation's timeline (term 0), the conversation, and its first events, in one transaction.

        When there is one with this `pair_key` already that one is the answer, and nothing is stored: of several concurrent
        calls one wins. None means that this one was stored.
        """
        ...

    async def get(self, conversation_id: TimelineId) -> Conversation | None:
        """A conversation, archived or not."""
        ...

    async def of(
        self, participant_id: ParticipantId, *, after: TimelineId | None = None, limit: int
    ) -> list[Conversation]:
        """Those that someone takes part in, archived ones too, by id upwards."""
        ...

    async def participants(self, conversations: Sequence[TimelineId]) -> dict[TimelineId, list[Participant]]:
        """Who takes part in each, with their present names, by joined_at and then id. Nobody is in one that is not there."""
        ...
