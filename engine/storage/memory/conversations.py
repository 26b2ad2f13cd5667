"""Conversations."""

from collections.abc import Sequence
from datetime import datetime

from engine.domain.conversations import Conversation
from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.people import Participant
from engine.domain.rooms import Member
from engine.errors import Conflict
from engine.storage.memory.state import State, Timeline


class MemoryConversations:
    """See `repositories.Conversations`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(
        self, conversation: Conversation, pair_key: str | None, epoch: str, events: Sequence[Event]
    ) -> Conversation | None:
        await self._state.enter()
        if pair_key is not None and (known := self._state.pairs.get(pair_key)) is not None:
            return self._state.conversations[known]
        if conversation.id in self._state.timelines:
            raise Conflict(f"there is a timeline {conversation.id} already")
        timeline = Timeline(TimelineKind.CONVERSATION, epoch)
        conflict = self._state.conflict(timeline, events)
        if conflict is not None:
            raise Conflict(conflict)
        self._state.timelines[conversation.id] = timeline
        self._state.conversations[conversation.id] = conversation
        if pair_key is not None:
            self._state.pairs[pair_key] = conversation.id
        self._state.apply(conversation.id, timeline, events)
        return None

    async def get(self, conversation_id: TimelineId) -> Conversation | None:
        await self._state.enter()
        return self._state.conversations.get(conversation_id)

    async def of(
        self, participant_id: ParticipantId, *, after: TimelineId | None = None, limit: int
    ) -> list[Conversation]:
        await self._state.enter()
        mine = (
            conversation
            for key, conversation in self._state.conversations.items()
            if participant_id in self._state.timelines[key].members and (after is None or key > after)
        )
        return sorted(mine, key=lambda conversation: conversation.id)[:limit]

    async def participants(self, conversations: Sequence[TimelineId]) -> dict[TimelineId, list[Participant]]:
        await self._state.enter()
        return {
            key: [self._state.present_member(member).participant for member in sorted(members.values(), key=_seniority)]
            for key in conversations
            if (timeline := self._state.timelines.get(key)) is not None and (members := timeline.members)
        }


def _seniority(member: Member) -> tuple[datetime, ParticipantId]:
    return member.joined_at, member.participant.id
