"""Full-text search, on the index of either database; `tables/search.py` says what is in them.

A word that is in every third message must be as quick to find as a rare one, so nothing ever looks at all that matches.
SQLite walks a timeline's matches from the newest and stops when it has enough. PostgreSQL's index knows no order, and reads all
that matches the beginning of a word, wherever it is: there the newest messages are walked through first, which is where the search
for anything common ends. Then the index is asked for a part of the timeline, and for the rest only when that held too
little: what gets there is rare, and few rows have to be sorted.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    String,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.search.query import Query, Term
from engine.storage.records import is_storable
from engine.storage.sql.database import Database
from engine.storage.sql.messages import complete
from engine.storage.sql.rows import MESSAGE_COLUMNS
from engine.storage.sql.tables import members, messages, participants
from engine.storage.sql.tables.search import BLOCK_BITS, OFFSET_BITS

_MESSAGES = select(*MESSAGE_COLUMNS).outerjoin_from(messages, participants, participants.c.id == messages.c.author_id)
_WALKED = 1024
"""How many of the newest messages are looked at one by one, for a third of a microsecond each, more where they are long."""
_BLOCKS = 6
"""Of how many blocks the first round is. What the index cannot be asked for is compared row by row."""
_FEW = 2
"""Of how many blocks a round before it is then: the newest block may just have begun."""
_SLICE = 64
"""Of how many blocks every further round is for a phrase, whose words may meet nowhere and then are all looked at."""
_TIMES = 16
"""Of how many time marks the first round across timelines is: three days."""
_OFFSETS = (1 << OFFSET_BITS) - 1
"""The part of an FTS5 rowid that is the offset."""


class SqlSearch:
    """See `repositories.Search`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def in_timeline(
        self,
        timeline_id: TimelineId,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        language: str | None = None,
    ) -> list[Message]:
        if not is_storable(timeline_id) or (query.impossible and self._finds_words_only(language)):
            return []
        if self._database.dialect == "sqlite":
            return await self._read(sqlite_in_timeline(timeline_id, query, before, limit))
        newest = select(func.max(messages.c.offset)).where(messages.c.timeline_id == timeline_id).scalar_subquery()
        row = await self._database.row(select(tsquery(query, language).label("words"), newest.label("newest")))
        if row is None or row.newest is None or not row.words:
            return []
        top = row.newest + 1 if before is None else min(before, row.newest + 1)
        walked = newest_of_timeline(timeline_id, top)
        found = await self._read(postgresql_walk(walked, "offset", row.words, limit))
        if len(found) >= limit or top <= _WALKED:
            return found
        indexed = await self._indexed(walked, query, row.words, language, limit)
        found = []
        phrase = any(len(term.words) > 1 for term in query.wanted)
        for marks, below in timeline_rounds(timeline_id, top, compared=indexed != row.words, sliced=phrase):
            wanted = Wanted(marks, indexed, row.words)
            found += await self._read(postgresql_in_timeline(timeline_id, wanted, below, limit - len(found)))
            if len(found) >= limit:
                break
        return found

    async def of_member(
        self,
        member: ParticipantId,
        query: Query,
        *,
        before: MessageId | None = None,
        limit: int,
        language: str | None = None,
    ) -> list[Message]:
        if not is_storable(member) or (before is not None and not is_storable(before)):
            return []
        if query.impossible and self._finds_words_only(language):
            return []
        if self._database.dialect == "sqlite":
            return await self._read(sqlite_of_member(member, query, before, limit))
        row = await self._database.row(
            select(
                tsquery(query, language).label("words"),
                newest_of(member).label("newest"),
                marks_of(member).label("marks"),
            )
        )
        if row is None or row.newest is None or not row.words:
            return []
        newest = row.newest if before is None else min(before, row.newest)
        walked = newest_of_all(before)
        found = await self._read(postgresql_walk(walked, "id", row.words, limit, timelines_of(member)))
        if len(found) >= limit:
            return found
        indexed = await self._indexed(walked, query, row.words, language, limit)
        for marks in member_rounds(row.marks, newest):
            wanted = Wanted(marks, indexed, row.words)
            found = await self._read(postgresql_of_member(member, wanted, before, limit))
            if len(found) >= limit:
                break
        return found

    def _finds_words_only(self, language: str | None) -> bool:
        """Whether a word is not found in other forms, which an exclusion does not reach."""
        return language is None or self._database.dialect == "sqlite"

    async def _indexed(self, walked: Select[Any], query: Query, words: str, language: str | None, limit: int) -> str:
        """What of a query PostgreSQL's index is asked for: no beginnings of words that need not be read in full there."""
        lasting = Query(query.wanted, _whole(query.unwanted))
        ahead = (Term(term.words[:-1]) if term.prefix else term for term in query.wanted)
        whole = Query(tuple(term for term in ahead if term.words), lasting.unwanted)
        if whole.wanted and whole != lasting:
            rare = tsquery(whole, language)
            newest = walked.subquery("newest")
            times = select(func.count()).where(newest.c.words.op("@@")(cast(rare, TSQUERY))).scalar_subquery()
            row = await self._database.row(select(rare.label("words"), times.label("times")))
            if row is not None and row.words and row.times < limit:
                return str(row.words)
        if lasting == query:
            return words
        row = await self._database.row(select(tsquery(lasting, language).label("words")))
        return row.words if row is not None and row.words else words

    async def _read(self, statement: Executable) -> list[Message]:
        return await complete(self._database, await self._database.rows(statement))


