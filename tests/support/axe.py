"""What axe, which checks pages for people who see, hear or move differently, has to say of one."""

from typing import Any, Final

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


async def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds that is serious or critical, with the elements concerned. The page's context bypasses its policy."""
    results = await Axe().run(page, options={"runOnly": {"type": "tag", "values": list(_TAGS)}})
    return [
        {"rule": found["id"], "at": [node["html"][:160] for node in found["nodes"]][:5], "why": found["help"]}
        for found in results.response["violations"]
        if found["impact"] in {"serious", "critical"}
    ]
