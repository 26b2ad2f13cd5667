"""Notifications, written with the events that cause them: each kind is one statement that finds out whom it concerns."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Insert,
    Select,
    String,
    bindparam,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.events import Event
from engine.domain.fields import ConversationKind, TimelineId
from engine.domain.inbox import MOST_TOLD, Notice, NotificationKind, notice_of
from engine.storage.sql.rows import Values
from engine.storage.sql.script import Script
from engine.storage.sql.tables import Key, conversations, members, messages, notifications, users
from engine.storage.sql.types import UtcDateTime, insert_into

_COLUMNS: Final = (
    "id",
    "participant_id",
    "kind",
    "timeline_id",
    "offset",
    "message_id",
    "actor",
    "at",
    "everyone",
)
_timeline: Final = bindparam("key_timeline", type_=Key)
_kind: Final = bindparam("key_kind", type_=String(16))


def _told(kind: ColumnElement[str], *whom: ColumnElement[bool], everyone: bool = False) -> Select[Any]:
    """A row for each member with an account, but for who did it, for whom the conditions hold."""
    return (
        select(
            bindparam("key_id", type_=Key),
            members.c.participant_id,
            kind,
            members.c.timeline_id,
            bindparam("key_offset", type_=BigInteger),
            bindparam("key_message", type_=Key),
            bindparam("key_actor", type_=Key),
            bindparam("key_at", type_=UtcDateTime),
            literal(everyone, Boolean),
        )
        .join_from(members, users, users.c.id == members.c.participant_id)
        .where(members.c.timeline_id == _timeline, members.c.participant_id != bindparam("key_actor", type_=Key), *whom)
    )


def _none_waits(kind: NotificationKind, *, everyone: bool) -> ColumnElement[bool]:
    """Nothing of the kind is unread in this timeline."""
    return ~exists().where(
        notifications.c.participant_id == members.c.participant_id,
        notifications.c.timeline_id == members.c.timeline_id,
        notifications.c.kind == kind.value,
        notifications.c.everyone.is_(everyone),
        notifications.c.read_at.is_(None),
    )


_all_members = members.alias("all_members")
_answered = select(messages.c.author_id).where(
    messages.c.id == bindparam("key_reply", type_=Key), messages.c.timeline_id == _timeline
)
_members = select(func.count()).select_from(_all_members).where(_all_members.c.timeline_id == _timeline)
_is_private = exists().where(conversations.c.id == _timeline, conversations.c.kind == ConversationKind.PRIVATE.value)

NAMED: Final = _told(_kind, members.c.participant_id == bindparam("key_person", type_=Key))
ANSWERED: Final = _told(
    literal(NotificationKind.REPLY.value, String(16)), members.c.participant_id == _answered.scalar_subquery()
)
EVERYONE: Final = _told(
    literal(NotificationKind.MENTION.value, String(16)),
    _members.scalar_subquery() <= MOST_TOLD,
    _none_waits(NotificationKind.MENTION, everyone=True),
    everyone=True,
)
OTHER: Final = _told(
    literal(NotificationKind.PRIVATE_MESSAGE.value, String(16)),
    _is_private,
    _none_waits(NotificationKind.PRIVATE_MESSAGE, everyone=False),
)


class Notices:
    """What the events of one append may tell people, by the statement that tells it. Most posts only stand in `posted`."""

    __slots__ = ("answered", "everyone", "named", "posted")

    def __init__(self) -> None:
        self.named: list[Values] = []
        self.answered: list[Values] = []
        self.everyone: list[Values] = []
        self.posted: list[Notice] = []

    def add(self, timeline_id: TimelineId, event: Event) -> None:
        """Take an event in."""
        notice = notice_of(timeline_id, event)
        if notice is None:
            return
        if notice.posted:
            self.posted.append(notice)
        if notice.people:
            row = _row(notice) | {"key_kind": notice.kind.value}
            self.named += [row | {"key_person": person} for person in notice.people]
        if notice.reply_to is not None:
            self.answered.append(_row(notice) | {"key_reply": notice.reply_to})
        if notice.everyone:
            self.everyone.append(_row(notice))


def _row(notice: Notice) -> Values:
    event = notice.event
    return {
        "key_timeline": notice.timeline_id,
        "key_id": notice.id,
        "key_offset": event.offset,
        "key_message": notice.message_id,
        "key_actor": event.actor,
        "key_at": event.at,
    }


async def write(connection: AsyncConnection | Script, appended: Iterable[tuple[Notices, bool]]) -> None:
    """Write the notifications of several appends; the flags tell which of them are to conversations.

    Who is meant twice by one event is told once: the first statement wins.
    """
    appended = list(appended)
    await _tell(connection, NAMED, [row for notices, _ in appended for row in notices.named])
    await _tell(connection, ANSWERED, [row for notices, _ in appended for row in notices.answered])
    await _tell(connection, EVERYONE, [row for notices, _ in appended for row in notices.everyone])
    posted = [_row(each) for notices, conversation in appended if conversation for each in notices.posted]
    await _tell(connection, OTHER, posted)


async def _tell(connection: AsyncConnection | Script, whom: Select[Any], rows: Sequence[Values]) -> None:
    if rows:
        await connection.execute(_telling(connection.dialect.name, whom), list(rows))


@cache
def _telling(dialect: str, whom: Select[Any]) -> Insert:
    return insert_into(dialect, notifications).from_select(_COLUMNS, whom).on_conflict_do_nothing()
