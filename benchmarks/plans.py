"""How the database goes about what the repositories ask: every statement that they send, explained."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.long_timeline import RARE, Timeline, message_id
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.search.query import parse
from engine.storage.sql import SqlStorage
from engine.storage.sql.engine import create_engines, parse_url


async def plans(url: str, timeline: Timeline) -> AsyncIterator[str]:
    """The plans, as the report's lines."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001
        sent.append((statement, parameters))

    engines = create_engines(parse_url(url), 60.0)
    room, owner, middle = TimelineId(timeline.id), ParticipantId(timeline.owner), timeline.messages // 2
    async with SqlStorage(url, time_limit=60.0) as storage:
        readers = storage._database._engines.readers.sync_engine  # noqa: SLF001 - nobody else needs to look in here
        event.listen(readers, "before_cursor_execute", note)
        asked = {
            "a page in the middle": storage.messages.page(room, before=middle, limit=51),
            "events since the middle": storage.log.events(room, after=middle, limit=100),
            "search, a common word": storage.search.in_timeline(room, parse("the"), limit=21),
            "search, a rare word": storage.search.in_timeline(room, parse(RARE), limit=21),
            "search, a beginning": storage.search.in_timeline(room, parse("meet*"), limit=21),
            "search, a word and not a beginning": storage.search.in_timeline(room, parse("meeting -w*"), limit=21),
            "search across mine": storage.search.of_member(owner, parse(RARE), limit=21),
            "search across mine, a beginning from the middle on": storage.search.of_member(
                owner, parse("w*"), before=MessageId(message_id(middle)), limit=21
            ),
        }
        for name, reading in asked.items():
            sent.clear()
            await reading
            async with engines.readers.connect() as connection:
                for statement, parameters in sent:
                    yield f"plan of {name}:"
                    for line in await _explain(connection, statement, parameters):
                        yield f"  {line}"
    await engines.dispose()


async def _explain(connection: AsyncConnection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
        return [str(row.detail) for row in rows]
    explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF)"
    return [str(row[0]) for row in (await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()]
