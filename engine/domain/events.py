"""The durable events of a timeline: the one record from which members, messages and rooms are projected.

Each is encoded as `{"type": ..., "offset": ..., "at": ..., "actor": ..., <its own fields>}`, the same in the database, in REST
and in realtime.
"""

from datetime import datetime
from typing import TypeAlias

import msgspec

from engine.domain.conversations import Conversation
from engine.domain.fields import MessageId, ParticipantId, Role, TimelineId, TimelineKind
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.domain.rooms import Ban, Member, Room


class _Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """What every event has: its place in the timeline, when it happened (UTC), and who caused it."""

    offset: int
    at: datetime
    actor: ParticipantId


class MessagePosted(_Event, frozen=True, tag="message.posted"):
    """A message was added; its `offset` is the event's."""

    message: Message


class MessageEdited(_Event, frozen=True, tag="message.edited"):
    """A message's text changed; `message` is its new state."""

    message: Message


class MessageDeleted(_Event, frozen=True, tag="message.deleted"):
    """A message's content was removed, here and in the events before; `message` is the empty place it leaves."""

    message_id: MessageId
    message: Message


class MessageTranslated(_Event, frozen=True, tag="message.translated"):
    """A message's present text is there in another language; told to readers of that language only. `actor` is its author.

    `source` is the language that it was translated from. An edit ends it, a deletion takes its text away.
    """

    message_id: MessageId
    language: str
    text: str
    provider: str
    source: str


class ReactionAdded(_Event, frozen=True, tag="reaction.added"):
    """`actor` reacted to a message."""

    message_id: MessageId
    emoji: str


class ReactionRemoved(_Event, frozen=True, tag="reaction.removed"):
    """`actor` took a reaction back."""

    message_id: MessageId
    emoji: str


class MemberJoined(_Event, frozen=True, tag="member.joined"):
    """Someone became a member."""

    member: Member


class MemberLeft(_Event, frozen=True, tag="member.left"):
    """A member left by themselves."""

    participant_id: ParticipantId
    participant: Participant | None = None


class MemberRemoved(_Event, frozen=True, tag="member.removed"):
    """A member was removed by `actor`."""

    participant_id: ParticipantId
    participant: Participant | None = None


class MemberRoleChanged(_Event, frozen=True, tag="member.role_changed"):
    """A member's role was set by `actor`."""

    participant_id: ParticipantId
    role: Role


class MemberBanned(_Event, frozen=True, tag="member.banned"):
    """Someone may not come (back). Of a member it follows their `member.removed`."""

    ban: Ban


class MemberUnbanned(_Event, frozen=True, tag="member.unbanned"):
    """Someone may come again."""

    participant_id: ParticipantId


class MemberMuted(_Event, frozen=True, tag="member.muted"):
    """A member may read and not write until a moment; None: they may write again."""

    participant_id: ParticipantId
    until: datetime | None


class RoomUpdated(_Event, frozen=True, tag="room.updated"):
    """The room's settings changed; `room` is their new state."""

    room: Room


class RoomArchived(_Event, frozen=True, tag="room.archived"):
    """The room was closed: nothing can be added to it any more."""


class ConversationUpdated(_Event, frozen=True, tag="conversation.updated"):
    """A conversation was renamed, archived or opened again; `conversation` is its new state."""

    conversation: Conversation


class Invited(_Event, frozen=True, tag="invited"):
    """On a person's own timeline: they were added to a timeline by `by`."""

    timeline_id: TimelineId
    kind: TimelineKind
    name: str | None
    by: Participant | None


Event: TypeAlias = (
    MessagePosted
    | MessageEdited
    | MessageDeleted
    | MessageTranslated
    | ReactionAdded
    | ReactionRemoved
    | MemberJoined
    | MemberLeft
    | MemberRemoved
    | MemberRoleChanged
    | MemberBanned
    | MemberUnbanned
    | MemberMuted
    | RoomUpdated
    | RoomArchived
    | ConversationUpdated
    | Invited
)
