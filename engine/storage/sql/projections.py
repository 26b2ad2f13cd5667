"""Events to rows: the log itself and everything that its events imply, as few statements for a whole batch."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from datetime import date
from enum import Enum, auto
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

from msgspec import UNSET
from sqlalchemy import Insert, Table, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.events import (
    ConversationUpdated,
    Event,
    MemberBanned,
    MemberJoined,
    MemberLeft,
    MemberMuted,
    MemberRemoved,
    MemberRoleChanged,
    MemberUnbanned,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageTranslated,
    ReactionAdded,
    ReactionRemoved,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.quota import week_of
from engine.storage.records import decode_event, encode_event, without_text
from engine.storage.sql import notices, usage
from engine.storage.sql.bulk import BulkInsert
from engine.storage.sql.notices import Notices
from engine.storage.sql.rows import (
    Values,
    changing_values,
    from_ban,
    from_conversation,
    from_member,
    from_message,
    from_participant,
    from_room,
)
from engine.storage.sql.script import Script
from engine.storage.sql.tables import (
    EVERYONE,
    bans,
    conversations,
    counted_answers,
    events,
    members,
    memories,
    mentions,
    messages,
    notifications,
    participants,
    reactions,
    rooms,
    translations,
)
from engine.storage.sql.types import among, insert_into

_ROOM_SETTINGS = [column.name for column in rooms.c if column.name not in ("id", "created_by", "created_at")]


AboutMessage: TypeAlias = (
    MessagePosted | MessageEdited | MessageDeleted | MessageTranslated | ReactionAdded | ReactionRemoved
)
"""The events that one message has."""


class Change(Enum):
    """The kinds of change to a projection, each one statement for all rows that it concerns."""

    MESSAGE = auto()
    BLANK = auto()
    MENTION = auto()
    UNMENTION = auto()
    TRANSLATE = auto()
    UNTRANSLATE = auto()
    REACT = auto()
    UNREACT = auto()
    UNREACT_ALL = auto()
    FORGET = auto()
    GIVEN = auto()
    JOIN = auto()
    ROLE = auto()
    LEAVE = auto()
    MUTE = auto()
    BAN = auto()
    UNBAN = auto()
    ROOM = auto()
    ARCHIVE = auto()
    CONVERSATION = auto()


class Projection:
    """The rows that one append means. Raises `Unstorable` for data that no database of ours takes.

    `steps` are changes in the order of the events, neighbours of one kind together; those of other timelines at the same
    step are independent of them, so that step by step and kind by kind the changes of many timelines can be made at once.
    New messages come before all of them: nothing can precede the posting of a message. `posted` has, for each message of a
    person, whose count it adds to. `notices` come after all of them.
    """

    __slots__ = ("_fingerprints", "events", "messages", "notices", "posted", "steps", "timeline_id")

    def __init__(
        self, timeline_id: TimelineId, new: Iterable[Event], fingerprints: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        self._fingerprints = fingerprints
        self.timeline_id = timeline_id
        self.notices = Notices()
        self.events: list[Values] = []
        self.messages: list[Values] = []
        self.posted: list[tuple[ParticipantId, date]] = []
        self.steps: list[tuple[Change, list[Values]]] = []
        for event in new:
            self._add(timeline_id, event)

    def _add(self, timeline_id: TimelineId, event: Event) -> None:
        message_id: MessageId | None = None
        match event:
            case (
                MessagePosted()
                | MessageEdited()
                | MessageDeleted()
                | MessageTranslated()
                | ReactionAdded()
                | ReactionRemoved()
            ):
                message_id = self._about_message(timeline_id, event)
            case _:
                self._about_timeline(timeline_id, event)
        self.notices.add(timeline_id, event)
        self.events.append(
            {
                "timeline_id": timeline_id,
                "offset": event.offset,
                "type": event.__struct_config__.tag,
                "at": event.at,
                "actor": event.actor,
                "message_id": message_id,
                "payload": encode_event(event),
            }
        )

    def _about_message(self, timeline_id: TimelineId, event: AboutMessage) -> MessageId:
        match event:
            case MessagePosted(message=message):
                self.messages.append({**from_message(message), "timeline_id": timeline_id})
                if message.author.kind is ParticipantKind.USER:
                    self.posted.append((message.author.id, week_of(message.created_at)))
                self._mention(timeline_id, message)
                if message.answer_id is not UNSET and message.author.kind is ParticipantKind.AGENT:
                    self._change(
                        Change.GIVEN, member_key(timeline_id, message.author.id) | {"answer": message.answer_id}
                    )
                return message.id
            case MessageEdited(message=message):
                key = message_key(timeline_id, message.id)
                self._change(Change.MESSAGE, key | changing_values(message))
                self._change(Change.UNTRANSLATE, key)
                self._change(Change.UNMENTION, {"key_id": message.id})
                self._mention(timeline_id, message)
                return message.id
            case MessageDeleted(message=message):
                key = message_key(timeline_id, message.id)
                self._change(Change.MESSAGE, key | changing_values(message))
                self._change(Change.BLANK, key | {"before": event.offset})
                self._change(Change.UNTRANSLATE, key)
                self._change(Change.UNREACT_ALL, key)
                self._change(Change.UNMENTION, {"key_id": message.id})
                self._change(Change.FORGET, {"key_id": message.id})
                return message.id
            case MessageTranslated(message_id=message_id):
                self._change(Change.TRANSLATE, self._translation(timeline_id, event))
                return message_id
            case ReactionAdded(message_id=message_id):
                key = {"message_id": message_id, "participant_id": event.actor, "emoji": event.emoji}
                self._change(Change.REACT, key | {"offset": event.offset})
                return message_id
            case ReactionRemoved(message_id=message_id):
                key = {"key_id": message_id, "key_participant": event.actor, "key_emoji": event.emoji}
                self._change(Change.UNREACT, key)
                return message_id

    def _about_timeline(self, timeline_id: TimelineId, event: Event) -> None:
        match event:
            case MemberJoined(member=member):
                values = from_member(timeline_id, member) | from_participant(member.participant)
                self._change(Change.JOIN, values | {"read_offset": event.offset})
            case MemberLeft() | MemberRemoved():
                self._change(Change.LEAVE, member_key(timeline_id, event.participant_id))
            case MemberRoleChanged():
                self._change(Change.ROLE, member_key(timeline_id, event.participant_id) | {"role": event.role.value})
            case MemberMuted():
                self._change(Change.MUTE, member_key(timeline_id, event.participant_id) | {"muted_until": event.until})
            case MemberBanned(ban=ban):
                self._change(Change.BAN, from_ban(timeline_id, ban) | from_participant(ban.participant))
            case MemberUnbanned():
                self._change(Change.UNBAN, member_key(timeline_id, event.participant_id))
            case RoomUpdated(room=room):
                values = from_room(room)
                self._change(Change.ROOM, {"key_id": timeline_id} | {name: values[name] for name in _ROOM_SETTINGS})
            case RoomArchived():
                self._change(Change.ARCHIVE, {"key_id": timeline_id, "archived_at": event.at})
            case ConversationUpdated(conversation=conversation):
                values = from_conversation(conversation)
                settings = {name: values[name] for name in ("title", "archived_at")}
                self._change(Change.CONVERSATION, {"key_id": timeline_id} | settings)
            case _:
                pass

    def _translation(self, timeline_id: TimelineId, event: MessageTranslated) -> Values:
        return {
            "timeline_id": timeline_id,
            "message_id": event.message_id,
            "language": event.language,
            "text": event.text,
            "source": event.source,
            "provider": event.provider,
            "fingerprint": self._fingerprints.get(event.offset, ""),
        }

    def _mention(self, timeline_id: TimelineId, message: Message) -> None:
        mentioned = [*dict.fromkeys(message.mentions), *([EVERYONE] if message.mentions_all else [])]
        key = {"timeline_id": timeline_id, "offset": message.offset, "message_id": message.id}
        for each in mentioned:
            self._change(Change.MENTION, {**key, "participant_id": each, "author_id": message.author.id})

    def _change(self, change: Change, values: Values) -> None:
        if not self.steps or self.steps[-1][0] is not change:
            self.steps.append((change, []))
        self.steps[-1][1].append(values)


def message_key(timeline_id: str, message_id: str) -> Values:
    """How `_UPDATES` find a message."""
    return {"key_timeline": timeline_id, "key_id": message_id}


def member_key(timeline_id: str, participant_id: str) -> Values:
    """How `_UPDATES` find a member."""
    return {"key_timeline": timeline_id, "key_id": participant_id}


_message = (messages.c.timeline_id == bindparam("key_timeline")) & (messages.c.id == bindparam("key_id"))
_member = (members.c.timeline_id == bindparam("key_timeline")) & (members.c.participant_id == bindparam("key_id"))
_notified = (notifications.c.timeline_id == bindparam("key_timeline")) & (
    notifications.c.participant_id == bindparam("key_id")
)
_ban = (bans.c.timeline_id == bindparam("key_timeline")) & (bans.c.participant_id == bindparam("key_id"))
_room = rooms.c.id == bindparam("key_id")
_counted = (
    (counted_answers.c.timeline_id == bindparam("key_timeline"))
    & (counted_answers.c.agent_id == bindparam("key_id"))
    & (counted_answers.c.answer_id == bindparam("answer"))
)
_translation = (translations.c.timeline_id == bindparam("key_timeline")) & (
    translations.c.message_id == bindparam("key_id")
)
_reaction = (
    (reactions.c.message_id == bindparam("key_id"))
    & (reactions.c.participant_id == bindparam("key_participant"))
    & (reactions.c.emoji == bindparam("key_emoji"))
)

_ADD_EVENTS = BulkInsert(events)
_ADD_MESSAGES = BulkInsert(messages)
_REPLACE_TRANSLATIONS = BulkInsert(
    translations,
    "ON CONFLICT (timeline_id, message_id, language) DO UPDATE SET text = excluded.text, source = excluded.source,"
    " provider = excluded.provider, fingerprint = excluded.fingerprint",
)
_UPDATES = {
    Change.MESSAGE: update(messages).where(_message),
    Change.MENTION: insert(mentions),
    Change.UNTRANSLATE: delete(translations).where(_translation),
    Change.UNREACT: delete(reactions).where(_reaction),
    Change.GIVEN: delete(counted_answers).where(_counted),
    Change.MUTE: update(members).where(_member),
    Change.UNBAN: delete(bans).where(_ban),
    Change.ROLE: update(members).where(_member),
    Change.ROOM: update(rooms).where(_room),
    Change.ARCHIVE: update(rooms).where(_room),
    Change.CONVERSATION: update(conversations).where(conversations.c.id == bindparam("key_id")),
}


async def write(
    connection: AsyncConnection | Script, projections: list[Projection], talks: Container[TimelineId] = ()
) -> None:
    """Write the rows of several timelines' appends: one statement for the events, two for the messages, few for the rest.

    `talks` are those of the timelines that are conversations.
    """
    # In the order of FTS5's rowids, more or less: a smaller one has it write out what it gathered, and costs twice the time.
    projections = sorted(projections, key=lambda projection: projection.timeline_id)
    await _ADD_EVENTS.run(connection, [row for projection in projections for row in projection.events])
    await _ADD_MESSAGES.run(connection, [row for projection in projections for row in projection.messages])
    await usage.add(connection, (key for projection in projections for key in projection.posted))
    for step in range(max((len(projection.steps) for projection in projections), default=0)):
        changes: defaultdict[Change, list[Values]] = defaultdict(list)
        for projection in projections:
            if step < len(projection.steps):
                change, values = projection.steps[step]
                changes[change] += values
        for change, values in changes.items():
            await _apply(connection, change, values)
    await notices.write(connection, ((each.notices, each.timeline_id in talks) for each in projections))


async def _apply(connection: AsyncConnection | Script, change: Change, values: list[Values]) -> None:
    match change:
        case Change.JOIN:
            await _upsert_of_people(connection, members, values, ("role", "joined_at", "muted_until", "read_offset"))
        case Change.BAN:
            await _upsert_of_people(connection, bans, values, ("until", "reason", "by", "at"))
        case Change.REACT:
            await connection.execute(_unless_there(connection.dialect.name, reactions), values)
        case Change.TRANSLATE:
            await _replace_translations(connection, values)
        case Change.UNREACT_ALL:
            gone = [row["key_id"] for row in values]
            await connection.execute(delete(reactions).where(among(reactions.c.message_id, gone)))
        case Change.UNMENTION:
            gone = [row["key_id"] for row in values]
            await connection.execute(delete(mentions).where(among(mentions.c.message_id, gone)))
        case Change.FORGET:
            gone = [row["key_id"] for row in values]
            await connection.execute(delete(memories).where(among(memories.c.message_id, gone)))
        case Change.LEAVE:
            await connection.execute(delete(members).where(_member), values)
            await connection.execute(delete(notifications).where(_notified), values)
        case Change.BLANK:
            await _blank(connection, values)
        case _:
            await connection.execute(_UPDATES[change], values)


async def _upsert_of_people(
    connection: AsyncConnection | Script, table: Table, values: list[Values], changing: tuple[str, ...]
) -> None:
    """Insert or replace members or bans. A participant nobody knows yet is remembered; a known one keeps their present name."""
    dialect = connection.dialect.name
    known = [{name: row[name] for name in participants.c.keys()} for row in values]
    await connection.execute(_unless_there(dialect, participants), known)
    rows = [{name: row[name] for name in table.c.keys()} for row in values]
    await connection.execute(_or_replace(dialect, table, changing), rows)


@cache
def _unless_there(dialect: str, table: Table) -> Insert:
    return insert_into(dialect, table).on_conflict_do_nothing()


@cache
def _or_replace(dialect: str, table: Table, changing: tuple[str, ...]) -> Insert:
    rows = insert_into(dialect, table)
    return rows.on_conflict_do_update(
        index_elements=[table.c.timeline_id, table.c.participant_id],
        set_={name: rows.excluded[name] for name in changing},
    )


async def _replace_translations(connection: AsyncConnection | Script, values: list[Values]) -> None:
    """Insert or replace; of several for one message and language the last counts."""
    key = [column.name for column in translations.primary_key]
    last = {tuple(row[name] for name in key): row for row in values}
    await _REPLACE_TRANSLATIONS.run(connection, list(last.values()))


async def _blank(connection: AsyncConnection | Script, values: list[Values]) -> None:
    """Take the words out of deleted messages' earlier events."""
    deleted = {row["key_id"]: row for row in values}
    earlier = select(events.c.timeline_id, events.c.offset, events.c.message_id, events.c.payload)
    found = (await connection.execute(earlier.where(among(events.c.message_id, list(deleted))))).all()
    blanked = [
        {
            "key_timeline": row.timeline_id,
            "key_offset": row.offset,
            "payload": encode_event(without_text(decode_event(row.payload))),
        }
        for row in found
        if row.timeline_id == deleted[row.message_id]["key_timeline"] and row.offset < deleted[row.message_id]["before"]
    ]
    if blanked:
        key = (events.c.timeline_id == bindparam("key_timeline")) & (events.c.offset == bindparam("key_offset"))
        await connection.execute(update(events).where(key), blanked)
