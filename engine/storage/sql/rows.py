"""Domain types to rows and back."""

from typing import Any

import msgspec
from sqlalchemy import Row

from engine.domain.fields import AccountRole, ParticipantKind, Role, Status, Visibility
from engine.domain.messages import Message
from engine.domain.people import Participant, User
from engine.domain.rooms import Member, Room
from engine.search.words import indexed
from engine.storage.records import login_key, search_key
from engine.storage.sql import tables

Values = dict[str, Any]
"""One row, by column name."""

_REACTIONS: msgspec.json.Decoder[dict[str, list[Any]]] = msgspec.json.Decoder(dict[str, list[Any]])
_MENTIONS: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[Any])

MESSAGE_COLUMNS = (
    *(column for column in tables.messages.c if column is not tables.messages.c.search_text),
    tables.participants.c.kind,
    tables.participants.c.name,
)
"""What `to_message` reads: a message and its author's present name (by an outer join)."""
MEMBER_COLUMNS = (*tables.members.c, tables.participants.c.kind, tables.participants.c.name)
"""What `to_member` reads."""


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
        **changing_values(message),
    }


def changing_values(message: Message) -> Values:
    """The part of a message that edits and deletion change."""
    return {
        "text": message.text,
        "search_text": indexed(message.text),
        "language": message.language,
        "edited_at": message.edited_at,
        "deleted_at": message.deleted_at,
        "reactions": _json(message.reactions),
        "mentions": _json(message.mentions),
    }


def to_message(row: Row[Any]) -> Message:
    """The inverse of `from_message`. An author unknown to `participants` goes by their id."""
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
        reactions=_REACTIONS.decode(row.reactions) if row.reactions else {},
        mentions=_MENTIONS.decode(row.mentions) if row.mentions else [],
    )


def from_member(timeline_id: str, member: Member) -> Values:
    """The row of `members`."""
    return {
        "timeline_id": timeline_id,
        "participant_id": member.participant.id,
        "role": member.role.value,
        "joined_at": member.joined_at,
    }


def to_member(row: Row[Any]) -> Member:
    """The inverse of `from_member`."""
    return Member(Participant(row.participant_id, ParticipantKind(row.kind), row.name), Role(row.role), row.joined_at)


def from_room(room: Room) -> Values:
    """The row of `rooms`."""
    return {**msgspec.structs.asdict(room), "visibility": room.visibility.value, "name_key": search_key(room.name)}


def to_room(row: Row[Any]) -> Room:
    """The inverse of `from_room`."""
    values = row._asdict()
    del values["name_key"]
    return Room(**{**values, "visibility": Visibility(values["visibility"])})


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
        created_at=row.created_at,
    )


def _json(value: dict[str, Any] | list[Any]) -> str | None:
    return msgspec.json.encode(value).decode() if value else None