# -- SQLite ------------------------------------------------------------------------------------------------------------

_fts = table("message_search", column("rowid"))
_numbers = table("timeline_numbers", column("number"), column("timeline_id"))


def sqlite_in_timeline(timeline_id: TimelineId, query: Query, before: int | None, limit: int) -> Executable:
    """One timeline's matches from the newest: a range of rowids, walked from its end. Behind it are other timelines."""
    number = select(_numbers.c.number).where(_numbers.c.timeline_id == timeline_id).scalar_subquery()
    first = number.op("<<")(OFFSET_BITS)
    highest = _OFFSETS if before is None else min(max(0, before - 1), _OFFSETS)
    last = first.op("|")(highest)
    hits = (
        select(_fts.c.rowid)
        .where(literal_column("message_search").op("MATCH")(match_expression(query)))
        .where(_fts.c.rowid.between(first, last))
        .order_by(_fts.c.rowid.desc())
        .limit(limit)
        .subquery("hits")
    )
    here = and_(messages.c.timeline_id == timeline_id, messages.c.offset == hits.c.rowid.op("&")(_OFFSETS))
    return _MESSAGES.join(hits, here).where(messages.c.deleted_at.is_(None)).order_by(messages.c.offset.desc())


_BELOW = f"""(
    WITH RECURSIVE halves (low, step) AS (
        SELECT 0, 1 << {OFFSET_BITS - 1}
        UNION ALL
        SELECT low + step * coalesce((
            SELECT id FROM messages WHERE timeline_id = members.timeline_id AND "offset" >= low + step
            ORDER BY "offset" LIMIT 1
        ) < :before, FALSE), step >> 1
        FROM halves WHERE step > 0
    ) SELECT max(low) FROM halves
)"""
"""The offset of a timeline's newest message with an id below `:before`, found by halving: a timeline's ids rise with the offsets."""


def sqlite_of_member(member: ParticipantId, query: Query, before: MessageId | None, limit: int) -> Executable:
    """Each timeline's newest matches, and of those the newest. SQLite knows no LATERAL; a JSON array of ids will do."""
    statement = text(
        f"""
        WITH parts AS MATERIALIZED (
            SELECT members.timeline_id, number << {OFFSET_BITS} AS first,
                (number << {OFFSET_BITS}) | {_OFFSETS if before is None else _BELOW} AS last
            FROM members JOIN timeline_numbers ON timeline_numbers.timeline_id = members.timeline_id
            WHERE members.participant_id = :member
        )
        SELECT value AS id FROM parts
        JOIN json_each((SELECT json_group_array(found.id) FROM (
            SELECT hit.id FROM message_search CROSS JOIN messages AS hit
                ON hit.timeline_id = parts.timeline_id AND hit."offset" = message_search.rowid & {_OFFSETS}
            WHERE message_search MATCH :words
                AND message_search.rowid BETWEEN parts.first AND parts.last
                AND (:before IS NULL OR hit.id < :before)
            ORDER BY message_search.rowid DESC LIMIT :limit
        ) AS found))
        ORDER BY value DESC LIMIT :limit
        """
    ).bindparams(
        bindparam("words", match_expression(query)),
        bindparam("before", before, String),
        bindparam("limit", limit),
        bindparam("member", member),
    )
    hits = statement.columns(column("id", String)).subquery("hits")
    found = _MESSAGES.where(messages.c.id.in_(select(hits.c.id)), messages.c.deleted_at.is_(None))
    return found.order_by(messages.c.id.desc())


