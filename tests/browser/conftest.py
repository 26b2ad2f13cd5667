"""Fixtures for tests that look at the pages: one browser for all of them, a server with SQLite, people with windows."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
from playwright.async_api import Browser

from gateway.web.pages import BUILT
from tests.support.browsing import Visitor, open_browser
from tests.support.server import GatheringServer


class Invite(Protocol):
    """Lets somebody in, with an account and a window."""

    async def __call__(self, username: str, *, language: str = "en", **options: object) -> Visitor: ...


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Playwright is asyncio's. The browser of a file lives in the loop that its tests share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:  # noqa: ARG001 - in its loop
    assert (BUILT / "index.html").exists(), "make web"
    async with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatheringServer]:
    """One server for the tests of a file: they share nothing but its address."""
    path = tmp_path_factory.mktemp("browser") / "gathering.db"
    shutil.copy(_sqlite_template, path)
    with GatheringServer(f"sqlite+aiosqlite:///{path}", commands_per_second=100_000, commands_burst=100_000) as server:
        yield server


@pytest.fixture
async def invite(browser: Browser, server: GatheringServer) -> AsyncIterator[Invite]:
    """Visitors with accounts; at the end their windows are closed, and nothing may have gone wrong in them."""
    async with AsyncExitStack() as windows:

        async def come(username: str, *, language: str = "en", **options: object) -> Visitor:
            window = Visitor.open(browser, server.http, username, language=language, **options)
            visitor = await windows.enter_async_context(window)
            await visitor.register()
            return visitor

        yield come
