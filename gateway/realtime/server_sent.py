r"""The events of a timeline as server-sent events (WHATWG HTML, section 9.2), without I/O.

>>> event("typing", b'{"type":"typing"}')
b'event: typing\ndata: {"type":"typing"}\n'

Each is one block without the empty line that ends it, so that blocks joined by newlines, with one more at the end, are a stream.
The data are JSON on one line, so no line of theirs can be mistaken for a field.
"""

from typing import Final

import msgspec

from engine.timelines.fanout import Publication
from gateway.realtime.codes import Disconnect, ErrorReply, Unsubscribed

HEARTBEAT: Final = b":\n\n"
"""A comment, which clients ignore and proxies take for traffic."""

_json = msgspec.json.Encoder()


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """Data of the event `reset`: what came after `since` cannot be given, and the stream goes on after `offset`."""

    code: int
    reason: str
    since: int
    offset: int
    epoch: str


class End(msgspec.Struct, frozen=True):
    """Data of the event `end`, the last one: the number that realtime has for the same end, and its words."""

    code: int
    reason: str


class _Typed(msgspec.Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)


def event(kind: str, data: bytes, offset: int | None = None) -> bytes:
    """One event. With an `offset` the client remembers it, and sends it as `Last-Event-ID` when it comes back."""
    where = b"" if offset is None else b"id: %d\n" % offset
    return b"%bevent: %b\ndata: %b\n" % (where, kind.encode(), data)


def publication_event(item: Publication) -> bytes:
    """A publication: the `Publication.form` of this door."""
    return event(_typed.decode(item.data).type, item.data, item.offset)


def opening(retry: float, offset: int | None) -> bytes:
    """The first block: how many seconds to wait before coming back, and a position for those who named none."""
    where = b"" if offset is None else b"\nid: %d" % offset
    return b"retry: %d%b\n" % (round(retry * 1000), where)


def reset(why: ErrorReply, since: int, position: tuple[int, str]) -> bytes:
    """What came after `since` cannot be given; the stream goes on after `position`, and the client reads the rest elsewhere."""
    offset, epoch = position
    data = Reset(code=why.code, reason=why.message, since=since, offset=offset, epoch=epoch)
    return event("reset", _json.encode(data), offset)


def end(why: Unsubscribed | Disconnect | ErrorReply) -> bytes:
    """The last event of a stream, with the number that realtime has for the same end."""
    reason = why.message if isinstance(why, ErrorReply) else why.reason
    return event("end", _json.encode(End(why.code, reason)))
