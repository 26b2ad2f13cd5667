"""Agents' answers appear as they are written, and can be stopped and asked for again."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support.browsing import Visitor
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

AGENTS = ("alpha", "beta", "gamma", "delta", "epsilon")
RESPONSIVE = """
async (presses) => {
    const field = document.querySelector(".composer textarea");
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
    const waits = [];
    for (let press = 1; press <= presses; press += 1) {
        await new Promise((next) => setTimeout(next, 40));
        const began = performance.now();
        set.call(field, "typed ".repeat(press));
        field.dispatchEvent(new InputEvent("input", {bubbles: true}));
        await new Promise(requestAnimationFrame);
        await new Promise((next) => setTimeout(next));
        waits.push(performance.now() - began);
    }
    return {waits, writing: document.querySelectorAll(".row-answer[aria-busy=true]").length};
}
"""


@pytest.fixture
async def admin(invite: Invite, server: GatheringServer, request: pytest.FixtureRequest) -> Visitor:
    """Somebody who may define agents."""
    name = f"root-{len(request.node.name)}"
    root = await invite(name)
    await root.become_admin(server.database_url)
    return root


@pytest.fixture
async def keys(admin: Visitor) -> AsyncIterator[dict[str, str]]:
    """Agents that count, by id, with the keys of the programs that speak for them."""
    made = {}
    for name in AGENTS:
        agent = await admin.api("POST", "/agents", {**COUNTER, "name": name})
        key = await admin.api("POST", "/me/api-keys", {"name": "counting", "agent_id": agent["id"]})
        made[agent["id"]] = key["key"]
    yield made
    for agent_id in made:
        await admin.api("DELETE", f"/agents/{agent_id}")


COUNTER = {
    "persona": "Counts as far as it is asked.",
    "model": "external",
    "room_policy": "mention",
    "conversation_policy": "always",
}


@contextmanager
def speaking(server: GatheringServer, keys: list[str]) -> Iterator[None]:
    """Programs that speak for the agents with these keys."""
    with ExitStack() as programs:
        for key in keys:
            process = programs.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.support.counting_agent", server.http],
                    env={**os.environ, "GATHERING_API_KEY": key},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            programs.callback(process.kill)
        yield


async def test_an_agent_is_invited_asked_stopped_and_asked_again(
    admin: Visitor, server: GatheringServer, keys: dict[str, str]
) -> None:
    room = (await admin.api("POST", "/rooms", {"name": "Counting house"}))["id"]
    await admin.enter(f"/rooms/{room}")
    await admin.page.get_by_role("button", name="Members and settings").click()
    await admin.page.get_by_role("tab", name="Agents").click()
    await admin.page.get_by_role("button", name="Invite alpha").click()
    await expect(admin.page.get_by_role("button", name="Dismiss alpha")).to_be_visible()
    await admin.page.locator(".details").get_by_role("button", name="Close").click()

    with speaking(server, [next(iter(keys.values()))]):
        await expect(admin.page.locator(".talk-title p")).to_contain_text("2 online")
        await admin.write("@alpha count to 900")
        answer = admin.page.locator(".row-answer")
        await expect(answer).to_contain_text("alpha")
        await expect(answer).to_contain_text(" 12 ")
        await answer.get_by_role("button", name="Stop").click()
        stopped = admin.page.locator("article.row", has_text="stopped")
        await expect(stopped).to_contain_text("1 2 3")
        await expect(answer).to_have_count(0)

        await admin.field.press("ArrowUp")
        await admin.field.press("Escape")
        await stopped.hover()
        await stopped.get_by_role("button", name="More").click()
        await admin.page.get_by_role("menuitem", name="Ask again").click()
        await expect(answer).to_contain_text(" 3 ")
        await answer.get_by_role("button", name="Stop").click()
        await expect(answer).to_have_count(0)


async def test_an_agent_inside_answers_the_same_message_once_more(admin: Visitor) -> None:
    speaks = {"model": "archivist", "room_policy": "mention", "conversation_policy": "always"}
    agent = await admin.api("POST", "/agents", {"name": "clerk", "persona": "", **speaks})
    room = (await admin.api("POST", "/rooms", {"name": "Archive"}))["id"]
    await admin.api("PUT", f"/rooms/{room}/agents/{agent['id']}")
    await admin.enter(f"/rooms/{room}")
    await admin.write("@clerk who is here?")
    answers = admin.page.locator("article.row", has=admin.page.locator(".row-head strong", has_text="clerk"))
    await expect(answers).to_have_count(1)

    await answers.hover()
    await answers.get_by_role("button", name="More").click()
    await admin.page.get_by_role("menuitem", name="Ask again").click()

    await expect(answers).to_have_count(2)
    await expect(admin.page.locator("article.row")).to_have_count(3)
    await expect(answers.last.locator(".quoted")).to_contain_text("who is here?")


async def test_the_page_stays_responsive_while_five_answers_stream(
    admin: Visitor, server: GatheringServer, keys: dict[str, str]
) -> None:
    room = (await admin.api("POST", "/rooms", {"name": "Chorus"}))["id"]
    for agent_id in keys:
        await admin.api("PUT", f"/rooms/{room}/agents/{agent_id}")
    await admin.enter(f"/rooms/{room}")
    idle: dict[str, Any] = await admin.page.evaluate(RESPONSIVE, 20)

    with speaking(server, list(keys.values())):
        await expect(admin.page.locator(".talk-title p")).to_contain_text(f"{len(AGENTS) + 1} online", timeout=60_000)
        names = " ".join(f"@{name}" for name in AGENTS)
        await admin.write(f"{names} count to 900")
        await expect(admin.page.locator(".row-answer[aria-busy=true]", has_text=" 9 ")).to_have_count(len(AGENTS))
        busy: dict[str, Any] = await admin.page.evaluate(RESPONSIVE, 50)

    median = sorted(busy["waits"])[25], sorted(idle["waits"])[10]
    sys.stdout.write(
        f"from a key press to the next frame: {median[0]:.1f} ms with {len(AGENTS)} answers, {median[1]:.1f} ms without\n"
    )
    assert busy["writing"] == len(AGENTS)
    await expect(admin.field).to_have_value("typed " * 50)
