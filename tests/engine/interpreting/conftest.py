"""An engine with a scripted provider of translations, in virtual time."""

from collections.abc import AsyncIterator

import pytest

from engine.domain.people import Principal
from engine.engine import Engine
from tests.engine.interpreting.linked import link_booths
from tests.engine.interpreting.translating import Scripted, speaker, translating
from tests.engine.timelines.acting import Interposed, Place, a_place
from tests.engine.timelines.conftest import anyio_backend, state, storage

__all__ = ["anyio_backend", "state", "storage"]


@pytest.fixture(params=["here", "linked"])
def booths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where they are. Whatever is true of them here must be true of them in a process of their own."""
    if request.param == "linked":
        link_booths(monkeypatch)
    where: str = request.param
    return where


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
async def engine(booths: str, storage: Interposed, provider: Scripted) -> AsyncIterator[Engine]:
    del booths  # which has been seen to
    async with translating(storage, provider) as engine:
        yield engine


@pytest.fixture
async def ada(storage: Interposed) -> Principal:
    return await speaker(storage, "Ada", "en")


@pytest.fixture
async def ben(storage: Interposed) -> Principal:
    return await speaker(storage, "Ben", "de")


@pytest.fixture
async def lobby(engine: Engine, ada: Principal, ben: Principal) -> Place:
    """A room of Ada's that Ben has joined; its head is 2."""
    return await a_place(engine, ada, ben)
