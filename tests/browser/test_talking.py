"""People talk: what one does is seen by the other at once."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Invite
from tests.support.browsing import Visitor
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio


async def test_two_newcomers_sign_up_meet_in_a_room_and_talk(browser: Browser, server: GatheringServer) -> None:
    async with (
        Visitor.open(browser, server.http, "mary") as mary,
        Visitor.open(browser, server.http, "jorge") as jorge,
    ):
        await mary.sign_up()
        await mary.page.get_by_role("button", name="New room").first.click()
        await mary.page.get_by_label("Name", exact=True).fill("Tea room")
        await mary.page.get_by_role("button", name="Create room").click()
        await expect(mary.page.get_by_role("heading", name="Tea room", level=1)).to_be_visible()
        await mary.write("Is anybody **here**?")
        await mary.sees("Is anybody here?")

        await jorge.sign_up()
        await jorge.page.get_by_role("link", name="Browse rooms").first.click()
        await jorge.page.get_by_role("button", name="Join Tea room").click()
        await jorge.sees("Is anybody here?")
        await jorge.field.press_sequentially("I am")
        await expect(mary.page.locator(".typing")).to_have_text("jorge is typing")
        await jorge.field.press("Enter")

        await mary.sees("I am")
        await expect(mary.page.locator(".typing")).to_have_text("")
        await expect(mary.message("Is anybody").locator("strong", has_text="here")).to_have_count(1)


async def test_a_message_is_answered_reacted_to_edited_and_deleted(invite: Invite) -> None:
    ada, grace = await invite("ada"), await invite("grace")
    room = (await ada.api("POST", "/rooms", {"name": "Workshop"}))["id"]
    await grace.api("POST", f"/rooms/{room}/join")
    for visitor in (ada, grace):
        await visitor.enter(f"/rooms/{room}")

    await ada.write("The loom is broken.")
    await grace.sees("The loom is broken.")
    await grace.message("The loom is broken.").hover()
    await grace.page.get_by_role("button", name="React with 👍").click()
    await expect(ada.message("The loom").locator(".reaction")).to_have_text("👍 1")

    await grace.message("The loom is broken.").hover()
    await grace.message("The loom").get_by_role("button", name="Reply", exact=True).click()
    await grace.write("Let me see it.")
    await ada.sees("Let me see it.")
    await expect(ada.message("Let me see it.").get_by_role("img", name="Read by grace")).to_be_visible()
    await ada.page.reload()
    await expect(ada.message("Let me see it.").get_by_role("img", name="Read by grace")).to_be_visible()
    await expect(ada.message("Let me see it.").locator(".quoted")).to_contain_text("The loom is broken.")

    await ada.field.press("ArrowUp")
    await ada.field.fill("The loom is mended.")
    await ada.field.press("Enter")
    await expect(grace.message("Let me see it.").locator(".quoted")).to_contain_text("The loom is mended.")
    await expect(grace.page.locator("article.row").first).to_contain_text(re.compile("mended.*edited", re.DOTALL))

    await ada.page.locator("article.row").first.focus()
    await ada.page.keyboard.press("d")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(grace.page.locator("article.row").first).to_contain_text("This message was deleted.")


async def test_whoever_is_elsewhere_sees_what_is_unread_and_what_concerns_them(invite: Invite) -> None:
    konrad, sophie = await invite("konrad"), await invite("sophie")
    room = (await konrad.api("POST", "/rooms", {"name": "Salon"}))["id"]
    await sophie.api("POST", f"/rooms/{room}/join")
    await konrad.enter(f"/rooms/{room}")
    await sophie.go("/")
    await sophie.page.get_by_role("link", name="Salon").wait_for()

    await konrad.field.press_sequentially("@soph")
    await konrad.field.press("Enter")
    await expect(konrad.field).to_have_value("@sophie ")
    await konrad.field.press_sequentially("come in!")
    await konrad.field.press("Enter")

    await expect(sophie.page.locator(".entry", has_text="Salon").locator(".count-mention")).to_contain_text("1")
    await sophie.page.get_by_role("button", name="Notifications, 1 unread").click()
    await sophie.page.get_by_role("link", name="konrad mentioned you in Salon").click()
    await expect(sophie.page.locator(".mention-me")).to_have_text("@sophie")
    await expect(sophie.page.locator(".entry", has_text="Salon").locator(".count")).to_have_count(0)
    await expect(sophie.page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()


async def test_two_people_talk_in_private_and_bring_others_into_a_group(invite: Invite) -> None:
    emmy, max_, paul = await invite("emmy"), await invite("max"), await invite("paul")
    await emmy.go("/")
    await max_.go("/")
    await emmy.page.get_by_role("button", name="New conversation").click()
    await emmy.page.get_by_role("combobox", name="People").fill("max")
    await emmy.page.get_by_role("option", name="max").click()
    await emmy.page.get_by_role("button", name="Start conversation").click()
    await expect(emmy.page.get_by_role("heading", name="max", level=1)).to_be_visible()
    await emmy.write("Between us.")

    await max_.page.locator(".entry", has_text="emmy").click()
    await max_.sees("Between us.")

    await emmy.page.get_by_role("button", name="New conversation").click()
    for name in ("max", "paul"):
        await emmy.page.get_by_role("combobox", name="People").fill(name)
        await emmy.page.get_by_role("option", name=name).click()
    await emmy.page.get_by_label("Title").fill("Rings")
    await emmy.page.get_by_role("button", name="Start group").click()
    await expect(emmy.page.get_by_role("heading", name="Rings", level=1)).to_be_visible()
    await emmy.write("For all of us.")
    await paul.go("/")
    await paul.page.locator(".entry", has_text="Rings").click()
    await paul.sees("For all of us.")
