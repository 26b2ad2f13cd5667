"""The migrations lead to exactly the schema of `tables.py`, on both databases, and can be run again."""

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from engine.storage.sql.engine import create_migration_engine, parse_url
from engine.storage.sql.migrate import _config, head, migrate, revision
from engine.storage.sql.tables import metadata
from engine.storage.sql.tables.search import include_name

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_migrating_gives_exactly_the_tables(database_url: str) -> None:
    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection, opts={"include_name": include_name}), metadata)

    engine = create_migration_engine(parse_url(database_url))
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()

    assert found == []


async def test_key_columns_are_ordered_by_their_bytes_on_postgresql(postgres_url: str) -> None:
    def collations(connection: Connection) -> dict[str, object]:
        found = inspect(connection).get_columns("messages")
        return {column["name"]: getattr(column["type"], "collation", None) for column in found}

    engine = create_migration_engine(parse_url(postgres_url))
    async with engine.connect() as connection:
        found = await connection.run_sync(collations)
    await engine.dispose()

    assert found["id"] == found["timeline_id"] == found["author_id"] == "C"


async def test_a_migrated_database_is_at_the_head_and_migrating_again_changes_nothing(database_url: str) -> None:
    assert await revision(database_url) == head()

    await migrate(database_url)

    assert await revision(database_url) == head()


async def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    def undo(connection: Connection) -> None:
        downgrade(_config(connection), "base")

    engine = create_migration_engine(parse_url(database_url))
    async with engine.begin() as connection:
        await connection.run_sync(undo)
    await engine.dispose()
    assert await revision(database_url) is None

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(migrate, database_url)

    assert await revision(database_url) == head()
