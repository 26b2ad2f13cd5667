"""Storage in memory, in virtual time: waiting for a retry takes none."""

from typing import Any

import pytest

from actors.testing.asyncio_scheduler import AsyncioScheduler
from actors.testing.trio_scheduler import TrioScheduler
from engine.domain.people import Principal
from engine.storage.memory import MemoryStorage, State
from tests.engine.timelines.acting import Interposed, person


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
async def ada(storage: Interposed) -> Principal:
    return await person(storage, "Ada")
