"""For everyone: with a keyboard alone, with a screen reader, in every colour scheme, on a phone."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Invite
from tests.support.axe import violations
from tests.support.browsing import ADMIN, DOCS, PASSWORD, Visitor
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

PAGES = ["/", "/rooms", "/account", *DOCS, *ADMIN]
DARK = ["/account", "/docs/realtime", "/admin/overview", "/admin/actors"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page(invite: Invite, server: GatheringServer, scheme: str) -> None:
    ada = await invite(f"ada-{scheme}", color_scheme=scheme, bypass_csp=True)
    await ada.become_admin(server.database_url)
    other = await invite(f"grace-{scheme}")
    room = (await ada.api("POST", "/rooms", {"name": f"Gallery {scheme}", "description": "Pictures."}))["id"]
    await other.api("POST", f"/rooms/{room}/join")
    first = await ada.api(
        "POST", f"/rooms/{room}/messages", {"text": "Look at **this**: `code`, @room, [a link](https://x.org)"}
    )
    await ada.api("PUT", f"/rooms/{room}/messages/{first['id']}/reactions/👍")
    await other.api("POST", f"/rooms/{room}/messages", {"text": "I do.", "reply_to": first["id"]})
    found: dict[str, list[dict[str, Any]]] = {}

    for path in (*(PAGES if scheme == "light" else DARK), f"/rooms/{room}"):
        await ada.go(path)
        await ada.page.locator("h1").first.wait_for()
        await ada.page.wait_for_load_state("load" if path.startswith("/admin") else "networkidle")
        await expect(ada.page.locator("[aria-busy=true]")).to_have_count(0)
        found[path] = await violations(ada.page)
    await ada.sees("I do.")
    for tab in ("Members", "Settings"):
        if tab == "Members":
            await ada.page.get_by_role("button", name="Members and settings").click()
        await ada.page.get_by_role("tab", name=tab).click()
        found[tab] = await violations(ada.page)
    await ada.page.get_by_role("button", name="New room").click()
    found["dialog"] = await violations(ada.page)
    await ada.page.context.clear_cookies()
    await ada.go("/sign-up")
    await ada.page.locator("h1").wait_for()
    found["sign-up"] = await violations(ada.page)

    assert {where: what for where, what in found.items() if what} == {}


async def test_the_main_path_needs_no_pointer(invite: Invite) -> None:
    keys = await invite("keys")
    await keys.context.clear_cookies()
    await keys.go("/sign-in")
    page = keys.page
    await expect(page.locator("[name=login]")).to_be_focused()

    await page.keyboard.type("keys")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await _tab_to(page, "New room")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await page.keyboard.type("By hand")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="By hand", level=1)).to_be_visible()
    await expect(keys.field).to_be_focused()
    await page.keyboard.type("first line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line")
    await page.keyboard.press("Enter")
    await keys.sees("second line")

    await page.keyboard.press("ArrowUp")
    await expect(keys.field).to_have_value("first line\nsecond line")
    await page.keyboard.type(", mended")
    await page.keyboard.press("Enter")
    await keys.sees("second line, mended")
    await page.keyboard.press("Shift+Tab")
    await _tab_back_to_history(page)
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("r")
    await expect(keys.field).to_be_focused()
    await page.keyboard.type("an answer")
    await page.keyboard.press("Enter")
    await expect(page.locator(".quoted")).to_have_count(1)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog").get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("By hand")
    await expect(page.get_by_role("dialog").get_by_role("link").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_one_sees_where_one_is_signed_in_and_signs_out_there(
    browser: Browser, server: GatheringServer, invite: Invite
) -> None:
    here = await invite("konrad", language="de")
    await here.go("/account")
    await expect(here.page.locator(".list .tag", has_text="Dieses Gerät")).to_have_count(1)
    async with Visitor.open(browser, server.http, "konrad") as there:
        await there.sign_in()
        await there.go("/")
        await there.page.locator(".sidebar").wait_for()

        await here.page.reload()
        await here.page.get_by_role("button", name="Überall sonst abmelden").click()
        await expect(there.page.locator("[name=login]")).to_be_visible()
        there.complaints.clear()  # a browser complains of each 401

    await expect(here.page.get_by_role("button", name="Überall sonst abmelden")).to_have_count(0)
    await here.page.get_by_role("button", name="Abmelden: Dieses Gerät").click()
    await expect(here.page.locator("[name=login]")).to_be_visible()


async def test_new_messages_are_announced_to_those_who_listen(invite: Invite) -> None:
    listener, speaker = await invite("listener"), await invite("speaker")
    room = (await speaker.api("POST", "/rooms", {"name": "Radio"}))["id"]
    await listener.api("POST", f"/rooms/{room}/join")
    await listener.enter(f"/rooms/{room}")
    await listener.page.locator(".talk-title h1", has_text="Radio").wait_for()
    await expect(listener.page.locator(".talk-title p")).not_to_have_text("Connecting…")

    await speaker.api("POST", f"/rooms/{room}/messages", {"text": "Good *evening*"})

    await expect(listener.page.locator("[aria-live=polite].unseen")).to_have_text("speaker: Good evening")


async def test_a_phone_shows_one_thing_at_a_time_and_nothing_sticks_out(invite: Invite) -> None:
    phone = await invite("phone", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    room = (await phone.api("POST", "/rooms", {"name": "A name that is rather long for a telephone"}))["id"]
    long = (
        "https://example.org/"
        + "a" * 300
        + "\n\n| a | b | c | d |\n|---|---|---|---|\n| "
        + "wide " * 20
        + "| 2 | 3 | 4 |"
    )
    await phone.api("POST", f"/rooms/{room}/messages", {"text": long})

    await phone.go("/")
    await phone.page.locator(".entry-name", has_text="A name").tap()
    await expect(phone.page.locator("article.row")).to_have_count(1)
    await expect(phone.page.locator(".sidebar")).not_to_be_visible()

    assert await _sticks_out(phone) == []
    await phone.page.get_by_role("button", name="Show rooms and conversations").tap()
    await expect(phone.page.locator(".sidebar")).to_be_visible()
    await phone.go("/docs/realtime")
    await expect(phone.page.get_by_role("heading", name="Methods of rpc")).to_be_visible()
    assert await _sticks_out(phone) == []


async def test_whoever_wants_less_motion_gets_none(invite: Invite) -> None:
    calm = await invite("calm", reduced_motion="reduce")
    await calm.go("/")
    await calm.page.locator(".sidebar").wait_for()

    longest = await calm.page.evaluate(
        """() => Math.max(...[...document.querySelectorAll("*")].flatMap((each) => {
            const {transitionDuration, animationDuration} = getComputedStyle(each);
            return `${transitionDuration}, ${animationDuration}`.split(",").map(parseFloat);
        }))"""
    )

    assert longest < 0.001


async def _tab_to(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name).first
    await button.wait_for()
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await button.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"{name} cannot be reached with Tab")


async def _tab_back_to_history(page: Page) -> None:
    for _ in range(15):
        if await page.evaluate("document.activeElement.classList.contains('history')"):
            return
        await page.keyboard.press("Shift+Tab")
    raise AssertionError("the messages cannot be reached with Shift+Tab")


async def _sticks_out(visitor: Visitor) -> list[str]:
    """What reaches past the right edge of the window without being in something that scrolls, or being cut short with an ellipsis."""
    found: list[str] = await visitor.page.evaluate(
        """() => [...document.querySelectorAll("main *")]
            .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest("table, pre"))
            .filter((each) => getComputedStyle(each.parentElement).textOverflow !== "ellipsis")
            .map((each) => each.outerHTML.slice(0, 100))"""
    )
    return found
