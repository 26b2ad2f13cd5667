"""Messages in their present state."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from engine.domain.events import MessageEdited, MessagePosted
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.storage.records import decode_event, is_storable
from engine.storage.repositories import Version
from engine.storage.sql.database import Database
from engine.storage.sql.rows import MESSAGE_COLUMNS, to_message
from engine.storage.sql.tables import events, messages, participants, reactions
from engine.storage.sql.types import among

_REACTIONS = select(reactions).order_by(reactions.c.offset)
_MESSAGES = select(*MESSAGE_COLUMNS).outerjoin_from(messages, participants, participants.c.id == messages.c.author_id)


class SqlMessages:
    """See `repositories.Messages`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, timeline_id: TimelineId, message_id: MessageId) -> Message | None:
        if not (is_storable(timeline_id) and is_storable(message_id)):
            return None
        found = _MESSAGES.where(messages.c.id == message_id, messages.c.timeline_id == timeline_id)
        row = await self._database.row(found)
        return (await complete(self._database, [row]))[0] if row else None

    async def by_client_ids(self, timeline_id: TimelineId, keys: Sequence[tuple[ParticipantId, str]]) -> list[Message]:
        wanted = {(author, client_id) for author, client_id in keys if is_storable(author) and is_storable(client_id)}
        if not wanted or not is_storable(timeline_id):
            return []
        # Authors times client_ids is a little more than the pairs, by one index and in one statement of constant text.
        found = _MESSAGES.where(
            messages.c.timeline_id == timeline_id,
            among(messages.c.author_id, sorted({author for author, _ in wanted})),
            among(messages.c.client_id, sorted({client_id for _, client_id in wanted})),
            messages.c.client_id.is_not(None),  # names the partial index
        )
        rows = await self._database.rows(found)
        return await complete(self._database, [row for row in rows if (row.author_id, row.client_id) in wanted])

    async def page(
        self, timeline_id: TimelineId, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        if not is_storable(timeline_id):
            return []
        found = _MESSAGES.where(messages.c.timeline_id == timeline_id)
        if before is not None:
            found = found.where(messages.c.offset < before)
        if after is not None:
            found = found.where(messages.c.offset > after)
        upwards = after is not None and before is None
        order = messages.c.offset.asc() if upwards else messages.c.offset.desc()
        page = await complete(self._database, await self._database.rows(found.order_by(order).limit(limit)))
        return page[::-1] if upwards else page

    async def thread(
        self, timeline_id: TimelineId, message_id: MessageId, *, after: int = 0, limit: int
    ) -> list[Message]:
        if not (is_storable(timeline_id) and is_storable(message_id)):
            return []
        here = messages.c.timeline_id == timeline_id
        answers = select(messages.c.id).where(here, messages.c.reply_to == message_id).cte("answers", recursive=True)
        answers = answers.union(select(messages.c.id).where(here, messages.c.reply_to == answers.c.id))
        found = _MESSAGES.where(here, messages.c.id.in_(select(answers.c.id)), messages.c.offset > after)
        return await complete(self._database, await self._database.rows(found.order_by(messages.c.offset).limit(limit)))

    async def versions(self, timeline_id: TimelineId, message_id: MessageId) -> list[Version]:
        if not (is_storable(timeline_id) and is_storable(message_id)):
            return []
        about = (events.c.timeline_id == timeline_id) & (events.c.message_id == message_id)
        rows = await self._database.rows(select(events.c.payload).where(about).order_by(events.c.offset))
        said = (decode_event(row.payload) for row in rows)
        return [
            Version(event.message.text, event.at) for event in said if isinstance(event, MessagePosted | MessageEdited)
        ]


async def complete(database: Database, rows: Sequence[Row[Any]]) -> list[Message]:
    """Messages from rows of `MESSAGE_COLUMNS`, and from one more statement for the reactions to all of them."""
    if not rows:
        return []
    known: defaultdict[str, dict[str, list[ParticipantId]]] = defaultdict(dict)
    ids = [row.id for row in rows]
    for each in await database.rows(_REACTIONS.where(among(reactions.c.message_id, ids))):
        known[each.message_id].setdefault(each.emoji, []).append(each.participant_id)
    return [to_message(row, known.get(row.id)) for row in rows]
