"""Messages and events of a room."""

from typing import Final

import msgspec

from engine.domain.events import Event
from engine.domain.fields import Language, MessageId, Text, TimelineId
from engine.domain.messages import Draft, Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.timelines.commands import Delete, Edit, MessagePage, Post
from gateway.rest.endpoints import Encoded, Endpoint, Reply, delete, get, patch, post
from gateway.rest.pages import Limit, Offset


class NewText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a message is to say instead."""

    text: Text


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages: those between two offsets, both exclusive. `language` is the reader's."""

    before: Offset | None = None
    after: Offset | None = None
    limit: Limit = 50
    language: Language | None = None


class ReadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`language` is the reader's."""

    language: Language | None = None


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The events above an offset."""

    since: Offset = 0
    limit: Limit = 100


class EventPage(msgspec.Struct, frozen=True):
    """Events, oldest first; `next` is to be given as `since` for those that follow, null when these are the latest."""

    items: list[Event]
    next: int | None = None


async def post_message(engine: Engine, by: Principal, room_id: TimelineId, body: Draft) -> Reply[Message]:
    """Post a message. It is durable when this answers; the same `client_id` again answers 200 with the first message."""
    posted = await engine.timelines.room(room_id).ask(Post(by, body))
    return Reply(posted.message, 201 if posted.created else 200)


async def list_messages(engine: Engine, by: Principal, room_id: TimelineId, query: HistoryQuery) -> MessagePage:
    """Messages, newest first. `next_before` is the cursor of the next older page."""
    ref = engine.timelines.room(room_id)
    return await engine.timelines.messages(ref, by, before=query.before, after=query.after, limit=query.limit)


async def read_message(
    engine: Engine,
    by: Principal,
    room_id: TimelineId,
    message_id: MessageId,
    query: ReadQuery,  # noqa: ARG001 - part of the contract already; translations answer to it
) -> Message:
    """One message."""
    return await engine.timelines.message(engine.timelines.room(room_id), by, message_id)


async def edit_message(
    engine: Engine, by: Principal, room_id: TimelineId, message_id: MessageId, body: NewText
) -> Message:
    """Change the text of one's own message."""
    return await engine.timelines.room(room_id).ask(Edit(by, message_id, body.text))


async def delete_message(engine: Engine, by: Principal, room_id: TimelineId, message_id: MessageId) -> None:
    """Remove a message's content; its place stays, empty. Deleting again is fine."""
    await engine.timelines.room(room_id).ask(Delete(by, message_id))


async def list_events(engine: Engine, by: Principal, room_id: TimelineId, query: EventsQuery) -> Encoded[EventPage]:
    """The room's durable events, oldest first: the same objects that realtime carries."""
    window = await engine.timelines.events(engine.timelines.room(room_id), by, since=query.since, limit=query.limit)
    publications = window.publications[: query.limit]
    last = publications[-1].offset if publications else None
    more = b"null" if last is None or last >= window.offset else b"%d" % last
    return Encoded(
        b'{"items":[' + b",".join(publication.data for publication in publications) + b'],"next":' + more + b"}"
    )


_MESSAGES: Final = "Messages"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    post(
        "/rooms/{room_id}/messages",
        post_message,
        tag=_MESSAGES,
        status=(201, 200),
        problems=("forbidden", "conflict", "rate_limited", "quota_exceeded"),
    ),
    get("/rooms/{room_id}/messages", list_messages, tag=_MESSAGES, problems=("forbidden",)),
    get("/rooms/{room_id}/messages/{message_id}", read_message, tag=_MESSAGES, problems=("forbidden",)),
    patch("/rooms/{room_id}/messages/{message_id}", edit_message, tag=_MESSAGES, problems=("forbidden", "conflict")),
    delete("/rooms/{room_id}/messages/{message_id}", delete_message, tag=_MESSAGES, problems=("forbidden", "conflict")),
    get("/rooms/{room_id}/events", list_events, tag=_MESSAGES, problems=("forbidden",)),
)
