"""Read markers, and the counts of what is above them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Row, Select, bindparam, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.inbox import MOST_COUNTED, Unread
from engine.storage.records import is_storable
from engine.storage.repositories import MAX_OFFSET, Mark
from engine.storage.sql.database import Database
from engine.storage.sql.tables import EVERYONE, members, mentions, messages, notifications, timelines
from engine.storage.sql.types import among, among_given, pairs_given

_MEMBER: Final = (members.c.timeline_id == bindparam("key_timeline")) & (
    members.c.participant_id == bindparam("key_person")
)
_RAISE: Final = (
    update(members)
    .where(_MEMBER, members.c.read_offset < bindparam("read_to"))
    .values(read_offset=bindparam("read_to"))
)
_SEEN: Final = (
    update(notifications)
    .where(
        notifications.c.timeline_id == bindparam("key_timeline"),
        notifications.c.participant_id == bindparam("key_person"),
        notifications.c.offset <= bindparam("read_to"),
        notifications.c.read_at.is_(None),
    )
    .values(read_at=bindparam("seen_at"))
)


_UP_TO: Final[BindParameter[int]] = bindparam("up_to", MAX_OFFSET)


def _count(found: Select[Any]) -> ColumnElement[int]:
    """How many rows there are, looking at `MOST_COUNTED` of them at most."""
    bounded = found.limit(MOST_COUNTED).correlate(members).subquery()
    return select(func.count()).select_from(bounded).scalar_subquery()


_unread: Final = _count(
    select(literal(1)).where(
        messages.c.timeline_id == members.c.timeline_id,
        messages.c.offset > members.c.read_offset,
        messages.c.offset <= _UP_TO,
        messages.c.author_id != members.c.participant_id,
        messages.c.deleted_at.is_(None),
    )
)
_mentions: Final = _count(
    select(mentions.c.offset)  # a text that names someone and everyone is one mention
    .where(
        mentions.c.timeline_id == members.c.timeline_id,
        or_(mentions.c.participant_id == members.c.participant_id, mentions.c.participant_id == EVERYONE),
        mentions.c.offset > members.c.read_offset,
        mentions.c.offset <= _UP_TO,
        mentions.c.author_id != members.c.participant_id,
    )
    .distinct()
)
_COUNTS: Final = select(
    members.c.timeline_id,
    members.c.participant_id,
    members.c.read_offset,
    timelines.c.kind,
    _unread.label("unread"),
    _mentions.label("mentions"),
).join_from(members, timelines, timelines.c.id == members.c.timeline_id)
_MARKERS: Final = select(members.c.timeline_id, members.c.participant_id, members.c.read_offset).where(
    pairs_given(members.c.timeline_id, members.c.participant_id, "pairs")
)
_COUNTS_IN: Final = _COUNTS.where(
    members.c.timeline_id == bindparam("timeline_id"), among_given(members.c.participant_id, "people")
)


class SqlMarkers:
    """See `repositories.Markers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mark(self, marks: Sequence[Mark], *, at: datetime) -> list[int | None]:
        read_to: dict[tuple[TimelineId, ParticipantId], int] = {}
        for mark in marks:
            if is_storable(mark.timeline_id) and is_storable(mark.participant_id):
                key = (mark.timeline_id, mark.participant_id)
                read_to[key] = max(mark.offset, read_to.get(key, 0))
        rows = [  # in order, so that two batches never wait for each other crosswise
            {"key_timeline": timeline, "key_person": person, "read_to": read_to[timeline, person], "seen_at": at}
            for timeline, person in sorted(read_to)
        ]

        async def raise_markers(connection: AsyncConnection) -> list[int | None]:
            await connection.execute(_RAISE, [{k: row[k] for k in row if k != "seen_at"} for row in rows])
            await connection.execute(_SEEN, rows)
            stand = await connection.execute(
                select(members.c.timeline_id, members.c.participant_id, members.c.read_offset).where(
                    among(members.c.timeline_id, sorted({timeline for timeline, _ in read_to})),
                    among(members.c.participant_id, sorted({person for _, person in read_to})),
                )
            )
            found = {(row.timeline_id, row.participant_id): row.read_offset for row in stand.all()}
            return [found.get((mark.timeline_id, mark.participant_id)) for mark in marks]

        return await self._database.write(raise_markers) if rows else [None] * len(marks)

    async def of(
        self, people: Mapping[TimelineId, Sequence[ParticipantId]]
    ) -> dict[TimelineId, dict[ParticipantId, int]]:
        pairs = [(timeline, each) for timeline, wanted in people.items() for each in wanted]
        storable = [pair for pair in pairs if all(map(is_storable, pair))]
        markers: dict[TimelineId, dict[ParticipantId, int]] = {timeline: {} for timeline in people}
        for row in await self._database.rows_with(_MARKERS, {"pairs": storable}):
            markers[row.timeline_id][row.participant_id] = row.read_offset
        return markers

    async def unread(
        self, participant_id: ParticipantId, *, after: TimelineId | None = None, limit: int
    ) -> list[Unread]:
        if not is_storable(participant_id) or not is_storable(after or ""):
            return []
        mine = _COUNTS.where(members.c.participant_id == participant_id)
        if after is not None:
            mine = mine.where(members.c.timeline_id > after)
        return [_to_unread(row) for row in await self._database.rows(mine.order_by(members.c.timeline_id).limit(limit))]

    async def unread_in(
        self, timeline_id: TimelineId, people: Sequence[ParticipantId], *, up_to: int = MAX_OFFSET
    ) -> dict[ParticipantId, Unread]:
        if not is_storable(timeline_id):
            return {}
        wanted = [each for each in people if is_storable(each)]
        values = {"timeline_id": timeline_id, "people": wanted, "up_to": up_to}
        return {row.participant_id: _to_unread(row) for row in await self._database.rows_with(_COUNTS_IN, values)}


def _to_unread(row: Row[Any]) -> Unread:
    return Unread(
        timeline_id=row.timeline_id,
        kind=TimelineKind(row.kind),
        unread=row.unread,
        mentions=row.mentions,
        last_read_offset=row.read_offset,
    )
