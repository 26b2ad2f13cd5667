"""Two people who share no language, and an agent, hold a conversation; the server dies in the middle of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

ARCHIVIST = {
    "name": "archivist",
    "display_name": "Archivist",
    "persona": "Keeps what was said.",
    "model": "archivist",
    "room_policy": "mention",
    "conversation_policy": "always",
}


@pytest.fixture(scope="module")
def server(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatheringServer]:
    """One that translates, into letters with accents."""
    path = tmp_path_factory.mktemp("together") / "gathering.db"
    shutil.copy(_sqlite_template, path)
    with GatheringServer(f"sqlite+aiosqlite:///{path}", translation_provider="pseudo", commands_burst=1000) as server:
        yield server


async def test_two_people_of_two_languages_and_an_agent_hold_a_conversation_through_a_crash(
    server: GatheringServer, invite: Invite
) -> None:
    ada, konrad = await invite("ada", language="en"), await invite("konrad", language="de")
    await ada.become_admin(server.database_url)
    await ada.api("POST", "/agents", ARCHIVIST)
    room = (await ada.api("POST", "/rooms", {"name": "Workshop", "language": "en"}))["id"]
    await konrad.api("POST", f"/rooms/{room}/join")
    for person in (ada, konrad):
        await person.enter(f"/rooms/{room}")

    await ada.write("The loom needs a new shuttle before tomorrow.")
    await expect(konrad.page.locator(".translated")).to_have_count(1)
    await konrad.write("Ich bringe morgen ein neues Schiffchen aus Berlin mit.")
    await expect(ada.page.locator(".translated")).to_contain_text("Translated from German")

    await ada.page.get_by_role("button", name="Members and settings").click()
    await ada.page.get_by_role("tab", name="Agents").click()
    await ada.page.get_by_role("button", name="Invite Archivist").click()
    await expect(ada.page.get_by_role("button", name="Dismiss Archivist")).to_be_visible()
    await ada.page.locator(".details").get_by_role("button", name="Close").click()
    await ada.write("@archivist what did konrad say about the Schiffchen?")
    answer = ada.page.locator("article.row", has=ada.page.locator(".tag", has_text="Agent"))
    await expect(answer.last).to_contain_text("Schiffchen")
    await expect(ada.page.locator(".row-answer")).to_have_count(0)

    await anyio.to_thread.run_sync(server.kill)
    await konrad.write("Ist hier noch jemand in der Werkstatt?")
    await expect(konrad.page.locator(".row-unsent")).to_have_count(1)
    await anyio.to_thread.run_sync(server.start)

    await expect(ada.page.locator("article.row").last.locator(".translated")).to_contain_text("Translated from German")
    await ada.page.locator("article.row").last.get_by_role("button", name="Show original").click()
    await ada.sees("Ist hier noch jemand in der Werkstatt?")
    await expect(konrad.page.locator(".row-unsent")).to_have_count(0)
    posted = [each["text"] for each in (await ada.api("GET", f"/rooms/{room}/messages"))["items"]]
    assert len(posted) == len(set(posted)) == 5
