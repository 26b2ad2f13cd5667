"""Counts of messages: written with the log, held against people's quotas in the same transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId
from engine.domain.people import User
from engine.storage.records import is_storable, login_key
from engine.storage.sql.bulk import BulkInsert
from engine.storage.sql.database import Database
from engine.storage.sql.rows import Values, to_user
from engine.storage.sql.script import Script
from engine.storage.sql.tables import message_counts as counts
from engine.storage.sql.tables import users
from engine.storage.sql.types import among, insert_into
from engine.storage.sql.users import AFTER_ALL

Key = tuple[ParticipantId, date]
"""Whose count, of which week."""

_COUNT = BulkInsert(counts, f"ON CONFLICT (week, user_id) DO UPDATE SET posts = {counts.name}.posts + excluded.posts")


class SqlUsage:
    """See `repositories.Usage`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def used(self, user_id: ParticipantId, week: date) -> int:
        found = select(counts.c.posts).where(counts.c.user_id == user_id, counts.c.week == week)
        row = await self._database.row(found)
        return row.posts if row else 0

    async def search(
        self,
        prefix: str,
        *,
        week: date,
        default: int | None,
        reached: bool,
        after: ParticipantId | None = None,
        limit: int,
    ) -> list[User]:
        if not is_storable(prefix) or not is_storable(after or ""):
            return []
        key = login_key(prefix)
        quota = func.coalesce(users.c.weekly_messages, default)
        over = (quota.is_not(None)) & (func.coalesce(counts.c.posts, 0) >= quota)
        this_week = (counts.c.user_id == users.c.id) & (counts.c.week == week)
        found = (
            select(users)
            .outerjoin(counts, this_week)
            .where(users.c.username_key >= key, users.c.username_key < key + AFTER_ALL)
            .where(func.coalesce(over, False) if reached else ~func.coalesce(over, False))
        )
        if after is not None:
            found = found.where(users.c.id > after)
        return [to_user(row) for row in await self._database.rows(found.order_by(users.c.id).limit(limit))]

    async def purge(self, *, before: date) -> int:
        async def forget(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(counts).where(counts.c.week < before))).rowcount

        return await self._database.write(forget)


async def add(connection: AsyncConnection | Script, posted: Iterable[Key]) -> None:
    """Count messages by their authors and weeks, all in one statement; in one order everywhere, so that nobody waits crosswise."""
    found = Counter(posted)
    if not found:
        return
    rows: list[Values] = [
        {"user_id": user_id, "week": week, "posts": found[user_id, week]}
        for user_id, week in sorted(found, key=lambda key: (key[1], key[0]))
    ]
    await _COUNT.run(connection, rows)


async def lock(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, int]:
    """The counts, which nobody else changes until this transaction ends."""
    wanted = sorted(set(keys), key=lambda key: (key[1], key[0]))
    if not wanted:
        return {}
    empty = insert_into(connection.dialect.name, counts).on_conflict_do_nothing()  # what is not there cannot be locked
    await connection.execute(empty, [{"user_id": user_id, "week": week, "posts": 0} for user_id, week in wanted])
    locked = _of(wanted).order_by(counts.c.week, counts.c.user_id).with_for_update()
    return {(row.user_id, row.week): row.posts for row in (await connection.execute(locked)).all()}


async def read(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, int]:
    """The counts as this transaction leaves them."""
    return {(row.user_id, row.week): row.posts for row in (await connection.execute(_of(keys))).all()}


def _of(keys: Sequence[Key]) -> Select[Any]:
    ids, weeks = {user_id for user_id, _ in keys}, {week for _, week in keys}
    return select(counts).where(counts.c.week.in_(sorted(weeks)), among(counts.c.user_id, sorted(ids)))
