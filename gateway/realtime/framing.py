r"""How realtime frames are written into a streamed response: as lines of JSON, or as server-sent events.

>>> lines(b'{"id":1}\n{}')
b'{"id":1}\n{}\n'
>>> events(b'{"id":1}\n{}')
b'data: {"id":1}\n\ndata: {}\n\n'
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def lines(frame: bytes) -> bytes:
    """One line for each reply or push, in ASCII.

    The official JavaScript client, before its version 5.8, decodes each piece that the network brings by itself. A character of
    several bytes that two pieces share would be lost, so such characters are written as JSON's escapes.
    """
    if not frame.isascii():
        frame = _BEYOND_ASCII.sub(_escaped, frame.decode()).encode("ascii")
    return frame + b"\n"


def events(frame: bytes) -> bytes:
    """One event for each reply or push."""
    return b"data: " + frame.replace(b"\n", b"\n\ndata: ") + b"\n\n"


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


@dataclass(frozen=True, slots=True)
class Framing:
    """A transport's name, its media type, and how it writes a frame."""

    name: str
    media_type: str
    write: Callable[[bytes], bytes]


HTTP_STREAM: Final = Framing("http_stream", "application/x-ndjson", lines)
SSE: Final = Framing("sse", "text/event-stream; charset=utf-8", events)
