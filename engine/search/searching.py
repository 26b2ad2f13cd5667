"""Searching for people: what they may see, newest first, with the words they looked for."""

from collections.abc import Sequence

import msgspec
from anyio.lowlevel import checkpoint

from actors import Ref
from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.domain.search import FoundMessage
from engine.search.highlights import highlight
from engine.search.query import Query, parse
from engine.storage.repositories import Storage
from engine.timelines.commands import CheckReader
from engine.timelines.timeline import Timeline


class FoundInTimeline(msgspec.Struct, frozen=True):
    """A page of what was found; `next_before` is the cursor of the next older page, None on the last."""

    items: list[FoundMessage]
    next_before: int | None


class FoundInMine(msgspec.Struct, frozen=True):
    """A page of what was found; `next` is to be given as `after` for the next older page, None on the last."""

    items: list[FoundMessage]
    next: MessageId | None


class Searching:
    """Full-text search. Pages go from the newest to the oldest; within a page those come first that have the words as typed.

    Everything runs in the caller's task: no timeline waits for someone who searches. `InvalidRequest` (field `q`) for a query
    without words, `StorageUnavailable` when the database does not answer in time.
    """

    def __init__(self, storage: Storage) -> None:
        self._search = storage.search

    async def in_timeline(
        self, ref: Ref[Timeline], by: Principal, text: str, *, before: int | None, limit: int, language: str | None
    ) -> FoundInTimeline:
        """The messages of one timeline below an offset; the timeline says whether `by` may read it."""
        query = parse(text)
        await ref.ask(CheckReader(by))
        found = await self._search.in_timeline(
            TimelineId(ref.key), query, before=before, limit=limit + 1, language=language or by.language
        )
        page = found[:limit]
        return FoundInTimeline(await _shown(query, page), page[-1].offset if len(found) > limit else None)

    async def in_mine(
        self, by: Principal, text: str, *, after: MessageId | None, limit: int, language: str | None
    ) -> FoundInMine:
        """The messages of every timeline that `by` is a member of, administrator or not."""
        query = parse(text)
        found = await self._search.of_member(
            by.id, query, before=after, limit=limit + 1, language=language or by.language
        )
        page = found[:limit]
        return FoundInMine(await _shown(query, page), page[-1].id if len(found) > limit else None)


async def _shown(query: Query, messages: Sequence[Message]) -> list[FoundMessage]:
    ranked = []
    for message in messages:
        rank, snippets = highlight(query, message.text)
        ranked.append((rank, FoundMessage(**msgspec.structs.asdict(message), highlights=snippets)))
        await checkpoint()  # long messages take a millisecond each
    ranked.sort(key=lambda each: -each[0])
    return [found for _, found in ranked]
