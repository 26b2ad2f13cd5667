"""The connection goes and comes back; what people wrote and missed is there afterwards, once."""

import anyio
import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio


async def test_a_server_killed_in_mid_conversation_comes_back_and_nothing_is_lost_or_doubled(
    server: GatheringServer, invite: Invite
) -> None:
    ada, grace = await invite("ada"), await invite("grace")
    room = (await ada.api("POST", "/rooms", {"name": "Lighthouse"}))["id"]
    await grace.api("POST", f"/rooms/{room}/join")
    for visitor in (ada, grace):
        await visitor.enter(f"/rooms/{room}")
    await ada.write("before the storm")
    await grace.sees("before the storm")

    await anyio.to_thread.run_sync(server.kill)
    await expect(grace.page.locator(".notice")).to_be_visible()
    await ada.write("written in the dark")
    await expect(ada.page.locator(".row-unsent", has_text="written in the dark")).to_be_visible()
    await grace.write("so was this")
    await anyio.to_thread.run_sync(server.start)

    for visitor in (ada, grace):
        for text in ("before the storm", "written in the dark", "so was this"):
            await visitor.sees(text)
        await expect(visitor.page.locator(".row-unsent")).to_have_count(0)
        await expect(visitor.page.locator(".notice")).to_have_count(0)
    await ada.write("and on it goes")
    await grace.sees("and on it goes")


async def test_a_message_written_without_a_network_survives_a_reload_and_arrives_exactly_once(invite: Invite) -> None:
    ada, grace = await invite("adele"), await invite("gustav")
    room = (await ada.api("POST", "/rooms", {"name": "Island"}))["id"]
    await grace.api("POST", f"/rooms/{room}/join")
    for visitor in (ada, grace):
        await visitor.enter(f"/rooms/{room}")
    await ada.context.set_offline(True)
    await expect(ada.page.locator(".notice")).to_be_visible()
    await ada.write("message in a bottle")
    await ada.write("and a second one")
    await expect(ada.page.locator(".row-unsent")).to_have_count(2)

    await ada.context.set_offline(False)
    await ada.page.reload()

    for visitor in (ada, grace):
        await visitor.sees("message in a bottle")
        await visitor.sees("and a second one")
    await expect(ada.page.locator(".row-unsent")).to_have_count(0)
    posted = await grace.api("GET", f"/rooms/{room}/messages")
    assert [message["text"] for message in posted["items"]] == ["and a second one", "message in a bottle"]


async def test_what_the_server_refuses_says_why_and_can_be_thrown_away(invite: Invite) -> None:
    owner, guest = await invite("olga"), await invite("gast")
    room = (await owner.api("POST", "/rooms", {"name": "Quiet room"}))["id"]
    await guest.api("POST", f"/rooms/{room}/join")
    await guest.enter(f"/rooms/{room}")
    await guest.context.set_offline(True)
    await expect(guest.page.locator(".notice")).to_be_visible()
    await guest.write("May I?")
    me = (await owner.api("GET", "/users?query=gast"))["items"][0]["id"]
    await owner.api("POST", f"/rooms/{room}/members/{me}/mute", {"until": "2100-01-01T00:00:00Z"})

    await guest.context.set_offline(False)

    await expect(guest.page.locator(".row-unsent")).to_contain_text("Not sent")
    await guest.page.get_by_role("button", name="Discard").click()
    await expect(guest.page.locator(".row-unsent")).to_have_count(0)


async def test_a_page_whose_access_token_has_ended_renews_it_by_itself(invite: Invite) -> None:
    mary = await invite("marie")
    room = (await mary.api("POST", "/rooms", {"name": "Long nap"}))["id"]
    await mary.enter(f"/rooms/{room}")
    cookies = [each for each in await mary.context.cookies() if each.get("name") != "access_token"]
    await mary.context.clear_cookies()
    await mary.context.add_cookies(cookies)  # type: ignore[arg-type] # what it gives is what it takes
    await mary.context.set_offline(True)
    await expect(mary.page.locator(".notice")).to_be_visible()
    await mary.page.evaluate("localStorage.setItem('gathering.renew_at', '0')")

    await mary.context.set_offline(False)
    await mary.write("awake again")

    await mary.sees("awake again")
    await expect(mary.page.locator(".row-unsent")).to_have_count(0)
    assert await mary.page.evaluate("Number(localStorage.getItem('gathering.renew_at')) > Date.now()")
