"""Finding messages by their words."""

from typing import Final

import msgspec

from actors import Ref
from engine.domain.fields import Language, MessageId
from engine.domain.people import Principal
from engine.engine import Engine
from engine.search.query import QueryText
from engine.search.searching import FoundInMine, FoundInTimeline
from engine.timelines.timeline import Timeline
from gateway.rest.endpoints import Endpoint, get
from gateway.rest.pages import Cursor, Limit, Offset
from gateway.rest.shared import shared


class TimelineSearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look for: words, "phrases", -exclusions, beginnings*. `before` is `next_before` of the page before.

    `language` is that of the query, by default the reader's.
    """

    q: QueryText
    before: Offset | None = None
    limit: Limit = 20
    language: Language | None = None


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look for in everything that one is a member of. `after` is `next` of the page before."""

    q: QueryText
    after: Cursor | None = None
    limit: Limit = 20
    language: Language | None = None


async def search_timeline(
    engine: Engine, by: Principal, timeline: Ref[Timeline], query: TimelineSearchQuery
) -> FoundInTimeline:
    """Messages of one room or conversation that have all the words: pages from the newest on, within a page the closest matches first."""
    return await engine.searching.in_timeline(
        timeline,
        by,
        query.q,
        before=query.before,
        limit=query.limit,
        language=query.language,
    )


async def search_mine(engine: Engine, by: Principal, query: SearchQuery) -> FoundInMine:
    """Messages that have all the words, of every room and conversation that one is a member of."""
    after = None if query.after is None else MessageId(query.after)
    return await engine.searching.in_mine(by, query.q, after=after, limit=query.limit, language=query.language)


_SEARCH: Final = "Search"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *shared(get, "/search", search_timeline, tag=_SEARCH),
    get("/search", search_mine, tag=_SEARCH),
)
