"""Conversations: private between two people, or a group of any number. Only those who take part know that they exist."""

from typing import ClassVar

import msgspec
from msgspec import UNSET

from actors import Call, handles
from engine.domain.conversations import Conversation
from engine.domain.events import ConversationUpdated
from engine.domain.fields import ConversationKind, ParticipantId, Role, TimelineKind
from engine.domain.people import Principal
from engine.domain.rooms import Member
from engine.errors import Conflict, Forbidden, Hidden, NotFound
from engine.timelines import membership
from engine.timelines.commands import (
    AddParticipant,
    ConversationView,
    DescribeConversation,
    Leave,
    RemoveParticipant,
    Reopen,
    UpdateConversation,
)
from engine.timelines.shared import SharedTimeline
from engine.timelines.state import Foundation
from engine.timelines.turn import TURN, Turn

MOST: int = 1_000
"""How many people take part in a group at most."""


class ConversationActor(SharedTimeline):
    """A conversation. Administrators have no part in it that others would not have."""

    kind: ClassVar[TimelineKind] = TimelineKind.CONVERSATION

    async def exists(self) -> bool:
        """See `Timeline.exists`."""
        return await self._surroundings.storage.conversations.get(self.id) is not None

    async def load(self) -> Foundation:
        """See `Timeline.load`."""
        storage = self._surroundings.storage
        return Foundation(
            conversation=await storage.conversations.get(self.id),
            members=tuple(await storage.rooms.members(self.id)),
        )

    def title(self) -> str | None:
        """See `SharedTimeline.title`."""
        return self._conversation.title

    @property
    def _conversation(self) -> Conversation:
        assert self._state.conversation is not None
        return self._state.conversation

    # -- who may what --------------------------------------------------------------------------------------------------

    def check_reader(self, by: Principal) -> None:
        """Participants read."""
        if by.id not in self._state.members:
            raise _hidden()

    def check_author(self, turn: Turn, by: Principal) -> None:
        """Participants write."""
        _participant(turn, by)

    def check_open(self, turn: Turn) -> None:
        """Nothing is said, edited or deleted in an archived conversation."""
        if turn.conversation.archived_at is not None:
            raise Conflict("the conversation is archived")

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """The owner of a group."""
        return _participant(turn, by).role is not Role.MEMBER

    def may_export(self, by: Principal) -> bool:
        """The owner of a group; in private either."""
        member = self._state.members[by.id]
        return self._conversation.kind is ConversationKind.PRIVATE or member.role is Role.OWNER

    # -- taking part ---------------------------------------------------------------------------------------------------

    @handles(DescribeConversation)
    async def describe(self, message: DescribeConversation) -> ConversationView:
        """The conversation, and who takes part."""
        self.check_reader(message.by)
        return self._view(self._look())

    @handles(AddParticipant, batch=TURN)
    async def add_participant(self, calls: list[Call[AddParticipant, bool]]) -> None:
        """Bring people in."""
        self.propose(calls, self._decide_add)

    @handles(RemoveParticipant, batch=TURN)
    async def remove_participant(self, calls: list[Call[RemoveParticipant, None]]) -> None:
        """Send people away."""
        self.propose(calls, self._decide_remove)

    @handles(Reopen, batch=TURN)
    async def reopen(self, calls: list[Call[Reopen, ConversationView]]) -> None:
        """Bring two people together again."""
        self.propose(calls, self._decide_reopen)

    @handles(UpdateConversation, batch=TURN)
    async def update(self, calls: list[Call[UpdateConversation, ConversationView]]) -> None:
        """Rename, archive, open again."""
        self.propose(calls, self._decide_update)

    def _decide_add(self, turn: Turn, command: AddParticipant) -> bool:
        _participant(turn, command.by)
        self.check_open(turn)
        if command.participant.id in turn.members:
            return False
        _check_group(turn, "nobody joins a conversation between two: begin a group")
        if len(turn.members) >= MOST:
            raise Conflict(f"a conversation has at most {MOST} participants")
        membership.admit(turn, command.participant, command.username, Role.MEMBER, actor=command.by.id)
        return True

    def _decide_remove(self, turn: Turn, command: RemoveParticipant) -> None:
        by, person = _participant(turn, command.by), turn.members.get(command.participant_id)
        if person is None:
            raise NotFound("that participant takes no part in the conversation")
        if person is by:
            self._let_go(turn, by)
            return
        _check_group(turn, "nobody is removed from a conversation between two: leave it")
        if by.role is not Role.OWNER:
            raise Forbidden("only the owner of a group removes others")
        membership.remove(turn, person, actor=command.by.id)

    def decide_leave(self, turn: Turn, command: Leave) -> None:
        """See `SharedTimeline.decide_leave`."""
        self._let_go(turn, _participant(turn, command.by))

    def _let_go(self, turn: Turn, member: Member) -> None:
        membership.leave(turn, member)
        if not turn.members and turn.conversation.archived_at is None:
            self._change(turn, member.participant.id, archived=True)

    def _decide_reopen(self, turn: Turn, command: Reopen) -> ConversationView:
        for person, username in command.people:
            if person.id not in turn.members:
                membership.admit(turn, person, username, Role.MEMBER, actor=command.by.id)
        if turn.conversation.archived_at is not None:
            self._change(turn, command.by.id, archived=False)
        return self._view(turn)

    def _decide_update(self, turn: Turn, command: UpdateConversation) -> ConversationView:
        by, changes, known = _participant(turn, command.by), command.changes, turn.conversation
        if changes.title is not UNSET and changes.title != known.title:
            _check_group(turn, "a conversation between two has no title")
            self._change(turn, command.by.id, title=changes.title)
        if changes.archived is not UNSET and changes.archived != (known.archived_at is not None):
            if known.kind is ConversationKind.GROUP and by.role is not Role.OWNER:
                raise Forbidden("only the owner archives a group, or opens it again")
            self._change(turn, command.by.id, archived=changes.archived)
        return self._view(turn)

    def _view(self, turn: Turn) -> ConversationView:
        people = (member.participant for member in turn.members.values())
        return ConversationView.of(turn.conversation, people, self._surroundings.presence.of)

    @staticmethod
    def _change(turn: Turn, actor: ParticipantId, *, archived: bool | None = None, **changes: str | None) -> None:
        changed = msgspec.structs.replace(turn.conversation, **changes)
        if archived is not None:
            changed = msgspec.structs.replace(changed, archived_at=turn.now if archived else None)
        turn.add(ConversationUpdated(offset=turn.next_offset, at=turn.now, actor=actor, conversation=changed))


def _participant(turn: Turn, by: Principal) -> Member:
    member = turn.members.get(by.id)
    if member is None:
        raise _hidden()
    return member


def _check_group(turn: Turn, otherwise: str) -> None:
    if turn.conversation.kind is not ConversationKind.GROUP:
        raise Conflict(otherwise)


def _hidden() -> Hidden:
    return Hidden("there is no such conversation")
