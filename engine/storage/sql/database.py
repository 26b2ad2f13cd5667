"""One database under a time limit: every operation ends within it, with its result or with an engine error."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import anyio
from sqlalchemy import Executable, Row, Select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from engine.storage.sql import errors
from engine.storage.sql.engine import create_engines, parse_url
from engine.storage.sql.prepared import read
from engine.storage.sql.rows import Values

T = TypeVar("T")


class _Repeat(Exception):
    """The attempt failed through no fault of its own, before its COMMIT was sent."""


class Database:
    """Reads and transactions on one database, each bounded by `limit` seconds and safe to cancel.

    A connection on which anything was cut short is closed, never used again: so nothing that was cancelled can still commit
    later on behalf of somebody else. (A COMMIT already on its way may succeed unheard; then the work is done as a whole.)
    """

    def __init__(self, url: str, *, limit: float) -> None:
        self._limit = limit
        self._engines = create_engines(parse_url(url), limit)
        self._written = False

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engines.readers.dialect.name

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """The rows of one reading statement, from its own snapshot."""

        async def fetch(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(statement)).all()

        return await self._bounded(self._engines.readers, fetch)

    async def rows_with(self, statement: Select[Any], values: Values) -> Sequence[Any]:
        """The same of a statement that is made once, with the values for this time: on SQLite that costs a third."""

        async def fetch(connection: AsyncConnection) -> Sequence[Any]:
            if self.dialect == "sqlite":
                return await read(connection, statement, values)
            return list(await connection.execute(statement, values))

        return await self._bounded(self._engines.readers, fetch)

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of one reading statement."""
        rows = await self.rows(statement)
        return rows[0] if rows else None

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in a transaction and commit; what it raises rolls the transaction back.

        `work` may be run twice: when the connection had died since it was last used, or on a deadlock.
        """
        return await self._bounded(self._engines.writers, work)

    async def ping(self) -> None:
        """Return when the database answers a reader, and a writer: another connection's lock keeps only writers out."""
        await self.rows(text("SELECT 1"))

        async def nothing(connection: AsyncConnection) -> None:
            await connection.execute(text("SELECT 1"))

        await self.write(nothing)

    async def checkpoint(self) -> int:
        """Have SQLite copy back into its file what stands in its log, beside whoever reads and writes: how many pages stood there."""
        if self.dialect != "sqlite" or not self._written:
            return 0
        self._written = False
        (row,) = await self.rows(text("PRAGMA wal_checkpoint(PASSIVE)"))
        return max(0, int(row.log))

    async def close(self) -> None:
        """Close every connection."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(self._limit, shield=True):
            await self._engines.dispose()

    async def _bounded(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        try:
            with anyio.fail_after(self._limit):
                try:
                    return await self._attempt(engine, work)
                except _Repeat:
                    return await self._attempt(engine, work)
        except _Repeat as repeat:
            error = repeat.__cause__
        except Exception as caught:  # noqa: BLE001 - translated, and raised again when it is none of the database's
            error = caught
        assert isinstance(error, Exception)
        translated = errors.translate(error, self._limit)
        if translated is error:
            raise error
        raise translated from error

    async def _attempt(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        connection = await engine.connect()
        committing = clean = False
        try:
            try:
                result = await work(connection)
            except Exception as error:
                if not errors.passing(error):
                    await connection.rollback()
                    clean = True
                raise
            if engine is self._engines.writers:
                committing = True
                await connection.commit()
                self._written = True
            clean = True
        except Exception as error:
            if not committing and errors.worth_repeating(error):
                raise _Repeat from error
            raise
        finally:
            with anyio.CancelScope(shield=True):  # closing waits for nobody, see engine.py
                if not clean:
                    await connection.invalidate()
                await connection.close()
        return result
