"""What agents remember."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId
from engine.domain.memories import Circle, Known, Memory, MemoryId
from engine.search.query import Query
from engine.search.words import folded
from engine.storage.records import is_storable
from engine.storage.repositories.memories import Refusal
from engine.storage.sql.agents import lock
from engine.storage.sql.database import Database
from engine.storage.sql.rows import Values
from engine.storage.sql.search import match_expression, tsquery
from engine.storage.sql.tables import agents, memories, messages

_KEYWORDS = msgspec.json.Decoder(list[str])
_COLUMNS: Final[list[Column[Any]]] = [each for each in memories.c if each.name not in {"number", "search_text"}]
_MEMORIES = select(*_COLUMNS)
_KNOWN = select(*_COLUMNS, memories.c.search_text)
_WORDS: Final[ColumnElement[Any]] = literal_column("memories.words")
_fts = table("memory_search", column("rowid"))


class SqlMemories:
    """See `repositories.Memories`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, memory: Memory, *, most: int) -> Refusal | None:
        values = msgspec.structs.asdict(memory) | _searched(memory)
        same = (memories.c.agent_id == memory.agent_id) & (memories.c.about.is_not_distinct_from(memory.about))
        if memory.about is None:
            same &= memories.c.timeline_id == memory.timeline_id

        async def store(connection: AsyncConnection) -> Refusal | None:
            if not await lock(connection, memory.agent_id):
                return "gone"
            gone = select(messages.c.id).where(messages.c.id == memory.message_id, messages.c.deleted_at.is_not(None))
            if memory.message_id is not None and (await connection.execute(gone)).first() is not None:
                return "gone"
            if (await connection.execute(select(func.count()).where(same))).scalar_one() >= most:
                return "full"
            await connection.execute(insert(memories), values)
            return None

        return await self._database.write(store)

    async def get(self, agent_id: ParticipantId, memory_id: MemoryId) -> Memory | None:
        if not is_storable(agent_id + memory_id):
            return None
        row = await self._database.row(_MEMORIES.where(_key(agent_id, memory_id)))
        return _to_memory(row) if row else None

    async def page(
        self,
        *,
        agent_id: ParticipantId | None = None,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> list[Memory]:
        return await self._read(_of(_MEMORIES, agent_id, about, after).limit(limit))

    async def search(
        self,
        agent_id: ParticipantId,
        query: Query,
        *,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> list[Memory]:
        found = _of(_MEMORIES, agent_id, about, after).limit(limit)
        if self._database.dialect == "sqlite":
            hits = select(_fts.c.rowid).where(literal_column("memory_search").op("MATCH")(match_expression(query)))
            return await self._read(found.where(memories.c.number.in_(hits)))
        row = await self._database.row(select(tsquery(query, None).label("words")))
        if row is None or not row.words:
            return []
        return await self._read(found.where(_WORDS.op("@@")(cast(row.words, TSQUERY))))

    async def within(self, agent_id: ParticipantId, circle: Circle) -> list[Known]:
        here = memories.c.timeline_id == circle.timeline_id
        about = memories.c.about == circle.asker
        admitted = or_(about if circle.private else about & here, memories.c.about.is_(None) & here)
        found = _of(_KNOWN, agent_id, None, None).where(admitted)
        return [Known(_to_memory(row), row.search_text) for row in await self._database.rows(found)]

    async def remembering(self) -> set[ParticipantId]:
        of_agent = exists().where(memories.c.agent_id == agents.c.id)
        return {row.id for row in await self._database.rows(select(agents.c.id).where(of_agent))}

    async def change(
        self,
        agent_id: ParticipantId,
        memory_id: MemoryId,
        *,
        text: str | None = None,
        keywords: list[str] | None = None,
        at: datetime,
    ) -> Memory | None:
        if not is_storable(agent_id + memory_id):
            return None

        async def store(connection: AsyncConnection) -> Memory | None:
            key = _key(agent_id, memory_id)
            row = (await connection.execute(_MEMORIES.where(key).with_for_update())).first()
            if row is None:
                return None
            known = _to_memory(row)
            changed = msgspec.structs.replace(
                known,
                text=known.text if text is None else text,
                keywords=known.keywords if keywords is None else keywords,
                updated_at=at,
            )
            values = {"text": changed.text, "updated_at": at} | _searched(changed)
            await connection.execute(update(memories).where(key).values(values))
            return changed

        return await self._database.write(store)

    async def remove(self, agent_id: ParticipantId, memory_id: MemoryId) -> bool:
        if not is_storable(agent_id + memory_id):
            return False
        return await self._remove(_key(agent_id, memory_id)) > 0

    async def remove_about(self, about: ParticipantId, *, agent_id: ParticipantId | None = None) -> int:
        these = memories.c.about == about
        return await self._remove(these if agent_id is None else these & (memories.c.agent_id == agent_id))

    async def _remove(self, which: Any) -> int:
        async def forget(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(memories).where(which))).rowcount

        return await self._database.write(forget)

    async def _read(self, found: Select[Any]) -> list[Memory]:
        return [_to_memory(row) for row in await self._database.rows(found)]


def _key(agent_id: ParticipantId, memory_id: MemoryId) -> Any:
    return (memories.c.id == memory_id) & (memories.c.agent_id == agent_id)


def _of(
    found: Select[Any], agent_id: ParticipantId | None, about: ParticipantId | None, after: MemoryId | None
) -> Select[Any]:
    if agent_id is None:
        active = (agents.c.id == memories.c.agent_id) & agents.c.name_key.is_not(None)
        found = found.where(exists().where(active))
    else:
        found = found.where(memories.c.agent_id == agent_id)
    if about is not None:
        found = found.where(memories.c.about == about)
    if after is not None:
        found = found.where(memories.c.id < after)
    return found.order_by(memories.c.id.desc())


def _searched(memory: Memory) -> Values:
    return {"keywords": msgspec.json.encode(memory.keywords).decode(), "search_text": folded(memory.words)}


def _to_memory(row: Row[Any]) -> Memory:
    values = {name: value for name, value in row._asdict().items() if name != "search_text"}
    return Memory(**{**values, "keywords": _KEYWORDS.decode(row.keywords)})