def match_expression(query: Query) -> str:
    """The query in FTS5's words. Ours hold letters and digits only, and stand in quotes: nothing in them is syntax."""
    wanted = " AND ".join(_quoted(term) for term in query.wanted)
    return f"({wanted})" + "".join(f" NOT {_quoted(term)}" for term in query.unwanted)


def _quoted(term: Term) -> str:
    return '"' + " ".join(term.words).replace('"', '""') + '"' + (" *" if term.prefix else "")


# -- PostgreSQL --------------------------------------------------------------------------------------------------------

SIMPLE: ColumnElement[Any] = literal_column("'pg_catalog.simple'::regconfig")
"""The configuration of PostgreSQL's that takes words as they are."""
_WORDS: ColumnElement[Any] = literal_column("messages.words")
_WALK = select(messages.c.id, messages.c.timeline_id, messages.c.offset, messages.c.deleted_at, _WORDS.label("words"))


def tsquery(query: Query, language: str | None) -> ColumnElement[str]:
    """The query in PostgreSQL's words, as text: each term as it is, or as the language's dictionary has it."""
    made = _term(query.wanted[0], language)
    for term in query.wanted[1:]:
        made = func.tsquery_and(made, _term(term, language))
    for term in query.unwanted:
        made = func.tsquery_and(made, func.tsquery_not(_term(term, None)))
    return cast(made, String)


def _term(term: Term, language: str | None) -> ColumnElement[Any]:
    if term.prefix:
        beginning = _tsquery(_quote(term.words[-1]) + ":*")
        if len(term.words) == 1:
            return beginning
        return func.tsquery_phrase(func.phraseto_tsquery(SIMPLE, " ".join(term.words[:-1])), beginning)
    words = " ".join(term.words)
    exact = func.phraseto_tsquery(SIMPLE, words)
    if language is None:
        return exact
    known = func.phraseto_tsquery(func.search_dictionary(language), words)
    return func.tsquery_or(exact, func.coalesce(known, _tsquery("")))


def _whole(terms: Iterable[Term]) -> tuple[Term, ...]:
    return tuple(term for term in terms if not term.prefix)


class Wanted(NamedTuple):
    """What the index is asked for, within the marked part and as tsquery, and what all of the query is."""

    marks: str
    indexed: str
    words: str


def newest_of_timeline(timeline_id: TimelineId, top: int) -> Select[Any]:
    """The messages of a timeline to walk through: the newest of those below an offset."""
    here = _WALK.where(messages.c.timeline_id == timeline_id, messages.c.offset < top)
    return here.order_by(messages.c.offset.desc()).limit(_WALKED)


def newest_of_all(before: MessageId | None) -> Select[Any]:
    """The messages of all timelines to walk through: the newest of those with an id below `before`."""
    below = _WALK if before is None else _WALK.where(messages.c.id < before)
    return below.order_by(messages.c.id.desc()).limit(_WALKED)


def postgresql_walk(
    walked: Select[Any], order: str, words: str, limit: int, timelines: Select[Any] | None = None
) -> Executable:
    """The newest matches among the walked messages. The limit on these keeps the words out of the index's sight."""
    newest = walked.subquery("newest")
    hits = select(newest.c.id).where(newest.c.words.op("@@")(_tsquery(words)), newest.c.deleted_at.is_(None))
    if timelines is not None:
        hits = hits.where(newest.c.timeline_id.in_(timelines))
    return _complete(hits.order_by(newest.c[order].desc()).limit(limit), order)


