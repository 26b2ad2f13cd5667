"""Many rows in one statement of one parameter: the rows as JSON, which the database itself takes apart.

    ADD_EVENTS = BulkInsert(events)
    await ADD_EVENTS.run(connection, rows)

A driver's `executemany` costs this process several microseconds for each value and, with SQLite, two waits for the interpreter's
lock for each row. The statement's text is the same whatever the number of rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from sqlalchemy import Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.storage.sql.rows import Values
from engine.storage.sql.script import Script
from engine.storage.sql.types import UtcDateTime


class BulkInsert:
    """`INSERT` of rows that have all of the table's columns by name, with a clause for conflicts.

    Rows hold nothing that JSON does not: no bytes, no U+0000.
    """

    def __init__(self, table: Table, conflicts: str = "") -> None:
        columns = list(table.c)
        names = ", ".join(f'"{column.name}"' for column in columns)
        values = ", ".join(f"json_extract(value, '$.{column.name}')" for column in columns)
        into = f"INSERT INTO {table.name} ({names})"
        row = f"CAST(NULL AS {table.name})"
        self._moments = [column.name for column in columns if isinstance(column.type, UtcDateTime)]
        # WHERE true: without it SQLite takes ON CONFLICT for a part of a join.
        self._sqlite = text(f"{into} SELECT {values} FROM json_each(:rows) WHERE true {conflicts}")
        self._postgresql = text(
            f"{into} SELECT {names} FROM json_populate_recordset({row}, CAST(:rows AS json)) {conflicts}"
        )

    async def run(self, connection: AsyncConnection | Script, rows: Sequence[Values]) -> None:
        """Insert the rows, in their order; without any nothing is done."""
        if not rows:
            return
        statement: TextClause = self._postgresql
        if connection.dialect.name == "sqlite":
            statement = self._sqlite
            rows = [row | {name: _spelled(row[name]) for name in self._moments} for row in rows]
        await connection.execute(statement, {"rows": msgspec.json.encode(rows).decode()})


@lru_cache(maxsize=1024)  # a message, its event and its entry in the activity log have the same moment
def _spelled(moment: datetime | None) -> str | None:
    """A moment as SQLAlchemy keeps it in SQLite; PostgreSQL reads JSON's."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
