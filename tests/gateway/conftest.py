from collections.abc import AsyncIterator

import pytest
from aiohttp import web_app
from aiohttp.test_utils import TestClient

from engine.accounts.forms import AccountChanges
from engine.domain.fields import AccountRole, ParticipantId
from engine.engine import Engine
from engine.settings import Settings, load
from gateway.app import build_app
from gateway.realtime.hub import HUB
from gateway.rest.health import LIFECYCLE
from tests.support.rest import Caller, Client, LikeServed, Person, sign_up


@pytest.fixture
def anyio_backend() -> str:
    """The gateway is aiohttp's, and aiohttp is asyncio's."""
    return "asyncio"


@pytest.fixture
def settings(sqlite_url: str) -> Settings:
    """A server with a database of its own, passwords that cost little, and patience with a disk that other tests keep busy."""
    return load(
        database_url=sqlite_url,
        secret_key="a key for tests only",
        argon2_memory_kib=8,
        argon2_time_cost=1,
        refresh_gather=0.0,
        storage_timeout=10.0,
    )


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    async with Engine.open(settings) as engine:
        yield engine


@pytest.fixture
async def client(engine: Engine, settings: Settings) -> AsyncIterator[Client]:
    app = build_app(engine, settings)
    app[LIFECYCLE].started = True
    async with TestClient(LikeServed(app)) as client:
        yield client
        await app[HUB].shutdown()
    web_app._cached_build_middleware.cache_clear()  # or aiohttp keeps the last few hundred applications, and all they hold


@pytest.fixture
def anyone(client: Client) -> Caller:
    """Someone who has not signed in."""
    return Caller(client)


@pytest.fixture
async def ada(client: Client) -> Person:
    return await sign_up(client, "ada")


@pytest.fixture
async def bob(client: Client) -> Person:
    return await sign_up(client, "bob")


@pytest.fixture
async def eve(client: Client) -> Person:
    return await sign_up(client, "eve")


@pytest.fixture
async def root(client: Client, engine: Engine) -> Person:
    """An administrator."""
    person = await sign_up(client, "root")
    await engine.accounts.administrate(ParticipantId(person.id), AccountChanges(role=AccountRole.ADMIN))
    return person
