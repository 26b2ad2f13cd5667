"""Messages and events of a room or a conversation: each operation stands under both addresses."""

from typing import Final

import msgspec
from msgspec import UNSET

from actors import Ref
from engine.domain.events import Event
from engine.domain.fields import Language, MessageId, Text
from engine.domain.messages import Draft, Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.storage.repositories import Version
from engine.timelines.commands import Delete, Edit, MessagePage, Post, React, Unreact
from engine.timelines.directory import Thread
from engine.timelines.timeline import Timeline
from gateway.rest.endpoints import Encoded, Endpoint, Reply, delete, get, patch, post, put
from gateway.rest.pages import Limit, Offset, Page
from gateway.rest.shared import shared


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
    """The events above an offset. With a `language` of the translations only those into it; without, all of them."""

    since: Offset = 0
    limit: Limit = 100
    language: Language | None = None


class ThreadQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The replies above an offset."""

    after: Offset = 0
    limit: Limit = 50


class EventPage(msgspec.Struct, frozen=True):
    """Events, oldest first; `next` is to be given as `since` for those that follow, null when these are the latest."""

    items: list[Event]
    next: int | None = None


async def post_message(by: Principal, timeline: Ref[Timeline], body: Draft) -> Reply[Message]:
    """Post a message. It is durable when this answers; the same `client_id` again answers 200 with the first message."""
    posted = await timeline.ask(Post(by, body))
    return Reply(posted.message, 201 if posted.created else 200)


async def list_messages(engine: Engine, by: Principal, timeline: Ref[Timeline], query: HistoryQuery) -> MessagePage:
    """Messages, newest first. `next_before` is the cursor of the next older page.

    With a `language` those that are in another one have a `translation`. What is missing is made now; the answer waits for it for a
    tenth of a second at most. What has not come by then is null here, and comes as `message.translated`.
    """
    return await engine.interpreting.messages(
        engine.timelines,
        timeline,
        by,
        before=query.before,
        after=query.after,
        limit=query.limit,
        language=query.language,
    )


async def read_message(
    engine: Engine, by: Principal, timeline: Ref[Timeline], message_id: MessageId, query: ReadQuery
) -> Message:
    """One message; `language` as in a page of messages."""
    return await engine.interpreting.message(engine.timelines, timeline, by, message_id, language=query.language)


async def edit_message(by: Principal, timeline: Ref[Timeline], message_id: MessageId, body: NewText) -> Message:
    """Change the text of one's own message."""
    return await timeline.ask(Edit(by, message_id, body.text))


async def delete_message(by: Principal, timeline: Ref[Timeline], message_id: MessageId) -> None:
    """Remove a message's content; its place stays, empty. Deleting again is fine."""
    await timeline.ask(Delete(by, message_id))


async def list_events(engine: Engine, by: Principal, timeline: Ref[Timeline], query: EventsQuery) -> Encoded[EventPage]:
    """The durable events, oldest first: the same objects that realtime carries.

    With a `language` they are those that a reader of it is told of; the offsets of the others are missing.
    """
    reading = UNSET if query.language is None else query.language
    window = await engine.timelines.events(timeline, by, since=query.since, limit=query.limit, reading=reading)
    publications = window.publications[: query.limit]
    last = publications[-1].offset if publications else None
    more = b"null" if last is None or last >= window.offset else b"%d" % last
    return Encoded(
        b'{"items":[' + b",".join(publication.data for publication in publications) + b'],"next":' + more + b"}"
    )


async def put_reaction(by: Principal, timeline: Ref[Timeline], message_id: MessageId, emoji: str) -> Message:
    """React to a message with an emoji. The same one again is fine."""
    return await timeline.ask(React(by, message_id, emoji))


async def delete_reaction(by: Principal, timeline: Ref[Timeline], message_id: MessageId, emoji: str) -> None:
    """Take a reaction back. One that is not there is fine."""
    await timeline.ask(Unreact(by, message_id, emoji))


async def read_thread(
    engine: Engine, by: Principal, timeline: Ref[Timeline], message_id: MessageId, query: ThreadQuery
) -> Thread:
    """A message and the replies to it, and to those, oldest first. `next` is the cursor of the following page."""
    return await engine.timelines.thread(timeline, by, message_id, after=query.after, limit=query.limit)


async def list_versions(engine: Engine, by: Principal, timeline: Ref[Timeline], message_id: MessageId) -> Page[Version]:
    """What a message has said since it was posted, oldest first: for its author and for moderators."""
    return Page(await engine.timelines.versions(timeline, by, message_id))


_MESSAGES: Final = "Messages"


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *shared(
        post,
        "/messages",
        post_message,
        tag=_MESSAGES,
        status=(201, 200),
        problems=("conflict", "rate_limited", "quota_exceeded"),
    ),
    *shared(get, "/messages", list_messages, tag=_MESSAGES),
    *shared(get, "/messages/{message_id}", read_message, tag=_MESSAGES),
    *shared(patch, "/messages/{message_id}", edit_message, tag=_MESSAGES, problems=("conflict",)),
    *shared(delete, "/messages/{message_id}", delete_message, tag=_MESSAGES, problems=("conflict",)),
    *shared(get, "/messages/{message_id}/thread", read_thread, tag=_MESSAGES),
    *shared(get, "/messages/{message_id}/versions", list_versions, tag=_MESSAGES),
    *shared(put, "/messages/{message_id}/reactions/{emoji}", put_reaction, tag=_MESSAGES, problems=("conflict",)),
    *shared(delete, "/messages/{message_id}/reactions/{emoji}", delete_reaction, tag=_MESSAGES, problems=("conflict",)),
    *shared(get, "/events", list_events, tag=_MESSAGES),
)
