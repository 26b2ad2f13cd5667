"""An engine on storage in memory, in virtual time: waiting takes none."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.testing.asyncio_scheduler import AsyncioScheduler
from actors.testing.trio_scheduler import TrioScheduler
from engine.domain.people import Principal
from engine.engine import Engine
from engine.storage.memory import MemoryStorage, State
from tests.engine.timelines.acting import Interposed, Place, a_place, person, running


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    scheduler = AsyncioScheduler(None) if request.param == "asyncio" else TrioScheduler(None)
    return request.param, scheduler.options


@pytest.fixture
def state() -> State:
    """The database itself."""
    return State()


@pytest.fixture
def storage(state: State) -> Interposed:
    return Interposed(MemoryStorage(state))


@pytest.fixture
async def engine(storage: Interposed) -> AsyncIterator[Engine]:
    async with running(storage) as engine:
        yield engine


@pytest.fixture
async def ada(storage: Interposed) -> Principal:
    return await person(storage, "Ada")


@pytest.fixture
async def ben(storage: Interposed) -> Principal:
    return await person(storage, "Ben")


@pytest.fixture
async def cleo(storage: Interposed) -> Principal:
    return await person(storage, "Cleo")


@pytest.fixture
async def root(storage: Interposed) -> Principal:
    """An administrator."""
    return await person(storage, "Root", admin=True)


@pytest.fixture
async def lobby(engine: Engine, ada: Principal, ben: Principal) -> Place:
    """A public room that Ada owns and Ben has joined; its head is 2."""
    return await a_place(engine, ada, ben)
