"""Taking a room's messages away."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Literal

import msgspec

from actors import Ref
from engine.domain.fields import TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.timelines.commands import AskExport, Exportable
from engine.timelines.export import messages_of
from engine.timelines.timeline import Timeline
from gateway.rest.endpoints import Endpoint, Lines, get
from gateway.rest.shared import shared

_ENCODER = msgspec.json.Encoder()
_NO_NAME = re.compile(r"[^A-Za-z0-9]+")
_NAME_LENGTH: Final = 40


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form to export to."""

    format: Literal["jsonl"] = "jsonl"


async def export_timeline(
    engine: Engine,
    by: Principal,
    timeline: Ref[Timeline],
    query: ExportQuery,  # noqa: ARG001 - there is one format so far
) -> Lines[Message]:
    """The room or conversation, then every message in its present state, by offset: one JSON object a line.

    For its owners and administrators. Deleted messages keep their empty place. What is
    posted meanwhile is not part of it. When the database fails midway, the last
    line is `{"error": <problem document>}`.
    """
    exportable, timeline_id = await timeline.ask(AskExport(by)), TimelineId(timeline.key)
    return Lines(_pages(engine, timeline_id, exportable), filename(exportable.name, timeline_id))


async def _pages(engine: Engine, timeline_id: TimelineId, exportable: Exportable) -> AsyncGenerator[bytes]:
    """The first chunk has messages too, so that a database that is away is known before anything is sent."""
    head = _ENCODER.encode(exportable.room or exportable.conversation) + b"\n"
    async with aclosing(messages_of(engine.storage, timeline_id, until=exportable.offset)) as pages:
        async for page in pages:
            yield head + _ENCODER.encode_lines(page)
            head = b""
    if head:
        yield head


def filename(name: str, timeline_id: TimelineId) -> str:
    """A name for the file on any system: letters, digits and dashes of ASCII."""
    plain = _NO_NAME.sub("-", name).strip("-").lower()[:_NAME_LENGTH].strip("-")
    return f"{plain or 'timeline'}-{timeline_id[-12:]}.jsonl"


ENDPOINTS: Final[tuple[Endpoint, ...]] = (*shared(get, "/export", export_timeline, tag="Messages"),)
