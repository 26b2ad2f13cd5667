"""People with browsers: a system Chromium, driven by Playwright, that looks at a real server."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, async_playwright, expect

from tests.support.outside import command

PASSWORD = "correct horse battery"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux has it
ROOM = 1 << 30
"""Bytes of it that are enough for a browser."""
DOCS = tuple(f"/docs/{page}" for page in ("start", "reference", "realtime", "agents", "benchmarks"))
ADMIN = tuple(
    f"/admin/{page}" for page in ("overview", "actors", "activity", "users", "agents", "translation", "models")
)
_AWAY = re.compile(r"net::ERR_(CONNECTION|INTERNET|EMPTY|NETWORK|INCOMPLETE)|WebSocket connection to|503 \(")
"""What Chromium itself says in the console of a server that is away."""

PATIENCE = 60_000
"""Milliseconds to wait for what should happen at once: the machine may be busy."""
expect.set_options(timeout=PATIENCE)


def chromium() -> str:
    """The path of a Chromium; without one the test is skipped, except where it has to be there (in CI)."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("there is no chromium: .ci/run installs it")
    pytest.skip("there is no chromium on this machine")


def _unwanted() -> list[str]:
    """Playwright has Chromium keep its shared memory in files on the disk, for containers that have no room for it.

    Where there is room that only keeps the disk busy, and the databases of the tests beside it wait for seconds.
    """
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ROOM
    return ["--disable-dev-shm-usage"] if roomy else []


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A browser for a whole run."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=list(FLAGS), ignore_default_args=_unwanted()
        )
        yield browser
        await browser.close()


class Visitor:
    """One person at one browser: a window of their own, with what its console said.

    async with Visitor.open(browser, server.http, "ada") as ada:
        await ada.sign_up()
    """

    def __init__(self, context: BrowserContext, page: Page, address: str, username: str, language: str) -> None:
        self.context = context
        self.address = address
        self.username = username
        self.language = language
        self.page = page
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"pageerror: {error}"))
        self.page.set_default_timeout(PATIENCE)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, browser: Browser, address: str, username: str, *, language: str = "en", **options: Any
    ) -> AsyncIterator["Visitor"]:
        """A window, and at the end that its console had nothing to complain of."""
        options = {"viewport": {"width": 1280, "height": 800}, "locale": language, **options}
        context = await browser.new_context(**options)
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        visitor = cls(context, await context.new_page(), address, username, language)
        try:
            yield visitor
            assert visitor.complaints == [], visitor.complaints
        finally:
            await context.close()

    async def register(self) -> None:
        """Get an account and be signed in, without the pages for it."""
        account = {"username": self.username, "email": f"{self.username}@example.org", "password": PASSWORD}
        made = await self.api("POST", "/auth/register", {**account, "language": self.language}, signed_in=False)
        assert made["username"] == self.username
        await self.sign_in()

    async def sign_in(self) -> None:
        """Be signed in, to an account that there is, without the page for it."""
        await self.api(
            "POST", "/auth/login?cookies=true", {"login": self.username, "password": PASSWORD}, signed_in=False
        )

    async def sign_up(self) -> None:
        """Get an account as a newcomer does."""
        await self.go("/sign-up")
        await self.page.locator("[name=username]").fill(self.username)
        await self.page.locator("[name=email]").fill(f"{self.username}@example.org")
        await self.page.locator("[name=password]").fill(PASSWORD)
        await self.page.locator("[name=language]").select_option(self.language)
        await self.page.locator("button[type=submit]").click()
        await self.page.locator(".sidebar").wait_for()

    async def api(self, method: str, path: str, body: object = None, *, signed_in: bool = True) -> Any:
        """Ask the server as this person, beside the page."""
        headers = {"X-CSRF-Token": await self.csrf()} if signed_in else {}
        response = await self.context.request.fetch(
            f"{self.address}/api/v1{path}", method=method, data=body, headers=headers, timeout=PATIENCE
        )
        assert response.ok, f"{method} {path}: {response.status} {await response.text()}"
        return await response.json() if await response.body() else None

    async def csrf(self) -> str:
        """The token that requests show."""
        return next(
            (cookie.get("value", "") for cookie in await self.context.cookies() if cookie.get("name") == "csrf_token"),
            "",
        )

    async def go(self, path: str) -> None:
        """Open an address."""
        await self.page.goto(self.address + path)

    async def enter(self, path: str) -> None:
        """Open a room or a conversation, and wait until its messages are there."""
        await self.go(path)
        await expect(self.page.locator(".history")).to_have_attribute("aria-busy", "false")

    async def write(self, text: str) -> None:
        """Type something and send it."""
        await self.field.fill(text)
        await self.field.press("Enter")

    @property
    def field(self) -> Locator:
        """Where one writes."""
        return self.page.locator(".composer textarea")

    def message(self, text: str) -> Locator:
        """The messages that say this."""
        return self.page.locator("article.row", has_text=text)

    async def sees(self, text: str) -> None:
        """Wait for exactly one message that says this."""
        await expect(self.message(text)).to_have_count(1)

    async def become_admin(self, database_url: str) -> None:
        """Be promoted on the command line, and wait until the running server has learnt of it (within two seconds)."""
        promote = ("user", "promote", self.username, "--database-url", database_url)
        assert (await anyio.to_thread.run_sync(command, *promote)).returncode == 0
        with anyio.fail_after(PATIENCE / 1000):
            while (await self.api("GET", "/me"))["role"] != "admin":  # noqa: ASYNC110 - another process has no event
                await anyio.sleep(0.2)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"} and not _AWAY.search(said.text):
            self.complaints.append(f"{said.type}: {said.text}")