def timeline_rounds(timeline_id: TimelineId, top: int, *, compared: bool, sliced: bool) -> Iterator[tuple[str, int]]:
    """The parts of a timeline below an offset, from the newest on: their marks, and their end.

    The first one is small where what the index finds is `compared` row by row. The last one is all the rest, at once or (`sliced`)
    in parts that a statement is done with in time.
    """
    timeline, last = f"@{timeline_id[-8:]}", max(0, top - 1) >> BLOCK_BITS
    for count in itertools.chain([_FEW] if compared else [], [_BLOCKS], itertools.repeat(_SLICE) if sliced else ()):
        first = max(0, last - count + 1)
        yield " | ".join(_quote(f"{timeline}/{block}") for block in range(first, last + 1)), top
        if first == 0:
            return
        top, last = first << BLOCK_BITS, first - 1
    yield _quote(timeline), top


def member_rounds(timelines: str, newest: str) -> Iterator[str]:
    """The marks of timelines for the days up to an id, then for all of them. An id that is none has no time."""
    if re.match(r"[0-9a-f]{6}", newest):
        last = int(newest[:6], 16)
        times = " | ".join(_quote(f"#{time:06x}") for time in range(max(0, last - _TIMES + 1), last + 1))
        yield f"({timelines}) & ({times})"
    yield timelines


def postgresql_in_timeline(timeline_id: TimelineId, wanted: Wanted, below: int, limit: int) -> Executable:
    """The newest matches within the marked part of a timeline."""
    matching = _matching(wanted).where(messages.c.timeline_id == timeline_id, messages.c.offset < below)
    return _newest(matching, "offset", limit)


def postgresql_of_member(member: ParticipantId, wanted: Wanted, before: MessageId | None, limit: int) -> Executable:
    """The newest matches of a member's timelines, within the marked parts."""
    matching = _matching(wanted).where(messages.c.timeline_id.in_(timelines_of(member)))
    return _newest(matching if before is None else matching.where(messages.c.id < before), "id", limit)


def _matching(wanted: Wanted) -> Select[Any]:
    matching = _WORDS.op("@@")(_tsquery(f"({wanted.marks}) & ({wanted.indexed})"))
    found = select(messages.c.id, messages.c.offset).where(matching, messages.c.deleted_at.is_(None))
    if wanted.indexed == wanted.words:
        return found
    return found.where(func.ts_match_vq(_WORDS, _tsquery(wanted.words)))  # the same `@@`, which no index takes up


def _newest(matching: Select[Any], order: str, limit: int) -> Executable:
    """Materialized: with the order in sight the planner would rather walk through everything and hope to find enough soon."""
    hits = matching.cte("hits").prefix_with("MATERIALIZED")
    return _complete(select(hits.c.id).order_by(hits.c[order].desc()).limit(limit), order)


def _complete(hits: Select[Any], order: str) -> Executable:
    newest = hits.subquery("found")
    return _MESSAGES.join(newest, newest.c.id == messages.c.id).order_by(messages.c[order].desc())


def timelines_of(member: ParticipantId) -> Select[Any]:
    """The ids of a member's timelines."""
    return select(members.c.timeline_id).where(members.c.participant_id == member)


def newest_of(member: ParticipantId) -> ColumnElement[str]:
    """The id of the newest message in a member's timelines."""
    last = (
        select(messages.c.id)
        .where(messages.c.timeline_id == members.c.timeline_id)
        .order_by(messages.c.offset.desc())
        .limit(1)
        .correlate(members)
        .scalar_subquery()
    )
    return select(func.max(last)).where(members.c.participant_id == member).scalar_subquery()


def marks_of(member: ParticipantId) -> ColumnElement[str]:
    """The marks of a member's timelines."""
    mark = func.quote_literal(func.concat("@", func.right(members.c.timeline_id, 8)))
    every = select(func.string_agg(mark, literal_column("' | '"))).where(members.c.participant_id == member)
    return every.scalar_subquery()


def _quote(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def _tsquery(written: str) -> ColumnElement[Any]:
    return cast(cast(written, String), TSQUERY)
