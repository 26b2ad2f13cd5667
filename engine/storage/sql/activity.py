"""The activity and audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.activity import Action, Activity, ActivityFilter, Detail
from engine.storage.records import is_storable
from engine.storage.sql.bulk import BulkInsert
from engine.storage.sql.database import Database
from engine.storage.sql.rows import Values
from engine.storage.sql.tables import activity
from engine.storage.sql.types import among

_ADD = BulkInsert(activity, "ON CONFLICT DO NOTHING")
_DETAILS: msgspec.json.Decoder[dict[str, Detail]] = msgspec.json.Decoder(dict[str, Detail])


class SqlActivityLog:
    """See `repositories.ActivityLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[Activity]) -> None:
        if not entries:
            return
        rows = [_from_activity(entry) for entry in entries]

        async def store(connection: AsyncConnection) -> None:
            await _ADD.run(connection, rows)

        await self._database.write(store)

    async def search(self, which: ActivityFilter, *, after: str | None = None, limit: int) -> list[Activity]:
        if not all(is_storable(key or "") for key in (which.actor, which.timeline_id, after)):
            return []
        found = select(activity)
        if which.actor is not None:
            found = found.where(activity.c.actor == which.actor)
        if which.action is not None:
            found = found.where(activity.c.action == which.action.value)
        if which.timeline_id is not None:
            found = found.where(activity.c.timeline_id == which.timeline_id)
        if which.since is not None:
            found = found.where(activity.c.at >= which.since)
        if which.until is not None:
            found = found.where(activity.c.at < which.until)
        if after is not None:
            found = found.where(activity.c.id < after)
        newest = found.order_by(activity.c.id.desc()).limit(limit)
        return [_to_activity(row) for row in await self._database.rows(newest)]

    async def purge(self, *, before: datetime, most: int) -> int:
        old = select(activity.c.id).where(activity.c.at < before).order_by(activity.c.at, activity.c.id).limit(most)

        async def forget(connection: AsyncConnection) -> int:
            ids = [row.id for row in (await connection.execute(old)).all()]
            if not ids:
                return 0
            return (await connection.execute(delete(activity).where(among(activity.c.id, ids)))).rowcount

        return await self._database.write(forget)


def _from_activity(entry: Activity) -> Values:
    return {
        "id": entry.id,
        "at": entry.at,
        "action": entry.action.value,
        "actor": entry.actor,
        "timeline_id": entry.timeline_id,
        "subject": entry.subject,
        "ip": entry.ip,
        "request_id": entry.request_id,
        "details": msgspec.json.encode(entry.details).decode() if entry.details else None,
    }


def _to_activity(row: Row[Any]) -> Activity:
    values = row._asdict()
    values["action"] = Action(values["action"])
    values["details"] = _DETAILS.decode(row.details) if row.details else {}
    return Activity(**values)
