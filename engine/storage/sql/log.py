"""The event log under its fence."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.events import Event
from engine.domain.fields import TimelineId, TimelineKind
from engine.errors import Overtaken
from engine.storage.records import Unstorable, decode_event, is_storable
from engine.storage.repositories import Append, AppendFailure, Claimed, never
from engine.storage.sql import projections, usage
from engine.storage.sql.database import Database
from engine.storage.sql.errors import describe, refusal
from engine.storage.sql.projections import Projection
from engine.storage.sql.script import NotScripted, Script
from engine.storage.sql.tables import events, timelines
from engine.storage.sql.types import among

_OWNED = "SELECT count(*) FROM json_each(?) AS mine JOIN timelines ON timelines.id = mine.key AND timelines.term = mine.value"
"""How many timelines are at the terms that stand in a JSON object: one row, for SQLite's thread asks for the interpreter's lock at each."""
_MOST_KINDS = 100_000
"""Timelines whose kind is remembered; at that number all are forgotten, and learned anew."""


class SqlTimelineLog:
    """See `repositories.TimelineLog`.

    The row of a timeline is its fence: who claims or appends holds its lock until the commit, so neither happens during the
    other. Rows are locked in the order of their ids, so that two batches never wait for each other crosswise.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kinds = _Kinds()

    async def claim(self, timelines: Sequence[TimelineId]) -> list[Claimed | None]:
        async def raise_terms(connection: AsyncConnection) -> list[Claimed | None]:
            claimed = await _raise_terms(connection, [key for key in timelines if is_storable(key)], self._kinds)
            return [claimed.get(timeline_id) for timeline_id in timelines]

        return await self._database.write(raise_terms)

    async def terms(self, ids: Sequence[TimelineId]) -> dict[TimelineId, int]:
        columns = select(timelines.c.id, timelines.c.term)
        statement = columns.where(among(timelines.c.id, [key for key in ids if is_storable(key)]))
        return {row.id: row.term for row in await self._database.rows(statement)}

    async def append(
        self, batch: Sequence[Append], *, overtaken: Callable[[], bool] = never
    ) -> list[AppendFailure | None]:
        appending = _Appending(batch, self._kinds, overtaken)
        if appending.pending:
            if self._database.dialect == "sqlite":
                await appending.prepare()
            await self._database.write(appending.run)
        return appending.failures

    async def events(self, timeline_id: TimelineId, *, after: int, limit: int) -> list[Event]:
        newer = (events.c.timeline_id == timeline_id) & (events.c.offset > after)
        statement = select(events.c.payload).where(newer).order_by(events.c.offset).limit(limit)
        return [decode_event(row.payload) for row in await self._database.rows(statement)]


async def _raise_terms(
    connection: AsyncConnection, ids: Sequence[TimelineId], kinds: "_Kinds"
) -> dict[TimelineId, Claimed]:
    found = (await connection.execute(_locked(ids))).all()
    kinds.learn(found)
    await connection.execute(update(timelines).where(among(timelines.c.id, ids)).values(term=timelines.c.term + 1))
    # A statement of its own: it sees what was committed while the locks were waited for.
    last = select(func.max(events.c.offset)).where(events.c.timeline_id == timelines.c.id).scalar_subquery()
    heads = (await connection.execute(select(timelines.c.id, last).where(among(timelines.c.id, ids)))).all()
    head = {row.id: row[1] or 0 for row in heads}
    return {row.id: Claimed(row.id, row.term + 1, row.epoch, head[row.id]) for row in found}


def _locked(ids: Sequence[TimelineId]) -> Select[Any]:
    columns = (timelines.c.id, timelines.c.kind, timelines.c.term, timelines.c.epoch)
    return select(*columns).where(among(timelines.c.id, ids)).order_by(timelines.c.id).with_for_update()


class _Kinds:
    """Which kind of timeline each is; that never changes."""

    def __init__(self) -> None:
        self.known: dict[TimelineId, str] = {}

    def learn(self, rows: Sequence[Row[Any]]) -> None:
        """Remember what rows of `timelines` say."""
        if len(self.known) > _MOST_KINDS:
            self.known.clear()
        self.known.update((row.id, row.kind) for row in rows)

    def conversations(self, ids: Iterable[TimelineId]) -> frozenset[TimelineId]:
        """Those that are conversations, as far as is known."""
        return frozenset(each for each in ids if self.known.get(each) == TimelineKind.CONVERSATION.value)


