"""Everyone reads in their own language, in an interface in their own language."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support.axe import violations
from tests.support.browsing import ADMIN, DOCS, Visitor
from tests.support.catalogues import only_in
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

SHOWN = """
() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode())
        if (!walker.currentNode.parentElement.closest("[lang=en], code, pre")) found.push(walker.currentNode.data);
    for (const name of ["aria-label", "placeholder", "title"])
        for (const each of document.querySelectorAll(`[${name}]`)) found.push(each.getAttribute(name));
    return [...new Set(found.map((each) => each.trim()))];
}
"""
"""Every text on a page, but for what is said to be English or to be code."""


@pytest.fixture(scope="module")
def server(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatheringServer]:
    """One that translates, into letters with accents: `[de Ĥéļļö]`."""
    path = tmp_path_factory.mktemp("languages") / "gathering.db"
    shutil.copy(_sqlite_template, path)
    url = f"sqlite+aiosqlite:///{path}"
    with GatheringServer(url, translation_provider="pseudo", commands_burst=1000) as server:
        yield server


async def test_each_reads_in_their_own_language_with_the_original_one_click_away(invite: Invite) -> None:
    mary, konrad = await invite("mary", language="en"), await invite("konrad", language="de")
    room = (await mary.api("POST", "/rooms", {"name": "Bridge", "language": "en"}))["id"]
    await konrad.api("POST", f"/rooms/{room}/join")
    for visitor in (mary, konrad):
        await visitor.enter(f"/rooms/{room}")

    await mary.write("The bridge is open for everybody again.")
    row = konrad.page.locator("article.row").last
    await expect(row.locator(".translated")).to_contain_text("Übersetzt aus: Englisch")
    await expect(row.locator(".prose")).not_to_have_text("The bridge is open for everybody again.")
    await expect(row.locator(".prose")).to_have_attribute("lang", "de")
    await row.get_by_role("button", name="Original zeigen").click()
    await expect(row.locator(".prose")).to_have_text("The bridge is open for everybody again.")
    await expect(row.locator(".prose")).to_have_attribute("lang", "en")
    await row.get_by_role("button", name="Übersetzung zeigen").click()
    await konrad.write("Das freut mich sehr, ich komme heute Abend vorbei.")
    await expect(mary.page.locator("article.row").last.locator(".translated")).to_contain_text("Translated from German")


async def test_who_writes_is_taken_to_write_in_their_own_language_unless_they_say_another(invite: Invite) -> None:
    writer = await invite("writer", language="en")
    room = (await writer.api("POST", "/rooms", {"name": "Bridge"}))["id"]
    await writer.enter(f"/rooms/{room}")
    language = writer.page.get_by_label("Language I write in")

    await expect(language.locator("option:checked")).to_have_text("My language")
    await writer.write("Guten Morgen zusammen")
    await writer.sees("Guten Morgen zusammen")
    await language.select_option("de")
    await writer.write("Guten Abend zusammen")
    await writer.sees("Guten Abend zusammen")

    items = (await writer.api("GET", f"/rooms/{room}/messages"))["items"]
    assert [(each["text"], each["language"]) for each in items] == [
        ("Guten Abend zusammen", "de"),
        ("Guten Morgen zusammen", "en"),
    ]


async def test_another_language_shows_at_once_and_lasts(invite: Invite) -> None:
    reader, author = await invite("reader", language="en"), await invite("author", language="en")
    room = (await author.api("POST", "/rooms", {"name": "Harbour", "language": "en"}))["id"]
    await reader.api("POST", f"/rooms/{room}/join")
    await author.api(
        "POST", f"/rooms/{room}/messages", {"text": "The ships have arrived in the harbour.", "language": "en"}
    )
    await reader.enter(f"/rooms/{room}")
    await reader.sees("The ships have arrived in the harbour.")

    await reader.page.get_by_label("Language I read in").select_option("fr")
    await expect(reader.page.locator(".translated")).to_contain_text("Translated from English")
    await author.api(
        "POST", f"/rooms/{room}/messages", {"text": "And they are leaving again tomorrow.", "language": "en"}
    )
    await expect(reader.page.locator(".translated")).to_have_count(2)
    await reader.page.reload()
    await expect(reader.page.locator(".translated")).to_have_count(2)
    await reader.page.get_by_label("Language I read in").select_option("en")
    await expect(reader.page.locator(".translated")).to_have_count(0)
    await reader.sees("And they are leaving again tomorrow.")


async def test_scripts_from_right_to_left_stand_on_the_right(invite: Invite) -> None:
    layla = await invite("layla", language="ar")
    room = (await layla.api("POST", "/rooms", {"name": "مقهى"}))["id"]
    await layla.api(
        "POST", f"/rooms/{room}/messages", {"text": "مرحبا بكم في المقهى\n\n```\nx = 1\n```", "language": "ar"}
    )
    await layla.enter(f"/rooms/{room}")

    paragraph = layla.page.locator(".prose p", has_text="مرحبا")
    assert await paragraph.evaluate("each => getComputedStyle(each).direction") == "rtl"
    assert await layla.page.locator(".prose pre").evaluate("each => getComputedStyle(each).direction") == "ltr"
    await layla.field.fill("شكرا")
    assert await layla.field.evaluate("each => getComputedStyle(each).direction") == "rtl"


async def test_the_interface_speaks_german_and_remembers_it(invite: Invite) -> None:
    visitor = await invite("heike")
    await visitor.context.clear_cookies()
    await visitor.go("/sign-in")
    await visitor.page.get_by_role("button", name="Deutsch").click()
    await expect(visitor.page.get_by_role("heading", name="Willkommen zurück")).to_be_visible()
    await visitor.page.reload()

    await expect(visitor.page.get_by_role("heading", name="Willkommen zurück")).to_be_visible()
    assert await visitor.page.locator("html").get_attribute("lang") == "de"


async def test_the_pages_for_operators_and_developers_speak_german_throughout(
    invite: Invite, server: GatheringServer
) -> None:
    heidi = await invite("heidi", language="de", bypass_csp=True)
    await heidi.become_admin(server.database_url)
    speaks = {"room_policy": "mention", "conversation_policy": "always"}
    await heidi.api("POST", "/agents", {"name": "gardener", "persona": "", "model": "archivist", **speaks})
    english = only_in("en", other="de")
    left: dict[str, list[str]] = {}

    for path in (*ADMIN, *DOCS):
        await heidi.go(path)
        await heidi.page.locator("h1").wait_for()
        await expect(heidi.page.locator("[aria-busy=true]")).to_have_count(0)
        await _unfold(heidi, path)
        left[path] = [text for text in await heidi.page.evaluate(SHOWN) if english.fullmatch(text)]
        if path in {"/admin/agents", "/docs/reference"}:
            assert await violations(heidi.page) == []

    assert {path: texts for path, texts in left.items() if texts} == {}
    assert await heidi.page.locator("html").get_attribute("lang") == "de"
    assert await heidi.page.title() == "Messungen · Gathering"
    await heidi.page.get_by_role("button", name="English").click()
    await expect(heidi.page.get_by_role("heading", level=1)).to_have_text("Benchmarks")
    assert english.fullmatch("Against a server of your own")
    assert any(english.fullmatch(text) for text in await heidi.page.evaluate(SHOWN))


async def _unfold(visitor: Visitor, path: str) -> None:
    """Show what a page keeps folded."""
    if path == "/admin/agents":
        await visitor.page.get_by_role("button", name="gardener bearbeiten").click()
    if path == "/docs/reference":
        await expect(visitor.page.get_by_text("gibt es nur auf Englisch")).to_be_visible()
        await visitor.page.locator("details.operation", has_text="/agents").first.locator("summary").click()
        await visitor.page.get_by_role("heading", name="Antworten").first.wait_for()
