"""A person's inbox: what they have not read, and what happened that concerns them."""

from typing import Annotated, Final

import msgspec

from actors import Ref
from engine.domain.fields import TimelineId
from engine.domain.inbox import Reader, ReadMarker, Unread
from engine.domain.people import Principal
from engine.engine import Engine
from engine.inbox import NotificationPage
from engine.timelines.timeline import Timeline
from gateway.rest.endpoints import Endpoint, get, post
from gateway.rest.pages import Cursor, Limit, Offset, Page, page
from gateway.rest.shared import shared

ALL: Final = "all"

UpTo = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(all|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", description="a notification's id, or `all`"
    ),
]


class ReadUpTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The offset of the last event that one has read."""

    offset: Offset


class NotificationsUpTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which notifications one has read: those up to and including this one."""

    up_to: UpTo


class InboxQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page."""

    after: Cursor | None = None
    limit: Limit = 100


class UnreadNotifications(msgspec.Struct, frozen=True):
    """How many of one's notifications are unread."""

    unread: int


async def mark_read(engine: Engine, by: Principal, timeline: Ref[Timeline], body: ReadUpTo) -> ReadMarker:
    """Say how far one has read. A lower offset than before changes nothing; the answer is where the marker stands."""
    return await engine.inbox.read(timeline, by, body.offset)


async def list_readers(engine: Engine, by: Principal, timeline: Ref[Timeline]) -> Page[Reader]:
    """How far each person here has read; nobody where there are more than 100 members. Live, it is the event `read`."""
    return Page(await engine.inbox.readers(timeline, by))


async def list_unread(engine: Engine, by: Principal, query: InboxQuery) -> Page[Unread]:
    """What one has not read, in every room and conversation that one is in. Counts are exact below 1,000 and end there."""
    after = None if query.after is None else TimelineId(query.after)
    rows = await engine.inbox.unread(by, after=after, limit=query.limit + 1)
    return page(rows, query.limit, lambda row: row.timeline_id)


async def list_notifications(engine: Engine, by: Principal, query: InboxQuery) -> NotificationPage:
    """One's notifications, newest first, and how many of all of them are unread. The newest 1,000 are kept."""
    return await engine.inbox.notifications(by, after=query.after, limit=query.limit)


async def read_notifications(engine: Engine, by: Principal, body: NotificationsUpTo) -> UnreadNotifications:
    """Mark notifications as read. Those of messages that one has read in their timeline are marked by that."""
    up_to = None if body.up_to == ALL else body.up_to
    return UnreadNotifications(await engine.inbox.read_notifications(by, up_to))


_INBOX: Final = "Inbox"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *shared(post, "/read", mark_read, tag=_INBOX),
    *shared(get, "/read", list_readers, tag=_INBOX),
    get("/me/unread", list_unread, tag=_INBOX),
    get("/me/notifications", list_notifications, tag=_INBOX),
    post("/me/notifications/read", read_notifications, tag=_INBOX),
)
