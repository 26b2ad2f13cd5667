"""Conversations."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.conversations import Conversation
from engine.domain.events import Event
from engine.domain.fields import ParticipantId, ParticipantKind, TimelineId, TimelineKind
from engine.domain.people import Participant
from engine.errors import Conflict
from engine.storage.records import is_storable
from engine.storage.sql import projections
from engine.storage.sql.database import Database
from engine.storage.sql.projections import Projection
from engine.storage.sql.rows import from_conversation, to_conversation
from engine.storage.sql.tables import conversations, members, participants, timelines
from engine.storage.sql.types import among


class SqlConversations:
    """See `repositories.Conversations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, conversation: Conversation, pair_key: str | None, epoch: str, events: Sequence[Event]
    ) -> Conversation | None:
        projection = Projection(conversation.id, events)
        timeline = {
            "id": conversation.id,
            "kind": TimelineKind.CONVERSATION.value,
            "term": 0,
            "epoch": epoch,
            "created_at": conversation.created_at,
        }

        async def store(connection: AsyncConnection) -> None:
            await connection.execute(insert(timelines), timeline)
            await connection.execute(insert(conversations), {**from_conversation(conversation), "pair_key": pair_key})
            await projections.write(connection, [projection])

        try:
            await self._database.write(store)
        except Conflict:
            same = select(conversations).where(conversations.c.pair_key == pair_key)
            row = None if pair_key is None else await self._database.row(same)
            if row is None:
                raise
            return to_conversation(row)
        return None

    async def get(self, conversation_id: TimelineId) -> Conversation | None:
        if not is_storable(conversation_id):
            return None
        row = await self._database.row(select(conversations).where(conversations.c.id == conversation_id))
        return to_conversation(row) if row else None

    async def of(
        self, participant_id: ParticipantId, *, after: TimelineId | None = None, limit: int
    ) -> list[Conversation]:
        if not is_storable(participant_id) or not is_storable(after or ""):
            return []
        mine = members.c.participant_id == participant_id
        found = select(conversations).join(members, members.c.timeline_id == conversations.c.id).where(mine)
        if after is not None:
            found = found.where(conversations.c.id > after)
        rows = await self._database.rows(found.order_by(conversations.c.id).limit(limit))
        return [to_conversation(row) for row in rows]

    async def participants(self, conversations: Sequence[TimelineId]) -> dict[TimelineId, list[Participant]]:
        found = select(members.c.timeline_id, participants).join_from(members, participants)
        here = found.where(among(members.c.timeline_id, [key for key in conversations if is_storable(key)]))
        people: defaultdict[TimelineId, list[Participant]] = defaultdict(list)
        for row in await self._database.rows(here.order_by(members.c.joined_at, members.c.participant_id)):
            people[TimelineId(row.timeline_id)].append(Participant(row.id, ParticipantKind(row.kind), row.name))
        return dict(people)
