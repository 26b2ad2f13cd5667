"""Agents come and go: those who moderate a room, or take part in a conversation, bring them in and send them away."""

from contextlib import suppress
from typing import Final

import structlog

from actors import AskFailed, Ref
from engine.domain.agents import AgentDefinition, AgentMembership
from engine.domain.fields import Role, TimelineId, TimelineKind
from engine.domain.messages import Draft
from engine.domain.people import Principal
from engine.domain.rooms import Member
from engine.errors import EngineError, NotFound
from engine.storage.repositories import Agents
from engine.timelines.commands import (
    AddParticipant,
    CheckModerates,
    ConversationView,
    DescribeConversation,
    Leave,
    Post,
    PutMember,
    ReadMembers,
)
from engine.timelines.directory import Timelines
from engine.timelines.shared import SharedTimeline

FAREWELL: Final = "Goodbye!"
"""What an agent says that is asked to say something and has no words of its own."""

log = structlog.get_logger(__name__)


class Joining:
    """Brings agents into timelines, and out of them, by the timelines' own rules."""

    def __init__(self, timelines: Timelines, storage: Agents) -> None:
        self._timelines = timelines
        self._storage = storage

    async def join_room(self, by: Principal, room_id: TimelineId, agent: AgentDefinition) -> Member:
        """Bring an agent into a room: its owners and moderators. One that is there already stays as it is."""
        room = self._timelines.room(room_id)
        await room.ask(CheckModerates(by))
        for each in await room.ask(ReadMembers(by)):
            if each.member.participant.id == agent.id:
                return each.member
        return await room.ask(PutMember(by, agent.participant, Role.MEMBER, agent.name))

    async def leave_room(
        self, by: Principal, room_id: TimelineId, agent: AgentDefinition, *, goodbye: bool | None
    ) -> None:
        """Send an agent away from a room: its owners and moderators. `NotFound` when it is not there."""
        room = self._timelines.room(room_id)
        await room.ask(CheckModerates(by))
        if agent.id not in {each.member.participant.id for each in await room.ask(ReadMembers(by))}:
            raise NotFound("that agent is not a member")
        await self._leave(room, agent, goodbye=goodbye)

    async def join_conversation(
        self, by: Principal, conversation_id: TimelineId, agent: AgentDefinition
    ) -> ConversationView:
        """Bring an agent into a group: whoever takes part in it."""
        conversation = self._timelines.conversation(conversation_id)
        await conversation.ask(DescribeConversation(by))
        await conversation.ask(AddParticipant(by, agent.participant, agent.name))
        return await conversation.ask(DescribeConversation(by))

    async def leave_conversation(
        self, by: Principal, conversation_id: TimelineId, agent: AgentDefinition, *, goodbye: bool | None
    ) -> None:
        """Send an agent away from a conversation: whoever takes part in it. `NotFound` when it does not."""
        conversation = self._timelines.conversation(conversation_id)
        view = await conversation.ask(DescribeConversation(by))
        if agent.id not in {each.id for each in view.participants}:
            raise NotFound("that agent takes no part in the conversation")
        await self._leave(conversation, agent, goodbye=goodbye)

    async def leave_everything(self, agent: AgentDefinition) -> None:
        """Take an agent out of all its timelines. What refuses stays to be done: raises its error after all others are left."""
        failed: Exception | None = None
        for membership in await self._storage.memberships(agent.id):
            try:
                await self._ref(membership).ask(Leave(agent.principal))
            except NotFound:
                pass  # it has left meanwhile
            except (EngineError, AskFailed) as error:
                log.warning("agent.not_left", agent=agent.id, timeline=membership.timeline_id, reason=str(error))
                failed = error
        if failed is not None:
            raise failed

    def _ref(self, membership: AgentMembership) -> Ref[SharedTimeline]:
        if membership.kind is TimelineKind.ROOM:
            return self._timelines.room(membership.timeline_id)
        return self._timelines.conversation(membership.timeline_id)

    async def _leave(self, ref: Ref[SharedTimeline], agent: AgentDefinition, *, goodbye: bool | None) -> None:
        """Say goodbye, if there is something to say and somebody may hear it, and go."""
        words = agent.goodbye or (FAREWELL if goodbye else None)
        if words is not None and goodbye is not False:
            with suppress(EngineError):
                await ref.ask(Post(agent.principal, Draft(text=words, language=agent.language)))
        await ref.ask(Leave(agent.principal))
