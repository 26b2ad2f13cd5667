"""The pages as one sees them. `GATHERING_PICTURES=docs/images` keeps the pictures there: those of the README are made so."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Invite
from tests.support.browsing import Visitor

pytestmark = pytest.mark.anyio

COLOURS = """
async (picture) => {
    const image = new Image();
    image.src = `data:image/png;base64,${picture}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const counts = new Map();
    for (const pixel of new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer))
        counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    return {distinct: counts.size, ground: Math.max(...counts.values()) / (image.width * image.height)};
}
"""
SAID = (
    (
        "ada",
        "Good morning! The loom runs again. Here is what was wrong:\n\n```python\nif thread.tension > limit:\n    stop()\n```",
    ),
    ("grace", "I had guessed a moth. **Well done**, @ada."),
    (
        "konrad",
        "Guten Morgen! Ich komme heute Nachmittag vorbei und bringe die Z1 mit, dann vergleichen wir die Rechenwerke.",
    ),
    ("sophie", "Avec plaisir. J'ai une démonstration à vous montrer, si la marge suffit."),
    ("grace", "Three o'clock, then?\n\n- bring *tea*\n- and the punched cards"),
    ("ada", "Three o'clock it is. @room please be on time."),
)
NAMES = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "konrad": "Konrad Zuse", "sophie": "Sophie Germain"}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where they are kept."""
    kept = os.environ.get("GATHERING_PICTURES")
    directory = Path(kept) if kept else tmp_path
    directory.mkdir(parents=True, exist_ok=True)
    return directory


async def test_the_pages_look_like_something(invite: Invite, pictures: Path) -> None:
    people = {name: await invite(name, color_scheme="light") for name in NAMES}
    for name, person in people.items():
        await person.api("PATCH", "/me", {"display_name": NAMES[name]})
    ada = people["ada"]
    room = await _played(people)
    await ada.enter(f"/rooms/{room}")
    await ada.sees("Naturellement !")
    await people["grace"].enter(f"/rooms/{room}")
    await people["grace"].field.press_sequentially("On my")
    await expect(ada.page.locator(".typing")).to_have_text("Grace Hopper is typing")

    await _take(ada, pictures / "conversation.png")
    await ada.page.emulate_media(color_scheme="dark")
    await _take(ada, pictures / "conversation-dark.png")
    await ada.page.set_viewport_size({"width": 390, "height": 780})
    await _take(ada, pictures / "phone.png")
    await ada.page.emulate_media(color_scheme="light")
    await ada.page.set_viewport_size({"width": 1280, "height": 800})
    await ada.go("/docs/realtime")
    await ada.page.get_by_role("button", name="Connect", exact=True).click()
    await expect(ada.page.locator(".console-log li")).to_have_count(2)
    await _take(ada, pictures / "developers.png")


async def _played(people: dict[str, Visitor]) -> str:
    """A room in which something has been said."""
    ada = people["ada"]
    room = str(
        (await ada.api("POST", "/rooms", {"name": "Workshop", "description": "Looms, engines, and tea at three."}))[
            "id"
        ]
    )
    for name in ("Salon", "Observatory"):
        await ada.api("POST", "/rooms", {"name": name})
    for name, person in people.items():
        if name != "ada":
            await person.api("POST", f"/rooms/{room}/join")
    posted: dict[str, Any] = {}
    for name, text in SAID:
        posted = await people[name].api("POST", f"/rooms/{room}/messages", {"text": text})
    for emoji, name in (("👍", "grace"), ("👍", "konrad"), ("🎉", "sophie")):
        await people[name].api("PUT", f"/rooms/{room}/messages/{posted['id']}/reactions/{emoji}")
    await people["sophie"].api(
        "POST", f"/rooms/{room}/messages", {"text": "Naturellement !", "reply_to": posted["id"], "language": "fr"}
    )
    private = await people["konrad"].api("POST", "/conversations", {"kind": "private", "participants": ["ada"]})
    await people["konrad"].api("POST", f"/conversations/{private['id']}/messages", {"text": "Hast du kurz Zeit?"})
    return room


async def _take(visitor: Visitor, path: Path) -> None:
    """Take a picture, and see that something is on it: letters, surfaces, and more than one plane colour."""
    await visitor.page.evaluate("document.fonts.ready")
    picture = await visitor.page.screenshot(path=path, animations="disabled")
    seen = await visitor.page.evaluate(COLOURS, base64.b64encode(picture).decode())
    assert seen["distinct"] > 100, path.name
    assert seen["ground"] < 0.95, path.name
