"""The migrations lead to exactly the schema of `tables.py`, on both databases, and can be run again."""

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec.structs import replace
from sqlalchemy import Connection, inspect

from engine.search.query import parse
from engine.storage.sql import SqlStorage
from engine.storage.sql.engine import create_migration_engine, parse_url
from engine.storage.sql.migrate import _config, head, migrate, revision
from engine.storage.sql.tables import metadata
from engine.storage.sql.tables.search import include_name
from tests.storage.made import a_message, add_user, append, at, claim, deleted, edited, open_room, posted

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


async def test_messages_from_before_the_search_are_found_after_it(database_url: str) -> None:
    def undo(connection: Connection) -> None:
        config = _config(connection)
        before = ScriptDirectory.from_config(config).get_revision("0004").down_revision
        assert isinstance(before, str)
        downgrade(config, before)

    async with SqlStorage(database_url, time_limit=20.0) as storage:
        ada = (await add_user(storage, "Ada")).participant
        room = await open_room(storage, ada)
        said = [a_message(room, offset, ada, text) for offset, text in enumerate(["plain", "東京 Größe", "gone"], 2)]
        gone = deleted(5, replace(said[2], text="", deleted_at=at(5)))
        await append(storage, await claim(storage, room), *map(posted, said), gone)
    engine = create_migration_engine(parse_url(database_url))
    async with engine.begin() as connection:
        await connection.run_sync(undo)
    await engine.dispose()

    await migrate(database_url)

    async with SqlStorage(database_url, time_limit=20.0) as storage:
        found = {
            typed: await storage.search.in_timeline(room.id, parse(typed), limit=5)
            for typed in ("plain", "pla*", "grosse", "東京", "京", "gone", "go*")
        }
        await append(storage, await claim(storage, room), edited(6, replace(said[0], text="new")))
        changed = await storage.search.in_timeline(room.id, parse("plain"), limit=5)
    plain, foreign, _ = ([message] for message in said)
    assert list(found.values()) == [plain, plain, foreign, foreign, foreign, [], []]
    assert changed == []
