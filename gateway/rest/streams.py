"""The events of a timeline as they happen, for plain HTTP clients: server-sent events."""

from typing import Annotated, Final, TypeAlias

import msgspec
from aiohttp import web
from msgspec import Meta

from actors import Ref
from engine.accounts.forms import Identity
from engine.domain.answers import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
    AnswerMemories,
    AnswerStarted,
    AnswerTool,
)
from engine.domain.events import Event
from engine.domain.fields import Language, TimelineId, TimelineKind
from engine.domain.signals import PresenceChanged, PresenceSummary, Typing
from engine.engine import Engine
from engine.errors import InvalidRequest
from engine.timelines.commands import Position
from engine.timelines.receipts import ReadShown
from engine.timelines.timeline import Timeline
from gateway.problems import ProblemError
from gateway.realtime.event_stream import MEDIA_TYPE, EventStream
from gateway.realtime.hub import HUB
from gateway.realtime.server_sent import End, Reset
from gateway.rest.endpoints import Endpoint, Streamed, get
from gateway.rest.pages import HIGHEST_OFFSET, Offset

LAST_EVENT_ID: Final = "Last-Event-ID"
EPOCH: Final = "Timeline-Epoch"
_RETRY_AFTER: Final = 5.0

Stream: TypeAlias = Streamed[
    Event,
    PresenceChanged,
    PresenceSummary,
    Typing,
    ReadShown,
    AnswerStarted,
    AnswerDelta,
    AnswerMemories,
    AnswerTool,
    AnswerCompleted,
    AnswerFailed,
    AnswerCancelled,
    Reset,
    End,
]
"""What a stream's events have as their data."""


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to begin: after the event `since`, else with what happens from now on. `epoch` is the life of the log it is from.

    `language` is the reader's, by default the account's: of the translations only those into it are told.
    """

    since: Offset | None = None
    language: Language | None = None
    epoch: Annotated[str, Meta(max_length=64)] | None = None


async def stream_room_events(
    engine: Engine, identity: Identity, request: web.Request, room_id: TimelineId, query: StreamQuery
) -> Stream:
    """The room's events as they happen, as server-sent events.

    `event` is the type, `data` the event, and `id` its offset; ephemeral events have no `id`. What came after `Last-Event-ID`,
    or after `since`, comes first. When it cannot be given, because it is too much or that position is of another log, an event
    `reset` says so: read the messages again, the stream goes on after its `offset`. The last event is `end`, with the `code` that
    realtime has for the same end: from 2000 to 2499, and from 3500 on, it is no use to come back.
    """
    ref = engine.timelines.room(room_id)
    return await stream_events(engine, identity, request, kind=TimelineKind.ROOM, ref=ref, query=query)


async def stream_conversation_events(
    engine: Engine, identity: Identity, request: web.Request, conversation_id: TimelineId, query: StreamQuery
) -> Stream:
    """The conversation's events as they happen; see the stream of a room."""
    ref = engine.timelines.conversation(conversation_id)
    return await stream_events(engine, identity, request, kind=TimelineKind.CONVERSATION, ref=ref, query=query)


async def stream_events(
    engine: Engine,
    identity: Identity,
    request: web.Request,
    *,
    kind: TimelineKind,
    ref: Ref[Timeline],
    query: StreamQuery,
) -> Stream:
    """Answer with the events of any timeline. Refusals are raised before the response begins."""
    hub = request.app[HUB]
    offset = _offset(request, query)
    window = await engine.timelines.events(ref, identity.user.principal, since=HIGHEST_OFFSET, limit=1)
    if request.method == "HEAD":
        return Streamed(web.Response(headers={"Content-Type": MEDIA_TYPE, EPOCH: window.epoch}))
    if hub.closing:
        raise ProblemError("overloaded", "this server is stopping", retry_after=1)
    most = hub.settings.event_streams
    if sum(isinstance(live, EventStream) for live in hub.live_of(identity.user.id)) >= most:
        raise ProblemError(
            "rate_limited", f"at most {most} streams of events may be open at a time", retry_after=_RETRY_AFTER
        )
    since = None if offset is None else Position(offset, query.epoch or window.epoch)
    stream = EventStream(
        request,
        engine,
        hub.settings,
        identity=identity,
        ref=ref,
        channel=f"{kind}:{ref.key}",
        language=query.language or identity.user.language,
    )
    stream.response.headers[EPOCH] = window.epoch
    with hub.present(stream):
        await stream.run(since, Position(window.offset, window.epoch))
    return Streamed(stream.response)


def _offset(request: web.Request, query: StreamQuery) -> int | None:
    """The header is newer than the address: a browser's EventSource comes back to the same address."""
    given = request.headers.get(LAST_EVENT_ID)
    if given is None or not given.strip():
        return query.since
    if not (given.isascii() and given.isdecimal() and int(given[:20]) <= HIGHEST_OFFSET):
        raise InvalidRequest.field(LAST_EVENT_ID, f"must be an offset, from 0 to {HIGHEST_OFFSET}")
    return int(given)


_STREAMS: Final = "Streams"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/rooms/{room_id}/stream", stream_room_events, tag=_STREAMS, problems=("forbidden", "rate_limited")),
    get(
        "/conversations/{conversation_id}/stream",
        stream_conversation_events,
        tag=_STREAMS,
        problems=("forbidden", "rate_limited"),
    ),
)
