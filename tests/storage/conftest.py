"""One suite, every implementation: `storage` is a fresh, open one of each kind in turn."""

from collections.abc import AsyncIterator, Callable

import pytest

from engine.domain.people import Participant
from engine.storage.memory import MemoryStorage, State
from engine.storage.repositories import Storage
from engine.storage.sql import SqlStorage
from tests.storage.made import add_user

Connect = Callable[[], Storage]


@pytest.fixture(params=["memory-asyncio", "memory-trio", "sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def anyio_backend(kind: str) -> str:
    return "trio" if kind == "memory-trio" else "asyncio"


@pytest.fixture
def connect(kind: str, request: pytest.FixtureRequest) -> Connect:
    """Opens another storage on the same database, as another process would."""
    if kind.startswith("memory"):
        state = State()
        return lambda: MemoryStorage(state)
    url = request.getfixturevalue(f"{kind}_url")
    return lambda: SqlStorage(url, time_limit=20.0)  # this machine may be busy; the limit has tests of its own


@pytest.fixture
async def storage(connect: Connect) -> AsyncIterator[Storage]:
    async with connect() as opened:
        yield opened


@pytest.fixture
async def ada(storage: Storage) -> Participant:
    return (await add_user(storage, "Ada")).participant


@pytest.fixture
async def bob(storage: Storage) -> Participant:
    return (await add_user(storage, "Bob")).participant
