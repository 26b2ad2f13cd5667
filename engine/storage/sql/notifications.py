"""Notifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId, ParticipantKind, TimelineKind
from engine.domain.inbox import Notification, NotificationId, NotificationKind
from engine.domain.people import Participant
from engine.storage.records import is_storable
from engine.storage.sql.database import Database
from engine.storage.sql.tables import notifications, participants, timelines
from engine.storage.sql.types import among

_TRIMMED: Final = 100
"""How many people's notifications are trimmed in one transaction."""

_NOTIFICATIONS: Final = (
    select(
        notifications,
        timelines.c.kind.label("timeline_kind"),
        participants.c.kind.label("actor_kind"),
        participants.c.name.label("actor_name"),
    )
    .join_from(notifications, timelines, timelines.c.id == notifications.c.timeline_id)
    .outerjoin(participants, participants.c.id == notifications.c.actor)
)


class SqlNotifications:
    """See `repositories.Notifications`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, participant_id: ParticipantId, *, after: NotificationId | None = None, limit: int
    ) -> list[Notification]:
        if not is_storable(participant_id) or not is_storable(after or ""):
            return []
        theirs = _NOTIFICATIONS.where(notifications.c.participant_id == participant_id)
        if after is not None:
            theirs = theirs.where(notifications.c.id < after)
        rows = await self._database.rows(theirs.order_by(notifications.c.id.desc()).limit(limit))
        return [_to_notification(row) for row in rows]

    async def unread(self, participant_id: ParticipantId) -> int:
        if not is_storable(participant_id):
            return 0
        waiting = (notifications.c.participant_id == participant_id) & notifications.c.read_at.is_(None)
        row = await self._database.row(select(func.count()).select_from(notifications).where(waiting))
        return int(row[0]) if row else 0

    async def by_ids(self, ids: Sequence[NotificationId]) -> list[tuple[ParticipantId, Notification]]:
        wanted = [each for each in dict.fromkeys(ids) if is_storable(each)]
        rows = await self._database.rows(_NOTIFICATIONS.where(among(notifications.c.id, wanted)))
        return [(row.participant_id, _to_notification(row)) for row in rows]

    async def read(self, participant_id: ParticipantId, *, up_to: NotificationId | None, at: datetime) -> int:
        if not is_storable(participant_id) or not is_storable(up_to or ""):
            return 0
        seen = update(notifications).where(
            notifications.c.participant_id == participant_id, notifications.c.read_at.is_(None)
        )
        if up_to is not None:
            seen = seen.where(notifications.c.id <= up_to)

        async def mark(connection: AsyncConnection) -> int:
            return int((await connection.execute(seen.values(read_at=at))).rowcount)

        return await self._database.write(mark)

    async def trim(self, *, keep: int) -> int:
        many = select(notifications.c.participant_id).group_by(notifications.c.participant_id)
        many = many.having(func.count() > keep).limit(_TRIMMED)
        gone = 0
        while crowd := [row.participant_id for row in await self._database.rows(many)]:

            async def forget(connection: AsyncConnection, crowd: Sequence[str] = tuple(crowd)) -> int:
                return sum([await _forget_oldest(connection, person, keep) for person in crowd])

            gone += await self._database.write(forget)
        return gone


async def _forget_oldest(connection: AsyncConnection, person: str, keep: int) -> int:
    theirs = notifications.c.participant_id == person
    oldest = select(notifications.c.id).where(theirs).order_by(notifications.c.id.desc()).offset(keep).limit(1)
    last = (await connection.execute(oldest)).scalar()
    if last is None:  # trimmed meanwhile
        return 0
    return int((await connection.execute(delete(notifications).where(theirs, notifications.c.id <= last))).rowcount)


def _to_notification(row: Row[Any]) -> Notification:
    return Notification(
        id=row.id,
        kind=NotificationKind(row.kind),
        timeline_id=row.timeline_id,
        timeline_kind=TimelineKind(row.timeline_kind),
        message_id=row.message_id,
        actor=Participant(row.actor, ParticipantKind(row.actor_kind or "user"), row.actor_name or row.actor),
        at=row.at,
        read_at=row.read_at,
    )
