"""Domain types to rows and back."""

from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import Row, func

from engine.domain.conversations import Conversation
from engine.domain.fields import AccountRole, ConversationKind, ParticipantId, ParticipantKind, Role, Status, Visibility
from engine.domain.messages import Message
from engine.domain.people import Participant, User
from engine.domain.rooms import Ban, Member, Room
from engine.search.words import indexed
from engine.storage.records import login_key, search_key
from engine.storage.sql import tables

Values = dict[str, Any]
"""One row, by column name."""

_MENTIONS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[Any])

MESSAGE_COLUMNS = (
    *(column for column in tables.messages.c if column is not tables.messages.c.search_text),
    tables.participants.c.kind,
    tables.participants.c.name,
)
"""What `to_message` reads: a message and its author's present name (by an outer join)."""
MEMBER_COLUMNS = (
    *tables.members.c,
    tables.participants.c.kind,
    tables.participants.c.name,
    func.coalesce(tables.users.c.username, tables.agents.c.name).label("username"),
)
"""What `to_member` reads: a membership, its participant, and (by outer joins) the account or the agent behind them."""
BAN_COLUMNS = (*tables.bans.c, tables.participants.c.kind, tables.participants.c.name)
"""What `to_ban` reads."""


def from_message(message: Message) -> Values:
    """The row of `messages`."""
    return {
        "id": message.id,
        "timeline_id": message.timeline_id,
        "offset": message.offset,
        "author_id": message.author.id,
        "reply_to": message.reply_to,
        "client_id": message.client_id,
        "created_at": message.created_at,
        "answer_id": None if message.answer_id is UNSET else message.answer_id,
        "partial": message.partial is True,
        **changing_values(message),
    }


def changing_values(message: Message) -> Values:
    """The part of a message that edits and deletion change. Reactions are rows of their own."""
    return {
        "text": message.text,
        "search_text": indexed(message.text),
        "language": message.language,
        "edited_at": message.edited_at,
        "deleted_at": message.deleted_at,
        "mentions": _json(message.mentions),
        "mentions_all": message.mentions_all is True,
    }


def to_message(row: Row[Any], reactions: dict[str, list[ParticipantId]] | None = None) -> Message:
    """The inverse of `from_message`; `reactions` come from elsewhere. An author unknown to `participants` goes by their id."""
    return Message(
        id=row.id,
        timeline_id=row.timeline_id,
        offset=row.offset,
        author=Participant(row.author_id, ParticipantKind(row.kind or "user"), row.name or row.author_id),
        text=row.text,
        language=row.language,
        reply_to=row.reply_to,
        client_id=row.client_id,
        created_at=row.created_at,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        reactions=reactions or {},
        mentions=_MENTIONS.decode(row.mentions) if row.mentions else [],
        mentions_all=True if row.mentions_all else UNSET,
        answer_id=row.answer_id or UNSET,
        partial=True if row.partial else UNSET,
    )


def from_member(timeline_id: str, member: Member) -> Values:
    """The row of `members`."""
    return {
        "timeline_id": timeline_id,
        "participant_id": member.participant.id,
        "role": member.role.value,
        "joined_at": member.joined_at,
        "muted_until": member.muted_until,
    }


def to_member(row: Row[Any]) -> Member:
    """The inverse of `from_member`."""
    person = Participant(row.participant_id, ParticipantKind(row.kind), row.name)
    return Member(person, Role(row.role), row.joined_at, row.username, row.muted_until)


def from_ban(timeline_id: str, ban: Ban) -> Values:
    """The row of `bans`."""
    return {
        "timeline_id": timeline_id,
        "participant_id": ban.participant.id,
        "until": ban.until,
        "reason": ban.reason,
        "by": ban.by,
        "at": ban.at,
    }


def to_ban(row: Row[Any]) -> Ban:
    """The inverse of `from_ban`."""
    person = Participant(row.participant_id, ParticipantKind(row.kind), row.name)
    return Ban(participant=person, until=row.until, reason=row.reason, by=row.by, at=row.at)


def from_room(room: Room) -> Values:
    """The row of `rooms`."""
    return {**msgspec.structs.asdict(room), "visibility": room.visibility.value, "name_key": search_key(room.name)}


def to_room(row: Row[Any]) -> Room:
    """The inverse of `from_room`."""
    values = row._asdict()
    del values["name_key"]
    return Room(**{**values, "visibility": Visibility(values["visibility"])})


def from_conversation(conversation: Conversation) -> Values:
    """The row of `conversations`, but for its `pair_key`."""
    return {**msgspec.structs.asdict(conversation), "kind": conversation.kind.value}


def to_conversation(row: Row[Any]) -> Conversation:
    """The inverse of `from_conversation`."""
    values = row._asdict()
    del values["pair_key"]
    return Conversation(**{**values, "kind": ConversationKind(values["kind"])})


def from_participant(participant: Participant) -> Values:
    """The row of `participants`."""
    return {"id": participant.id, "kind": participant.kind.value, "name": participant.name}


def from_user(user: User) -> Values:
    """The row of `users`, but for the password."""
    return {
        **msgspec.structs.asdict(user),
        "email": login_key(user.email),
        "username_key": login_key(user.username),
        "status": user.status.value,
        "role": user.role.value,
    }


def to_user(row: Row[Any]) -> User:
    """The inverse of `from_user`."""
    return User(
        id=row.id,
        email=row.email,
        username=row.username,
        display_name=row.display_name,
        language=row.language,
        status=Status(row.status),
        role=AccountRole(row.role),
        active=row.active,
        weekly_messages=row.weekly_messages,
        created_at=row.created_at,
    )


def _json(value: list[Any]) -> str | None:
    return msgspec.json.encode(value).decode() if value else None
