"""What agents remember of one: shown with their answers, corrected and forgotten on one's own page."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support import model_scripts as peer
from tests.support.axe import violations
from tests.support.browsing import Visitor
from tests.support.openai_server import OpenAIServer
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

VERA = {
    "name": "vera",
    "persona": "You are kind.",
    "model": "default",
    "tools": ["remember", "forget"],
    "room_policy": "mention",
    "conversation_policy": "always",
}


@pytest.fixture(scope="module")
async def provider(anyio_backend: str) -> AsyncIterator[OpenAIServer]:  # noqa: ARG001 - in the browser's loop
    async with OpenAIServer() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(
    _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, provider: OpenAIServer
) -> Iterator[GatheringServer]:
    """A server whose chat models are the provider's."""
    path = tmp_path_factory.mktemp("browser") / "gathering.db"
    shutil.copy(_sqlite_template, path)
    url, base = f"sqlite+aiosqlite:///{path}", provider.base_url
    with GatheringServer(url, chat_model="openai:any", chat_model_base_url=base, translation_provider="none") as server:
        yield server


async def a_room(root: Visitor, *agents: str) -> tuple[str, list[str]]:
    """A room with agents in it, and their ids."""
    room = (await root.api("POST", "/rooms", {"name": "Tea house"}))["id"]
    ids = [(await root.api("POST", "/agents", {**VERA, "name": name}))["id"] for name in agents]
    for each in ids:
        await root.api("PUT", f"/rooms/{room}/agents/{each}")
    return room, ids


async def test_what_an_agent_has_learned_is_shown_where_it_is_used_and_gone_once_it_is_forgotten(
    invite: Invite, server: GatheringServer, provider: OpenAIServer
) -> None:
    provider.script = [
        peer.calls("remember", {"text": "Likes tea"}),
        peer.words("Noted."),
        peer.words("You like ", "tea."),
        peer.words("I do not know."),
    ]
    ada, ben = await invite("ada", bypass_csp=True), await invite("ben", language="de")
    await ada.become_admin(server.database_url)
    room, _ = await a_room(ada, "vera")
    await ben.api("POST", f"/rooms/{room}/join")
    await ada.enter(f"/rooms/{room}")
    await ben.enter(f"/rooms/{room}")

    await ada.write("@vera I like tea")
    await expect(ada.message("Noted.").get_by_label("Tools it uses")).to_have_text("remember")
    await ada.write("@vera what do I like?")
    answer = ada.message("You like tea.")
    await answer.get_by_role("button", name="Remembers 1 thing").click()
    await expect(answer.locator(".remembered")).to_contain_text("Likes tea")
    seen_by_ben = ben.message("You like tea.")
    await seen_by_ben.get_by_role("button", name="Erinnert sich an 1 Sache").click()
    await expect(seen_by_ben.locator(".remembered")).to_have_text("Etwas über ada")

    found = await violations(ada.page)
    await answer.get_by_role("link", name="See what agents remember of you").click()
    section = ada.page.locator("#memories")
    await expect(section.get_by_role("heading", name="vera")).to_be_visible()
    await expect(section.locator("li")).to_contain_text("Tea house")
    await section.get_by_role("button", name="Forget: Likes tea").click()
    await expect(section).to_contain_text("No agent remembers anything of you.")
    await expect(section.get_by_role("heading", name="What agents remember of you")).to_be_focused()
    assert (await ada.api("GET", "/me/memories"))["items"] == []
    await ada.enter(f"/rooms/{room}")
    await ada.write("@vera what do I like now?")
    await ada.sees("I do not know.")

    told = [json.dumps(asked.body["messages"]) for asked in provider.requests]
    assert ["What you remember" in each for each in told] == [False, False, True, False]
    assert "Likes tea" in told[2]
    assert found == []


async def test_memories_are_corrected_by_keyboard_and_one_agents_forgotten_at_once(
    invite: Invite, server: GatheringServer
) -> None:
    carl = await invite("carl", bypass_csp=True)
    await carl.become_admin(server.database_url)
    _, agents = await a_room(carl, "anna", "otto")
    for each in agents:
        for text in ("Likes tea", "Likes <b>rain</b>"):
            await carl.api("POST", f"/agents/{each}/memories", {"text": text})
    await carl.go("/account")
    anna, otto = (carl.page.locator(".remembering", has_text=name) for name in ("anna", "otto"))

    correct = otto.get_by_role("button", name="Correct: Likes tea")
    await correct.focus()
    await carl.page.keyboard.press("Enter")
    await expect(otto.get_by_label("What it remembers")).to_be_focused()
    found = await violations(carl.page)
    await carl.page.keyboard.press("Control+a")
    await carl.page.keyboard.type("Likes coffee")
    await carl.page.keyboard.press("Tab")
    await carl.page.keyboard.press("Tab")
    await carl.page.keyboard.press("Enter")
    await expect(otto.get_by_role("button", name="Correct: Likes coffee")).to_be_focused()
    await expect(otto).to_contain_text("Likes <b>rain</b>")
    await anna.get_by_role("button", name="Forget all: anna").click()
    found += await violations(carl.page)
    await carl.page.get_by_role("dialog").get_by_role("button", name="Forget all").click()
    await expect(anna).to_have_count(0)

    left = (await carl.api("GET", "/me/memories"))["items"]
    assert [(each["agent"]["name"], each["text"]) for each in left] == [
        ("otto", "Likes <b>rain</b>"),
        ("otto", "Likes coffee"),
    ]
    assert found == []
