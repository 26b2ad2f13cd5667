"""A long history: it is scrolled without jumps, and however long it is, little of it is in the page.

How long the frames take is measured by `python -m benchmarks scrolling`.
"""

from itertools import pairwise
from typing import Any

import anyio
import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.browser.conftest import Invite
from tests.support.browsing import Visitor

pytestmark = pytest.mark.anyio

MESSAGES = 5_000
MOST_ROWS = 120
STEP = 1_200
"""Pixels that are scrolled in one frame: 72,000 a second, ten times a quick hand."""

FILL = """
([room, count]) => new Promise((done, failed) => {
    const socket = new WebSocket(`ws://${location.host}/connection/websocket`, "centrifuge-json");
    let next = 1, answered = 0;
    const longer = (number) => "\\n\\n" + "A longer one, with *words* and `code`. ".repeat(number % 5 + 1);
    const text = (number) => `message ${number}` + (number % 7 ? "" : longer(number));
    const more = () => {
        const lines = [];
        for (let sent = 0; sent < 100 && next <= count; sent += 1, next += 1)
            lines.push(JSON.stringify({id: next + 1, rpc: {method: "post", data: {timeline: `room:${room}`, text: text(next)}}}));
        socket.send(lines.join("\\n"));
    };
    socket.onopen = () => socket.send(JSON.stringify({id: 1, connect: {}}));
    socket.onmessage = ({data}) => {
        for (const line of data.split("\\n").filter(Boolean)) {
            const reply = JSON.parse(line);
            if (line === "{}") socket.send("{}");
            if (reply.error) failed(new Error(line));
            if (reply.id === 1) more();
            if (reply.id > 1 && ++answered % 100 === 0) answered < count ? more() : (socket.close(), done());
        }
    };
})
"""
SCROLL = """
async (step) => {
    const box = document.querySelector(".history");
    const top = () => {
        const edge = box.getBoundingClientRect().top + 100;
        const row = [...box.querySelectorAll("article.row")].find((each) => each.getBoundingClientRect().bottom > edge);
        return row ? Number(/message (\\d+)/.exec(row.textContent)[1]) : null;
    };
    const seen = [];
    let most = 0, still = 0, rows = 0, texts = 0;
    new MutationObserver((changes) => {
        for (const {target, addedNodes} of changes) {
            texts += target.matches(".prose");
            for (const added of addedNodes) rows += added.nodeName === "ARTICLE";
        }
    }).observe(box, {childList: true, subtree: true});
    while (still < 60 && seen.length < 3000) {
        await new Promise(requestAnimationFrame);
        seen.push(top());
        most = Math.max(most, box.querySelectorAll("article.row").length);
        still = box.scrollTop < 2 ? still + 1 : 0;
        box.scrollTop -= step;
    }
    return {seen, most, rows, texts};
}
"""
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Until what has arrived is drawn."""


async def _filled_room(owner: Visitor, count: int) -> str:
    room = str((await owner.api("POST", "/rooms", {"name": "Archive"}))["id"])
    await owner.go("/")
    await owner.page.locator(".sidebar").wait_for()
    await owner.page.evaluate(FILL, [room, count])
    return room


async def test_five_thousand_messages_are_scrolled_to_the_first_without_a_jump(invite: Invite) -> None:
    reader = await invite("reader")
    room = await _filled_room(reader, MESSAGES)
    await reader.enter(f"/rooms/{room}")
    await reader.sees(f"message {MESSAGES}")

    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url) if "/messages?" in request.url else None)
    scrolled: dict[str, Any] = await reader.page.evaluate(SCROLL, STEP)

    seen = [number for number in scrolled["seen"] if number is not None]
    assert len(seen) == len(scrolled["seen"])  # there was always something to see
    assert seen[-1] == 1
    await expect(reader.page.locator(".history-head")).to_have_text("This is the beginning of Archive.")
    assert max(before - after for before, after in pairwise(seen)) < STEP / 20  # rows are 22 pixels or more
    assert min(before - after for before, after in pairwise(seen)) >= 0
    assert scrolled["most"] <= MOST_ROWS
    # Each message is drawn when it comes near, and not again because others come; only at the edges one may go and come back.
    assert MESSAGES * 0.98 <= scrolled["rows"] <= MESSAGES * 1.1
    assert MESSAGES * 0.98 <= scrolled["texts"] <= MESSAGES * 1.1
    assert 40 < len(asked) == len(set(asked))


async def test_who_reads_above_is_not_moved_by_what_is_posted_below(invite: Invite) -> None:
    reader = await invite("studious")
    room = await _filled_room(reader, 300)
    await reader.enter(f"/rooms/{room}")
    await reader.page.locator(".history").evaluate("box => { box.scrollTop -= 3000; }")
    await expect(reader.page.get_by_role("button", name="To the newest messages")).to_be_visible()
    where = (
        "box => [...box.querySelectorAll('article.row')].map(row => [row.textContent, row.getBoundingClientRect().top])"
    )
    before = dict(await reader.page.locator(".history").evaluate(where))

    for number in range(5):
        await reader.api("POST", f"/rooms/{room}/messages", {"text": f"news {number}"})
    await expect(reader.page.locator(".unseen[aria-live]")).to_be_attached()
    after = dict(await reader.page.locator(".history").evaluate(where))

    same = before.keys() & after.keys()
    assert len(same) > 10
    assert max(abs(before[text] - after[text]) for text in same) < 1
    await reader.page.get_by_role("button", name="To the newest messages").click()
    await reader.sees("news 4")


async def test_a_link_to_an_old_message_shows_its_surroundings_and_the_way_back(invite: Invite) -> None:
    reader = await invite("historian")
    room = await _filled_room(reader, 500)
    page = await reader.api("GET", f"/rooms/{room}/messages?before=60&limit=1")
    old = page["items"][0]

    await reader.enter(f"/rooms/{room}?message={old['id']}")

    await expect(reader.page.locator(".row-marked")).to_contain_text(old["text"].split("\n")[0])
    await expect(reader.page.locator(".row-marked")).to_be_in_viewport()
    await expect(reader.page.get_by_role("button", name="To the newest messages")).to_be_visible()
    for _ in range(40):
        await reader.page.locator(".history").evaluate("box => { box.scrollTop += 3000; }")
        if await reader.message("message 500").count():
            break
        await reader.page.wait_for_timeout(50)
    await reader.sees("message 500")


async def test_a_link_stays_where_it_leads_when_the_newest_page_comes_after_its_message(invite: Invite) -> None:
    reader = await invite("patient")
    room = await _filled_room(reader, 200)
    old = (await reader.api("GET", f"/rooms/{room}/messages?before=60&limit=1"))["items"][0]
    told = anyio.Event()
    reader.page.on("requestfinished", lambda request: told.set() if f"/messages/{old['id']}" in request.url else None)

    def late(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        async def pass_on(said: str | bytes) -> None:
            await told.wait()
            socket.send(said)

        server.on_message(pass_on)

    await reader.page.route_web_socket("**/connection/websocket", late)
    async with reader.page.expect_response(
        lambda response: response.url.endswith("/messages?limit=60&language=en")
    ) as it:
        await reader.go(f"/rooms/{room}?message={old['id']}")
    await (await it.value).finished()
    await reader.page.evaluate(FRAMES)

    await expect(reader.page.locator(".row-marked")).to_contain_text(old["text"].split("\n")[0])
    await expect(reader.page.locator(".row-marked")).to_be_in_viewport()
    await expect(reader.page.get_by_role("button", name="To the newest messages")).to_be_visible()
