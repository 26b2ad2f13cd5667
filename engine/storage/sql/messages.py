"""Messages in their present state."""

from collections.abc import Sequence

from sqlalchemy import select

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.storage.records import is_storable
from engine.storage.sql.database import Database
from engine.storage.sql.rows import MESSAGE_COLUMNS, to_message
from engine.storage.sql.tables import messages, participants
from engine.storage.sql.types import among

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
        return to_message(row) if row else None

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
        return [to_message(row) for row in rows if (row.author_id, row.client_id) in wanted]

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
        page = [to_message(row) for row in await self._database.rows(found.order_by(order).limit(limit))]
        return page[::-1] if upwards else page
