"""A transaction whose statements are all known beforehand, as one visit to SQLite's thread.

    script = Script()
    await script.execute(ADD, rows)  # taken down, not run
    done = await script.run(connection, fence, give_way)

A visit for each statement costs two switches of threads. Worse, under load the thread waits for the interpreter's lock and the next
statement for the event loop, so that the loop idles while SQLite works, and SQLite while the loop does. In one visit SQLite writes a
batch while the loop serves the timelines of the next.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import Overtaken
from engine.storage.sql import errors
from engine.storage.sql.prepared import DIALECT, Statement, prepare
from engine.storage.sql.rows import Values
from engine.storage.sql.sqlite import SqliteConnection


class NotScripted(Exception):
    """What comes next depends on the statement's answer."""


class Script:
    """Takes down statements in place of a connection, to run them later. Those that are made once and used often cost little."""

    dialect = DIALECT

    def __init__(self) -> None:
        self._steps: list[tuple[str, list[tuple[Any, ...]]]] = []

    async def execute(self, statement: Statement, values: Values | Sequence[Values] | None = None) -> Any:
        """Take a statement down, to be run for each of the rows. Raises `NotScripted` for one without rows: its answer is wanted."""
        if values is None:
            raise NotScripted
        rows = [values] if isinstance(values, dict) else values
        prepared = prepare(statement, tuple(rows[0]))
        self._steps.append((prepared.sql, [prepared.parameters(row) for row in rows]))

    async def run(
        self, connection: AsyncConnection, fence: Callable[[sqlite3.Cursor], bool], give_way: Callable[[], object]
    ) -> bool:
        """Begin, ask `fence` whether to go on, run the statements and commit; tells whether that was done.

        Nothing is done when the fence says no, when SQLite refuses one of the statements, and when `give_way`, which is called before
        each of them and before the commit, raises `Overtaken`. Raises that, and what says nothing about the statements: that the file
        is locked, for instance.
        """
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, SqliteConnection)
        try:
            return await driver.transact(lambda cursor: fence(cursor) and self._run(cursor, give_way))
        except Overtaken:
            raise
        except Exception as error:
            if errors.passing(error):
                raise
            return False

    def _run(self, cursor: sqlite3.Cursor, give_way: Callable[[], object]) -> bool:
        for sql, rows in self._steps:
            give_way()
            cursor.executemany(sql, rows)
        give_way()
        return True
