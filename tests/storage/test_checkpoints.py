"""What SQLite commits stands in its log first, and is copied into its file by no commit as long as somebody else does so in time."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.storage.checkpoints import ENOUGH, LOOKS, Checkpoints
from engine.storage.sql import SqlStorage
from tests.storage.made import add_user

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))


@pytest.fixture
async def storage(sqlite_url: str) -> AsyncIterator[SqlStorage]:
    async with SqlStorage(sqlite_url, time_limit=20.0) as storage:
        yield storage


def without_its_log(file: Path) -> sqlite3.Connection:
    """What stands in the file itself."""
    copied = file.with_suffix(".copy")
    copied.write_bytes(file.read_bytes())
    return sqlite3.connect(copied)


def names_in(file: Path) -> list[str]:
    with closing(without_its_log(file)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM users ORDER BY username")]


async def test_a_checkpoint_copies_what_was_committed(storage: SqlStorage, file: Path) -> None:
    await add_user(storage, "Ada")
    assert names_in(file) == []

    pages = await storage.checkpoint()

    assert pages > 0
    assert names_in(file) == ["Ada"]


async def test_it_neither_waits_for_who_writes_nor_keeps_them_waiting(storage: SqlStorage, file: Path) -> None:
    await add_user(storage, "Ada")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE users SET username = 'Bea'")

        await storage.checkpoint()

        assert names_in(file) == ["Ada"]
        other.execute("COMMIT")
    await add_user(storage, "Cleo")
    await storage.checkpoint()
    assert names_in(file) == ["Bea", "Cleo"]


async def test_where_nothing_was_committed_it_does_not_look(storage: SqlStorage, file: Path) -> None:
    await storage.checkpoint()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE made_elsewhere (name TEXT)")

        assert await storage.checkpoint() == 0

        with closing(without_its_log(file)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "users" in tables
    assert "made_elsewhere" not in tables


@pytest.mark.parametrize(
    ("pages", "looks"),
    [
        (0, 1),  # nothing was committed: to look costs nothing
        (1, LOOKS),
        (ENOUGH // LOOKS, LOOKS),
        (ENOUGH // 2, 2),
        (ENOUGH, 1),
        (10 * ENOUGH, 1),
    ],
)
async def test_the_more_is_committed_at_a_time_the_more_often_it_is_put_away(pages: int, looks: int) -> None:
    done: list[int] = []
    look = 0

    async def checkpoint() -> int:
        done.append(look)
        return pages * (done[-1] - done[-2] if len(done) > 1 else 1)

    checkpoints = Checkpoints(checkpoint)
    while look <= 3 * LOOKS:
        await checkpoints.look()
        look += 1

    assert done == list(range(0, 3 * LOOKS + 1, looks))