class _Appending:
    """One batch on its way into the log; `failures` is the answer once `run` has returned and its transaction committed."""

    def __init__(self, batch: Sequence[Append], kinds: "_Kinds", overtaken: Callable[[], bool]) -> None:
        self._batch = batch
        self._kinds = kinds
        self._overtaken = overtaken
        self._projections: list[Projection] = []
        self._over: list[int] = []
        self.failures: list[AppendFailure | None] = [None] * len(batch)
        self.pending: list[int] = []
        self._conversations: frozenset[TimelineId] = frozenset()
        self._script: Script | None = None
        for index, entry in enumerate(batch):
            try:
                if not is_storable(entry.timeline_id):
                    raise Unstorable("the timeline's id is no text")
                projection = Projection(entry.timeline_id, entry.events, entry.fingerprints)
            except Unstorable as error:
                self.failures[index] = AppendFailure("invalid", str(error))
                projection = Projection(entry.timeline_id, ())
            else:
                self.pending.append(index)
            self._projections.append(projection)

    async def prepare(self) -> None:
        """Take down what is nearly always the whole work, for one visit to SQLite's thread; not if any of it needs a closer look."""
        pending = [self._batch[index] for index in self.pending]
        if any(entry.limits or entry.timeline_id not in self._kinds.known for entry in pending):
            return
        self._conversations = self._kinds.conversations(entry.timeline_id for entry in pending)
        script = Script()
        with suppress(NotScripted):
            await self._write(script, self.pending)
            self._script = script

    async def run(self, connection: AsyncConnection) -> None:
        """Write what may be written: all together, or, if anything in it is refused, divided until only that is left out."""
        self._give_way()
        if self._script is not None and await self._run_in_one_visit(connection, self._script):
            return
        allowed = await self._check_quotas(connection, await self._check_terms(connection))
        try:
            await self._write(connection, allowed)
        except Exception as error:
            if refusal(error) is None:
                raise
            await connection.rollback()
            allowed = await self._check_quotas(connection, await self._check_terms(connection))
            await self._write_divided(connection, allowed)
        if self._over:
            await self._tell_used(connection)

    async def _run_in_one_visit(self, connection: AsyncConnection, script: Script) -> bool:
        """Whether all of it is committed; False, and nothing done, when any of it needs a closer look."""
        terms = {self._batch[index].timeline_id: self._batch[index].term for index in self.pending}
        mine = (msgspec.json.encode(terms).decode(),)

        def fence(cursor: sqlite3.Cursor) -> bool:
            return cursor.execute(_OWNED, mine).fetchall() == [(len(terms),)]

        return await script.run(connection, fence, self._give_way)

    def _give_way(self) -> None:
        if self._overtaken():
            raise Overtaken("somebody goes first")

    async def _check_terms(self, connection: AsyncConnection) -> list[int]:
        """Lock the timelines and return the entries that are not fenced."""
        ids = [self._batch[index].timeline_id for index in self.pending]
        rows = (await connection.execute(_locked(ids))).all()
        self._kinds.learn(rows)
        self._conversations = self._kinds.conversations(ids)
        terms = {row.id: row.term for row in rows}
        allowed = []
        for index in self.pending:
            entry = self._batch[index]
            term = terms.get(entry.timeline_id)
            self.failures[index] = fenced(entry, term)
            if term == entry.term:
                allowed.append(index)
        return allowed

    async def _check_quotas(self, connection: AsyncConnection, indexes: list[int]) -> list[int]:
        """Return the entries that lead nobody over their limit; nearly always no entry has a limit."""
        self._over = []
        limited = {index for index in indexes if self._batch[index].limits}
        if not limited:
            return indexes
        found = await usage.lock(connection, [key for index in limited for key, _ in self._limits(index)])
        allowed = []
        for index in indexes:
            posted = Counter(self._projections[index].posted)
            if any(found[key] + posted[key] > limit for key, limit in self._limits(index)):
                self._over.append(index)
                continue
            allowed.append(index)
            for key in found.keys() & posted.keys():
                found[key] += posted[key]
        return allowed

    def _limits(self, index: int) -> list[tuple[usage.Key, int]]:
        limits = dict(self._batch[index].limits)
        return [(key, limits[key[0]]) for key in set(self._projections[index].posted) if key[0] in limits]

    async def _tell_used(self, connection: AsyncConnection) -> None:
        """Refuse what is over a quota, with what is used once this transaction is committed."""
        keys = {index: [key for key, _ in self._limits(index)] for index in self._over}
        used = await usage.read(connection, [key for each in keys.values() for key in each])
        for index in self._over:
            counted = tuple((*key, used[key]) for key in keys[index])
            self.failures[index] = AppendFailure("quota", "the quota of one of the authors is used up", counted)

    async def _write(self, connection: AsyncConnection | Script, indexes: Sequence[int]) -> None:
        await projections.write(connection, [self._projections[index] for index in indexes], self._conversations)

    async def _write_divided(self, connection: AsyncConnection, indexes: Sequence[int]) -> None:
        """Savepoints keep all of it in one transaction: a time-out half-way leaves nothing."""
        if not indexes:
            return
        try:
            async with connection.begin_nested():
                await self._write(connection, indexes)
        except Exception as error:
            reason = refusal(error)
            if reason is None:
                raise
            if len(indexes) == 1:
                self.failures[indexes[0]] = AppendFailure(reason, describe(error))
                return
            middle = len(indexes) // 2
            await self._write_divided(connection, indexes[:middle])
            await self._write_divided(connection, indexes[middle:])


def fenced(entry: Append, term: int | None) -> AppendFailure | None:
    """The refusal of an entry whose term is not the timeline's present `term` (None: there is no such timeline)."""
    if term == entry.term:
        return None
    if term is None:
        return AppendFailure("fenced", f"there is no timeline {entry.timeline_id}")
    return AppendFailure("fenced", f"timeline {entry.timeline_id} is at term {term}, not {entry.term}")
