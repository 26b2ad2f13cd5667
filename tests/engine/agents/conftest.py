"""An engine with scripted agents, on storage in memory, in virtual time."""

from collections.abc import AsyncIterator, Iterator

import pytest

from engine.engine import Engine
from tests.engine.agents import scripted
from tests.engine.timelines.acting import Interposed, running
from tests.engine.timelines.conftest import ada, anyio_backend, ben, cleo, lobby, root, state, storage

__all__ = ["ada", "anyio_backend", "ben", "cleo", "engine", "lobby", "root", "state", "storage"]


@pytest.fixture(autouse=True)
def scripts() -> Iterator[None]:
    """Nobody has said anything yet."""
    for each in (scripted.SCRIPTS, scripted.TURNS, scripted.CLOSED):
        each.clear()
    yield
    scripted.SCRIPTS.clear()


@pytest.fixture
async def engine(storage: Interposed) -> AsyncIterator[Engine]:
    async with running(storage, agents=scripted.SETTING) as engine:
        yield engine
