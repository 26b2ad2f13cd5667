"""The client's pages on the server's own port: one shell for every address, its files by name, and a strict policy."""

from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.web.assets import Asset, load

BUILT: Final = Path(__file__).parent / "dist"
PATHS: Final = (
    "/",
    "/sign-in",
    "/sign-up",
    "/rooms",
    "/rooms/{id}",
    "/conversations/{id}",
    "/invites/{code}",
    "/account",
    "/admin",
    "/admin/{page}",
    "/docs",
    "/docs/{page}",
)
"""The addresses that the client shows something at; any other is not found."""
POLICY: Final = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify",
    )
)
"""Scripts and styles only from files of our own, nothing inline. Markup reaches the page through DOMPurify or not at all."""
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
}
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Gathering</title>
<h1>Gathering is running</h1>
<p>The web client has not been built in this checkout. Build it with <code>make web</code> (<code>make run</code> does so by itself),
then start the server again.</p>
<p>Meanwhile: <a href="/api/docs">the HTTP interface</a>, and <code>gathering chat</code> in a terminal.</p>
</html>
"""


def add_web(app: web.Application, directory: Path = BUILT) -> None:
    """Serve the client that was built into a directory; it is read once, now."""
    files = load(directory)
    shell = files.pop("index.html", None)

    async def page(request: web.Request) -> web.Response:
        if shell is None:
            return web.Response(text=_NOT_BUILT, content_type="text/html", headers=_HEADERS)
        return shell.respond(request, headers=_HEADERS)

    for path in PATHS:
        app.router.add_get(path, page)
    for name, asset in files.items():
        app.router.add_get(f"/{name}", _serving(asset))


def _serving(asset: Asset) -> Handler:
    async def serve(request: web.Request) -> web.Response:
        return asset.respond(request)

    return serve
