"""The databases to measure on, durable as in production, and the rate at which they commit single rows."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import anyio
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from benchmarks.client import PASSWORD
from engine.storage.sql import migrate
from engine.storage.sql.engine import create_engines, parse_url
from tests.support.postgres import PostgresServer


class Database(StrEnum):
    """What to run on."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


@contextmanager
def opened(database: Database) -> Iterator[str]:
    """The address of an empty database that lives as long as the block."""
    if database is Database.SQLITE:
        with tempfile.TemporaryDirectory(prefix="gathering-bench-") as folder:
            yield f"sqlite+aiosqlite:///{Path(folder) / 'gathering.db'}"
    else:
        with PostgresServer(durable=True) as server:
            yield server.create_database("benchmark")


async def single_row_commits(url: str, seconds: float) -> float:
    """Rows a second when every row is a transaction of its own: what an application without group commit can reach."""
    table = Table("benchmark_rows", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text))
    await migrate(url)
    engines = create_engines(parse_url(url), 10.0)
    engine = engines.writers
    try:
        async with engine.begin() as connection:
            await connection.run_sync(table.create)
        rows, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            async with engine.begin() as connection:
                await connection.execute(insert(table).values(text="x" * 200))
            rows += 1
        return rows / elapsed
    finally:
        async with engine.begin() as connection:
            await connection.run_sync(table.drop)
        await engines.dispose()


async def add_administrator(url: str) -> None:
    """`root`, with the tables if they are not there yet."""
    await migrate(url)
    create = ["user", "create", "--username", "root", "--email", "root@example.org", "--password-stdin", "--admin"]
    command = [sys.executable, "-m", "gateway", *create, "--database-url", url]
    await anyio.run_process(command, input=PASSWORD.encode(), stderr=subprocess.STDOUT)
