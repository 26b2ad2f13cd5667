"""The files of the built client, held in memory with the compressed forms that the build made of them."""

import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""By preference: the name in `Accept-Encoding`, and the suffix of the file that the build wrote."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For files whose name changes with their content."""
REVALIDATED: Final = "no-cache"
"""For files whose name stays: kept, and asked for again by ETag."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `etag` is of its content; `encoded` has its compressed forms by encoding."""

    body: bytes
    etag: str
    media_type: str
    cache_control: str
    encoded: dict[str, bytes]

    def respond(self, request: web.Request, *, headers: dict[str, str] | None = None) -> web.Response:
        """The answer to a GET: nothing when the browser has it, else the smallest form that it takes."""
        given = {
            hdrs.CACHE_CONTROL: self.cache_control,
            hdrs.ETAG: f'"{self.etag}"',
            hdrs.VARY: "Accept-Encoding",
            **(headers or {}),
        }
        if request.if_none_match and any(tag.value in {self.etag, "*"} for tag in request.if_none_match):
            return web.Response(status=304, headers=given)
        accepted = _accepted(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        for encoding, body in self.encoded.items():
            if encoding in accepted:
                return self._response(body, {**given, hdrs.CONTENT_ENCODING: encoding})
        return self._response(self.body, given)

    def _response(self, body: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(body=body, headers={**headers, hdrs.CONTENT_TYPE: self.media_type})


def load(directory: Path) -> dict[str, Asset]:
    """Every file below a directory by its path in it; empty when there is none. What is in `assets/` is named by its content."""
    suffixes = tuple(suffix for _, suffix in ENCODINGS)
    found = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.suffix not in suffixes)
    return {path.relative_to(directory).as_posix(): _asset(directory, path) for path in found}


def _asset(directory: Path, path: Path) -> Asset:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    named_by_content = path.relative_to(directory).parts[0] == "assets"
    encoded = {
        encoding: compressed.read_bytes()
        for encoding, suffix in ENCODINGS
        if (compressed := path.with_name(path.name + suffix)).is_file()
    }
    return Asset(
        body=body,
        etag=sha256(body).hexdigest()[:32],
        media_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        cache_control=IMMUTABLE if named_by_content else REVALIDATED,
        encoded=encoded,
    )


def _accepted(header: str) -> set[str]:
    """The encodings that a client takes (RFC 9110, 12.5.3): those that are named, unless with a weight of zero."""
    accepted = set()
    for item in header.split(","):
        name, _, weight = item.partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            accepted.add(name.strip().lower())
    return accepted
