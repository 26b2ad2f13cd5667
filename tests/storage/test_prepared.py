"""SQLite: rows that are read without SQLAlchemy are those that it reads."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import bindparam, func, literal, select

from engine.errors import StorageUnavailable
from engine.storage.sql import SqlStorage
from engine.storage.sql.tables import users
from engine.storage.sql.types import among_given
from tests.storage.made import add_user

pytestmark = pytest.mark.anyio

NAMED = select(users).where(among_given(users.c.username, "names"), users.c.active == bindparam("active", True))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def storage(sqlite_url: str) -> AsyncIterator[SqlStorage]:
    async with SqlStorage(sqlite_url, time_limit=20.0) as storage:
        yield storage


async def test_columns_have_their_types_and_names(storage: SqlStorage) -> None:
    for name in ("Ada", "Ben", "Cleo"):
        await add_user(storage, name, language="de" if name == "Ben" else None)

    mine = await storage._database.rows_with(NAMED.order_by(users.c.username), {"names": ["Ada", "Ben"]})
    theirs = await storage._database.rows(select(users).order_by(users.c.username))

    assert [each._asdict() for each in mine] == [dict(each._mapping) for each in theirs[:2]]
    assert (mine[1].language, mine[1].active, mine[1].created_at.tzinfo is None) == ("de", True, False)


async def test_what_has_a_value_of_its_own_may_be_given_another(storage: SqlStorage) -> None:
    await add_user(storage, "Ada")

    assert len(await storage._database.rows_with(NAMED, {"names": ["Ada"]})) == 1
    assert await storage._database.rows_with(NAMED, {"names": ["Ada"], "active": False}) == []


async def test_a_read_ends_in_time_and_the_next_one_is_answered(sqlite_url: str) -> None:
    numbers = select(literal(1).label("number")).cte(recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < bindparam("most")))
    counting = select(func.count().label("many")).select_from(numbers)
    async with SqlStorage(sqlite_url, time_limit=0.2) as storage:
        assert [each.many for each in await storage._database.rows_with(counting, {"most": 10})] == [10]
        with pytest.raises(StorageUnavailable):
            await storage._database.rows_with(counting, {"most": 3_000_000})

        assert await storage._database.rows_with(NAMED, {"names": []}) == []
