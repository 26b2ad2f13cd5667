"""Fixtures for tests of whole server processes."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.support.deepl_server import DeepLServer
from tests.support.server import GatheringServer


@pytest.fixture
def anyio_backend() -> str:
    """aiohttp and centrifuge-python are asyncio's."""
    return "asyncio"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """As many connections as anybody wants."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
def deepl() -> Iterator[DeepLServer]:
    with DeepLServer() as server:
        yield server


@pytest.fixture
def server(sqlite_url: str) -> Iterator[GatheringServer]:
    with GatheringServer(sqlite_url) as server:
        yield server
