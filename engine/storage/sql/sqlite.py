"""SQLite's connections: each has a thread, and every visit there costs two switches of threads and waits for the interpreter's lock.

So a visit does as much as it can: a statement with its BEGIN and its rows, or a whole transaction. And it leaves no statement half
done: the event loop, freeing the cursor of one some time later, would wait for whatever the connection does then.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import aiosqlite


class RollingBack(sqlite3.Connection):
    """Closing ends the transaction. sqlite3's own `close` leaves it open, with its lock, while any cursor is still referenced."""

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()
        super().close()


class SqliteCursor(aiosqlite.Cursor):
    """Begins, executes and fetches in one visit to the connection's thread. aiosqlite's own goes there five times for that.

    Each visit costs two switches of threads, and under load the wait for the interpreter's lock both ways. Neither opening nor
    closing touches the database: a statement whose rows have all been fetched is over.
    """

    def __init__(self, connection: "SqliteConnection", cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._connection = connection
        self._rows: Iterable[Any] = ()

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "SqliteCursor":
        values = () if parameters is None else tuple(parameters)
        return await self._visit(lambda cursor: cursor.execute(sql, values))

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "SqliteCursor":
        rows = [tuple(row) for row in parameters]
        return await self._visit(lambda cursor: cursor.executemany(sql, rows))

    async def _visit(self, work: Callable[[sqlite3.Cursor], object]) -> "SqliteCursor":
        cursor, begins = self._cursor, self._connection.begins
        self._connection.begins = False

        def run() -> Iterable[Any]:
            try:
                if begins:
                    cursor.execute("BEGIN IMMEDIATE")
                work(cursor)
                return cursor.fetchall()
            except BaseException:
                cursor.close()
                raise

        self._rows = await self._execute(run)  # type: ignore[no-untyped-call]
        return self

    async def fetchall(self) -> Iterable[Any]:
        rows, self._rows = self._rows, ()
        return rows

    async def close(self) -> None:
        self._rows = ()


class SqliteConnection(aiosqlite.Connection):
    """Closed by its own thread, after the statement that runs there; whoever waits for it may stop waiting.

    aiosqlite's own `close` waits for ever when it is cancelled and the connection then stopped.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self.begins = False
        """Whether the next statement is to begin a transaction."""
        self._stopped: asyncio.Future[Any] | None = None

    def cursor(self) -> SqliteCursor:  # type: ignore[override] # entered at once, see `SqliteCursor`
        return SqliteCursor(self, self._conn.cursor())

    def stop(self) -> asyncio.Future[Any] | None:
        if self._stopped is None:
            self._stopped = super().stop()
        return self._stopped

    async def read(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        """The rows of one statement."""
        connection = self._conn

        def run() -> list[Any]:
            with closing(connection.cursor()) as cursor:
                return cursor.execute(sql, parameters).fetchall()

        return await self._execute(run)  # type: ignore[no-untyped-call,no-any-return]

    async def transact(self, work: Callable[[sqlite3.Cursor], bool]) -> bool:
        """Begin, do the work in the connection's thread and commit, or roll back when it says no or raises; tells what it said.

        Cancelled, it closes the connection and rolls back unless it is committing already.
        """
        connection = self._conn

        def run() -> bool:
            with closing(connection.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    done = work(cursor) and self._stopped is None
                    if done:
                        connection.commit()
                    return done
                finally:
                    connection.rollback()  # what is not committed

        try:
            return await self._execute(run)  # type: ignore[no-untyped-call,no-any-return]
        except asyncio.CancelledError:
            self.stop()
            raise

    async def close(self) -> None:
        """Close, and wait for that unless it has begun already."""
        if self._stopped is None:
            await self.closed()

    async def closed(self) -> None:
        """Close if that has not begun, and wait for it."""
        stopped = self.stop()
        if stopped is not None:
            await stopped
