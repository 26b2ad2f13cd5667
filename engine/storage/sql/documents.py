"""What agents were given to read."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import anyio
import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.documents import Chunk, Document, DocumentId, DocumentType, Part
from engine.domain.fields import ParticipantId
from engine.search.query import Query, Term
from engine.storage.records import is_storable
from engine.storage.repositories.documents import ChunkKey
from engine.storage.repositories.memories import Refusal
from engine.storage.sql.agents import lock
from engine.storage.sql.database import Database
from engine.storage.sql.search import SIMPLE, match_expression
from engine.storage.sql.tables import chunks, documents

AT_A_TIME: Final = 10
"""Chunks that are stored or removed in one transaction: some milliseconds of SQLite, for which a post may have to wait."""
REST: Final = 0.01
"""Seconds between two of these, in which others come to write."""
_COLUMNS: Final = [each for each in documents.c if each.name != "complete"]
_DOCUMENTS: Final = select(*_COLUMNS).where(documents.c.complete)
_WORDS: Final[ColumnElement[Any]] = literal_column("document_chunks.words")
_fts = table("chunk_search", column("rowid"))
_FOUND: Final = select(chunks.c.document_id, chunks.c.position)
_OF_AGENT: Final = (documents.c.agent_id == bindparam("agent")) & documents.c.complete
_HAVING: Final[Mapping[str, tuple[Select[Any], Callable[[str], str]]]] = {
    "sqlite": (
        _FOUND.select_from(_fts)
        .join(chunks, chunks.c.number == _fts.c.rowid)
        .join(documents, documents.c.id == chunks.c.document_id)
        .where(literal_column("chunk_search").op("MATCH")(bindparam("word")), _OF_AGENT)
        .limit(bindparam("most")),
        lambda word: match_expression(Query((Term((word,)),))),
    ),
    "postgresql": (
        _FOUND.join(documents, documents.c.id == chunks.c.document_id)
        .where(_WORDS.op("@@")(func.phraseto_tsquery(SIMPLE, bindparam("word"))), _OF_AGENT)
        .limit(bindparam("most")),
        str,
    ),
}
"""Where a word is, and how the database is given it. Made once: to make a statement of all the words of a question takes 30 ms."""


class SqlDocuments:
    """See `repositories.Documents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, document: Document, parts: Sequence[Part], *, most: int) -> Refusal | None:
        if (refused := await self._begin(document, most)) is not None:
            return refused
        rows = [
            {"document_id": document.id, "position": index, "text": each.text, "search_text": each.words}
            for index, each in enumerate(parts)
        ]
        for first in range(0, len(rows), AT_A_TIME):
            if not await self._extend(document.id, rows[first : first + AT_A_TIME]):
                return "gone"
            await anyio.sleep(REST)
        return None if await self._complete(document.id) else "gone"

    async def _begin(self, document: Document, most: int) -> Refusal | None:
        async def store(connection: AsyncConnection) -> Refusal | None:
            if not await lock(connection, document.agent_id):
                return "gone"
            having = select(func.count()).where(documents.c.agent_id == document.agent_id)
            if (await connection.execute(having)).scalar_one() >= most:
                return "full"
            await connection.execute(insert(documents), msgspec.structs.asdict(document) | {"complete": False})
            return None

        return await self._database.write(store)

    async def _extend(self, document_id: DocumentId, rows: list[dict[str, Any]]) -> bool:
        """Whether the document is still there to be extended: its agent may have gone."""

        async def store(connection: AsyncConnection) -> bool:
            there = select(documents.c.id).where(documents.c.id == document_id).with_for_update()
            if (await connection.execute(there)).first() is None:
                return False
            await connection.execute(insert(chunks), rows)
            return True

        return await self._database.write(store)

    async def _complete(self, document_id: DocumentId, *, complete: bool = True) -> bool:
        """Have a document count, or not any more; whether there is one of which that is new."""
        other = (documents.c.id == document_id) & (documents.c.complete != complete)

        async def store(connection: AsyncConnection) -> bool:
            return (await connection.execute(update(documents).where(other).values(complete=complete))).rowcount > 0

        return await self._database.write(store)

    async def get(self, agent_id: ParticipantId, document_id: DocumentId) -> Document | None:
        if not is_storable(agent_id + document_id):
            return None
        this = (documents.c.id == document_id) & (documents.c.agent_id == agent_id)
        row = await self._database.row(_DOCUMENTS.where(this))
        return _to_document(row) if row else None

    async def page(self, agent_id: ParticipantId, *, after: DocumentId | None = None, limit: int) -> list[Document]:
        found = _DOCUMENTS.where(documents.c.agent_id == agent_id).order_by(documents.c.id.desc()).limit(limit)
        if after is not None:
            found = found.where(documents.c.id < after)
        return [_to_document(row) for row in await self._database.rows(found)]

    async def remove(self, agent_id: ParticipantId, document_id: DocumentId) -> bool:
        if await self.get(agent_id, document_id) is None or not await self._complete(document_id, complete=False):
            return False
        await self._erase(document_id)
        return True

    async def remove_all(self, agent_id: ParticipantId) -> None:
        await self._erase_those(documents.c.agent_id == agent_id)

    async def sweep(self, *, before: datetime) -> None:
        await self._erase_those(~documents.c.complete & (documents.c.created_at < before))

    async def _erase_those(self, which: ColumnElement[bool]) -> None:
        for row in await self._database.rows(select(documents.c.id).where(which)):
            await self._complete(row.id, complete=False)
            await self._erase(row.id)

    async def _erase(self, document_id: DocumentId) -> None:
        of_document = select(chunks.c.number).where(chunks.c.document_id == document_id)
        some = of_document.order_by(chunks.c.position).limit(AT_A_TIME)

        async def shorten(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(chunks).where(chunks.c.number.in_(some)))).rowcount

        async def finish(connection: AsyncConnection) -> None:
            await connection.execute(delete(documents).where(documents.c.id == document_id))

        while await self._database.write(shorten):  # noqa: ASYNC110 - it is no event that is waited for
            await anyio.sleep(REST)
        await self._database.write(finish)

    async def informed(self) -> dict[ParticipantId, int]:
        counted = select(documents.c.agent_id, func.sum(documents.c.chunks).label("number"))
        found = counted.where(documents.c.complete).group_by(documents.c.agent_id)
        return {row.agent_id: int(row.number) for row in await self._database.rows(found)}

    async def having(
        self, agent_id: ParticipantId, words: Sequence[str], *, most: int
    ) -> Mapping[str, Sequence[ChunkKey]]:
        if not words or not is_storable("".join(words)):
            return {}
        statement, spell = _HAVING[self._database.dialect]
        found: dict[str, Sequence[ChunkKey]] = {}
        for word in words:
            values = {"agent": agent_id, "word": spell(word), "most": most + 1}
            keys = [ChunkKey(*row) for row in await self._database.rows_with(statement, values)]
            if 0 < len(keys) <= most:
                found[word] = keys
        return found

    async def chunks(self, agent_id: ParticipantId, keys: Sequence[ChunkKey]) -> list[Chunk]:
        found: dict[ChunkKey, Chunk] = {}
        # One after the other: asked for all, SQLite would rather look through every chunk that the agent has.
        for document_id in dict.fromkeys(key.document_id for key in keys):
            positions = [key.position for key in keys if key.document_id == document_id]
            statement = (
                select(chunks.c.position, chunks.c.text, documents.c.name)
                .join(documents, documents.c.id == chunks.c.document_id)
                .where(documents.c.agent_id == agent_id, documents.c.complete, documents.c.id == document_id)
                .where(chunks.c.position.in_(positions))
            )
            for row in await self._database.rows(statement):
                key = ChunkKey(document_id, row.position)
                found[key] = Chunk(document_id=document_id, name=row.name, position=row.position, text=row.text)
        return [found[key] for key in keys if key in found]


def _to_document(row: Row[Any]) -> Document:
    values = row._asdict()
    return Document(**{**values, "media_type": DocumentType(values["media_type"])})
