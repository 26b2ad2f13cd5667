"""Schema migrations: Alembic without its configuration file, run from code on either database.

A new revision, from the difference between `tables.py` and a migrated database:

    python -m engine.storage.sql.migrate "add reactions"
"""

import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import anyio
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from engine.storage.sql.engine import create_migration_engine, database_exists, parse_url

T = TypeVar("T")

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x67617468  # "gath": PostgreSQL's advisory lock under which one migration runs at a time


class SchemaOutdated(Exception):
    """The database is at another revision than this version of the program; `gathering migrate` brings it up."""

    def __init__(self, found: str | None, expected: str) -> None:
        super().__init__(
            f"the database is at revision {found or 'none'}, this version needs {expected}: migrate it first"
        )


async def migrate(url: str) -> None:
    """Bring a database to the present revision, in one transaction; creates SQLite's file and folder.

    Several processes may do so at once: one migrates, the others wait and find it done.
    """

    def upgrade(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        command.upgrade(_config(connection), "head")

    await _run(url, upgrade)


async def revision(url: str) -> str | None:
    """The revision that a database is at; None when it has never been migrated."""
    if not database_exists(parse_url(url)):
        return None
    return await _run(url, lambda connection: MigrationContext.configure(connection).get_current_revision())


@cache
def head() -> str:
    """The revision that this version of the program needs."""
    return ScriptDirectory(str(_SCRIPTS)).get_current_head() or ""


async def write_revision(message: str) -> None:
    """Write a new migration script: what `tables.py` has and the migrations so far do not lead to."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/present.db"
        await migrate(url)
        await _run(url, lambda connection: command.revision(_config(connection), message, autogenerate=True))


async def _run(url: str, work: Callable[[Connection], T]) -> T:
    engine = create_migration_engine(parse_url(url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


if __name__ == "__main__":
    anyio.run(write_revision, sys.argv[1])
