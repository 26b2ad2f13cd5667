"""What agents are given to read, on the operators' page: added, shown, refused and taken away."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support.axe import violations
from tests.support.pdfs import pdf
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

VERA = {
    "name": "vera",
    "persona": "You are kind.",
    "model": "external",
    "room_policy": "mention",
    "conversation_policy": "always",
}


async def test_an_operator_gives_an_agent_a_file_and_takes_it_away(
    invite: Invite, server: GatheringServer, tmp_path: Path
) -> None:
    guide, scan = tmp_path / "guide.pdf", tmp_path / "scan.pdf"
    guide.write_bytes(pdf("Green tea takes 80 degrees"))
    scan.write_bytes(pdf(""))
    ada = await invite("ada", bypass_csp=True)
    await ada.become_admin(server.database_url)
    agent = (await ada.api("POST", "/agents", VERA))["id"]
    await ada.go("/admin/agents")
    await ada.page.get_by_role("button", name="Documents of vera").click()
    dialog = ada.page.get_by_role("dialog", name="Documents of vera")
    await expect(dialog).to_contain_text("It has been given nothing to read yet.")

    await dialog.get_by_label("File").set_input_files(guide)
    await dialog.get_by_role("button", name="Give it to read").click()
    await expect(dialog.get_by_role("listitem")).to_contain_text("guide.pdf")
    await expect(dialog.get_by_role("listitem")).to_contain_text("26 characters")
    assert await violations(ada.page) == []
    found = await ada.api("GET", f"/agents/{agent}/documents/search?q=degrees")
    assert [each["text"] for each in found["items"]] == ["Green tea takes 80 degrees"]

    await dialog.get_by_label("File").set_input_files(scan)
    await dialog.get_by_role("button", name="Give it to read").click()
    await expect(dialog.locator(".field-error")).to_contain_text("has no text in it")
    await expect(dialog.get_by_role("listitem")).to_have_count(1)
    assert all("422" in each for each in ada.complaints)
    ada.complaints.clear()

    await dialog.get_by_role("button", name="Remove guide.pdf").click()
    await expect(dialog).to_contain_text("It has been given nothing to read yet.")
    await expect(dialog.get_by_label("File")).to_be_focused()
