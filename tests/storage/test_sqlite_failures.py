"""SQLite locked by another process, or missing."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.people import Participant
from engine.errors import StorageUnavailable
from engine.storage.repositories import Append
from engine.storage.sql import SchemaOutdated, SqlStorage, migrate, revision
from tests.storage.made import a_message, add_user, append, claim, open_room, posted

pytestmark = pytest.mark.anyio

LIMIT = 3.0  # seconds; other tests keep the disk busy
BOUND = 2.0 * LIMIT


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def storage(sqlite_url: str) -> AsyncIterator[SqlStorage]:
    async with SqlStorage(sqlite_url, time_limit=LIMIT) as storage:
        yield storage


@pytest.fixture
async def ada(storage: SqlStorage) -> Participant:
    return (await add_user(storage, "Ada")).participant


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another process in the middle of a long write."""
    connection = sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"), isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


async def test_a_locked_file_refuses_writes_in_time_and_answers_readers(
    sqlite_url: str, storage: SqlStorage, ada: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    refused = 0

    async def append_in_vain(offset: int) -> None:
        nonlocal refused
        with pytest.raises(StorageUnavailable):
            await storage.log.append([Append(room.id, claimed.term, (posted(a_message(room, offset, ada)),))])
        refused += 1

    with locked(sqlite_url), anyio.fail_after(BOUND):
        async with anyio.create_task_group() as group:
            for offset in range(2, 8):
                group.start_soon(append_in_vain, offset)
        assert await storage.rooms.get(room.id) == room

    assert refused == 6
    assert (await claim(storage, room)).head == 1
    await append(storage, await claim(storage, room), posted(a_message(room, 2, ada)))


async def test_readers_do_not_wait_for_a_long_write_of_ours(storage: SqlStorage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    writing, read = anyio.Event(), anyio.Event()

    async def write() -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(text("DELETE FROM rooms"))
            writing.set()
            await read.wait()
            raise StorageUnavailable("changed my mind")

        with pytest.raises(StorageUnavailable):
            await storage._database.write(work)

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        await writing.wait()
        found = await storage.rooms.get(room.id)
        read.set()

    assert found == room


async def test_readers_cannot_write(storage: SqlStorage) -> None:
    with pytest.raises(StorageUnavailable, match="readonly"):
        await storage._database.rows(text("DELETE FROM rooms RETURNING id"))


async def test_commits_survive_power_loss(storage: SqlStorage) -> None:
    async def settings(connection: AsyncConnection) -> list[object]:
        names = ("synchronous", "journal_mode", "foreign_keys")
        return [(await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in names]

    full = 2
    assert await storage._database.write(settings) == [full, "wal", 1]


async def test_a_missing_file_is_not_created_by_opening(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"

    with pytest.raises(StorageUnavailable):
        await SqlStorage(url).__aenter__()

    assert await revision(url) is None
    assert not (tmp_path / "none.db").exists()


async def test_a_file_that_was_never_migrated_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    with pytest.raises(SchemaOutdated, match="none"):
        await SqlStorage(f"sqlite:///{tmp_path}/empty.db").__aenter__()


async def test_migrating_creates_the_folder_and_the_names_may_be_odd(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new folder/a%20#1?.db".replace("?", "")

    await migrate(url)

    async with SqlStorage(url) as storage:
        await storage.ping()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_other_databases_are_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///file|needs a file"):
        SqlStorage(url)
