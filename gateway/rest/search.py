"""Finding messages by their words."""

from typing import Final

import msgspec

from engine.domain.fields import Language, MessageId, TimelineId
from engine.domain.people import Principal
from engine.engine import Engine
from engine.search.query import QueryText
from engine.search.searching import FoundInMine, FoundInTimeline
from gateway.rest.endpoints import Endpoint, get
from gateway.rest.pages import Cursor, Limit, Offset


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


async def search_room(
    engine: Engine, by: Principal, room_id: TimelineId, query: TimelineSearchQuery
) -> FoundInTimeline:
    """Messages of one room that have all the words: pages from the newest on, within a page the closest matches first."""
    return await engine.searching.in_timeline(
        engine.timelines.room(room_id),
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
    get("/rooms/{room_id}/search", search_room, tag=_SEARCH, problems=("forbidden",)),
    get("/search", search_mine, tag=_SEARCH),
)
