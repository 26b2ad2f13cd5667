"""Engines for a database: one whose connections write and one whose connections read, so that readers never wait for writers.

SQLite: WAL, synchronous=FULL (a commit survives power loss), one writing connection; every transaction on it begins with BEGIN
IMMEDIATE, because a transaction that begins by reading cannot always be promoted to writing. Python's sqlite3 would begin
transactions by itself, late and only before some statements; `isolation_level=None` takes that away from it.

PostgreSQL: the server ends by itself what a client that was cut off left behind (`statement_timeout` and its like).

Closing a connection of either kind never waits for the database: see `_PostgresConnection` and `SqliteConnection`.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

import aiosqlite
import asyncpg
from sqlalchemy import URL, Connection, ExceptionContext, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.storage.sql.errors import connection_lost
from engine.storage.sql.sqlite import RollingBack, SqliteConnection

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg"}
_READERS = 4
_POSTGRES_WRITERS = 4
_CHECKPOINT_PAGES = 8000
"""The log file's size (32 MB) at which a commit copies it back, if `Database.checkpoint` has not by then; at its default of 1000 the
commits of a busy server would do so all the time. It takes 10 ms, in which nobody else commits."""
_WRITERS_CACHE = 65_536
"""KiB of pages that the writing connection holds, at most: at SQLite's default of 2,000 a commit reads the pages again to which it adds,
once the database is larger than that. Readers lose what they hold with every commit."""


class Engines(NamedTuple):
    """The two ways into one database. Reading connections autocommit: each statement sees one consistent state."""

    writers: AsyncEngine
    readers: AsyncEngine
    files: "WeakSet[SqliteConnection]"
    """SQLite's open connections, those too that were given up while their thread was still waiting for a lock."""

    async def dispose(self) -> None:
        """Close every connection that is not in use, and wait for those that are still closing."""
        await self.writers.dispose()
        await self.readers.dispose()
        for connection in list(self.files):
            await connection.closed()


def parse_url(url: str) -> URL:
    """The database's address with the driver that we use; `sqlite:///file` and `postgresql://…` will do.

    Raises ValueError for other databases, and for SQLite without a file.
    """
    parsed = make_url(url)
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _DRIVERS.values():
        raise ValueError(f"{parsed.drivername} is not supported: use sqlite:///file or postgresql://host/database")
    if is_sqlite(parsed) and parsed.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file, as in sqlite:///var/gathering.db")
    if "sslmode" in parsed.query:  # libpq's name for what asyncpg calls ssl
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed


def is_sqlite(url: URL) -> bool:
    """Whether this is a file of SQLite's."""
    return url.get_backend_name() == "sqlite"


def database_exists(url: URL) -> bool:
    """False when there certainly is none: SQLite's file is missing."""
    return not is_sqlite(url) or Path(_file(url)).exists()


def create_engines(url: URL, limit: float) -> Engines:
    """Engines for an existing database; `limit` (seconds) is the longest that anything may wait."""
    return _sqlite_engines(url, limit) if is_sqlite(url) else _postgres_engines(url, limit)


def create_migration_engine(url: URL) -> AsyncEngine:
    """An engine for changing the schema: creates SQLite's file and its folder, and knows no time limit.

    Its transactions have the database to themselves from their begin: two of Alembic's must not meet within a process.
    """
    if not is_sqlite(url):
        return create_async_engine(url)
    Path(_file(url)).parent.mkdir(parents=True, exist_ok=True)
    opener = _sqlite_opener(url, WeakSet(), busy=60.0, mode="rwc", foreign_keys=False)  # tables may be built anew
    engine = create_async_engine(url, async_creator=opener)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


class _PostgresConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg is untyped
    """Closed by cutting it off, at once: a server that hangs would not take a good-bye, and the transaction ends either way."""

    async def close(self, *, timeout: float | None = None) -> None:
        self.terminate()


def _pooled(limit: float) -> dict[str, Any]:
    return {
        "pool_timeout": limit,
        "pool_reset_on_return": None,  # `Database` ends every transaction itself
        "max_overflow": 0,
        "hide_parameters": True,  # what people write stands in no logged error
    }


def _postgres_engines(url: URL, limit: float) -> Engines:
    milliseconds = str(max(1, int(limit * 1000)))
    settings = {
        "application_name": "gathering",
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": str(2 * int(milliseconds)),
        "client_connection_check_interval": milliseconds,
    }
    options: dict[str, Any] = {
        "connect_args": {"connection_class": _PostgresConnection, "timeout": limit, "server_settings": settings},
        **_pooled(limit),
    }
    writers = create_async_engine(url, pool_size=_POSTGRES_WRITERS, **options)
    readers = create_async_engine(
        url, pool_size=_READERS, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **options
    )
    for engine in (writers, readers):
        event.listen(engine.sync_engine, "handle_error", _recognise_lost_connection)
    return Engines(writers, readers, WeakSet())


def _sqlite_engines(url: URL, limit: float) -> Engines:
    options = _pooled(limit)
    busy = 0.75 * limit  # shorter than the limit, so that "database is locked" is heard before the time-out
    files: WeakSet[SqliteConnection] = WeakSet()
    writers = create_async_engine(url, async_creator=_sqlite_opener(url, files, busy=busy), pool_size=1, **options)
    readers = create_async_engine(
        url,
        async_creator=_sqlite_opener(url, files, busy=busy, query_only=True),
        pool_size=_READERS,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        **options,
    )
    event.listen(writers.sync_engine, "begin", _begin_with_next)
    return Engines(writers, readers, files)


def _sqlite_opener(
    url: URL,
    files: "WeakSet[SqliteConnection]",
    *,
    busy: float,
    mode: str = "rw",
    foreign_keys: bool = True,
    query_only: bool = False,
) -> Callable[[], Awaitable[aiosqlite.Connection]]:
    address = f"{Path(_file(url)).resolve().as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=busy, isolation_level=None, check_same_thread=False, factory=RollingBack
        )
        connection.execute(f"PRAGMA foreign_keys = {foreign_keys:d}")
        connection.execute("PRAGMA synchronous = FULL")
        if query_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size = -{_WRITERS_CACHE}")
        return connection

    async def open_connection() -> aiosqlite.Connection:
        connection = SqliteConnection(connect)
        files.add(connection)
        return await connection

    return open_connection


def _file(url: URL) -> str:
    return url.database or ""


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_with_next(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    assert isinstance(raw, SqliteConnection)
    raw.begins = True


def _recognise_lost_connection(context: ExceptionContext) -> None:
    """Tell SQLAlchemy so, or it would hand out the other dead connections of the pool one by one."""
    if connection_lost(context.sqlalchemy_exception):
        context.is_disconnect = True
