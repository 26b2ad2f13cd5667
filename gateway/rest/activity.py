"""The activity and audit log, for administrators."""

from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from engine.domain.activity import Action, Activity, ActivityFilter
from engine.domain.fields import ParticipantId, TimelineId
from engine.engine import Engine
from gateway.rest.endpoints import Access, Endpoint, get
from gateway.rest.pages import UUID, Cursor, Limit, Page, page

Id: TypeAlias = Annotated[str, Meta(pattern=UUID)]
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]


class ActivityQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries: those that match everything given. `since` is inclusive, `until` exclusive."""

    actor: Id | None = None
    action: Action | None = None
    timeline: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    after: Cursor | None = None
    limit: Limit = 50


async def list_activity(engine: Engine, query: ActivityQuery) -> Page[Activity]:
    """What was done, newest first: sign-ins, memberships, posts (ids only), moderation, administration, API keys."""
    which = ActivityFilter(
        actor=None if query.actor is None else ParticipantId(query.actor),
        action=query.action,
        timeline_id=None if query.timeline is None else TimelineId(query.timeline),
        since=query.since,
        until=query.until,
    )
    rows = await engine.activities.search(which, after=query.after, limit=query.limit + 1)
    return page(rows, query.limit, lambda entry: entry.id)


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/admin/activity", list_activity, tag="Administration", access=Access.ADMIN),
)
