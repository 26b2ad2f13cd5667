"""Rooms and their members."""

from collections.abc import Sequence

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind, Visibility
from engine.domain.rooms import Ban, Member, Room
from engine.storage.records import is_storable, search_key
from engine.storage.sql import projections
from engine.storage.sql.database import Database
from engine.storage.sql.projections import Projection
from engine.storage.sql.rows import BAN_COLUMNS, MEMBER_COLUMNS, from_room, to_ban, to_member, to_room
from engine.storage.sql.tables import agents, bans, members, participants, rooms, timelines, users


class SqlRooms:
    """See `repositories.Rooms`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, room: Room, epoch: str, events: Sequence[Event]) -> None:
        projection = Projection(room.id, events)
        timeline = {
            "id": room.id,
            "kind": TimelineKind.ROOM.value,
            "term": 0,
            "epoch": epoch,
            "created_at": room.created_at,
        }

        async def store(connection: AsyncConnection) -> None:
            await connection.execute(insert(timelines), timeline)
            await connection.execute(insert(rooms), from_room(room))
            await projections.write(connection, [projection])

        await self._database.write(store)

    async def get(self, room_id: TimelineId) -> Room | None:
        if not is_storable(room_id):
            return None
        row = await self._database.row(select(rooms).where(rooms.c.id == room_id))
        return to_room(row) if row else None

    async def search(
        self, viewer: ParticipantId | None, *, query: str | None = None, after: TimelineId | None = None, limit: int
    ) -> list[Room]:
        if not all(is_storable(given) for given in (viewer, query, after) if given is not None):
            return []
        found = select(rooms).where(rooms.c.archived_at.is_(None))
        if viewer is not None:
            membership = exists().where(members.c.timeline_id == rooms.c.id, members.c.participant_id == viewer)
            found = found.where((rooms.c.visibility == Visibility.PUBLIC.value) | membership)
        if query:
            found = found.where(rooms.c.name_key.contains(search_key(query), autoescape=True))
        if after is not None:
            found = found.where(rooms.c.id > after)
        return [to_room(row) for row in await self._database.rows(found.order_by(rooms.c.id).limit(limit))]

    async def members(self, timeline_id: TimelineId) -> list[Member]:
        if not is_storable(timeline_id):
            return []
        found = (
            select(*MEMBER_COLUMNS)
            .join_from(members, participants)
            .outerjoin(users, users.c.id == members.c.participant_id)
            .outerjoin(agents, agents.c.id == members.c.participant_id)
            .where(members.c.timeline_id == timeline_id)
        )
        rows = await self._database.rows(found.order_by(members.c.joined_at, members.c.participant_id))
        return [to_member(row) for row in rows]

    async def bans(self, timeline_id: TimelineId) -> list[Ban]:
        if not is_storable(timeline_id):
            return []
        found = select(*BAN_COLUMNS).join_from(bans, participants).where(bans.c.timeline_id == timeline_id)
        return [to_ban(row) for row in await self._database.rows(found.order_by(bans.c.participant_id))]
