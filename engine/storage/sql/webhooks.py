"""Webhooks and their deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import TimelineId
from engine.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookChanges, WebhookId, delivery_id
from engine.storage.records import decode_event
from engine.storage.repositories.webhooks import DEAD_LETTERS, RECENT, Leased, Pending, Progress
from engine.storage.sql.database import Database
from engine.storage.sql.rows import Values
from engine.storage.sql.tables import events, timelines, webhooks
from engine.storage.sql.tables import webhook_deliveries as deliveries
from engine.storage.sql.types import among, insert_into

_TYPES = msgspec.json.Decoder(list[str])
_BEYOND_WEBHOOK = ("secret", "lease_holder", "lease_until")


class SqlWebhooks:
    """See `repositories.Webhooks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, webhook: Webhook, secret: str, *, limit: int) -> Webhook | None:
        timeline_id = webhook.timeline_id

        async def store(connection: AsyncConnection) -> Webhook | None:
            # The timeline's lock decides between concurrent calls; a write of the timeline waits for it, or is seen here.
            await connection.execute(select(timelines.c.id).where(timelines.c.id == timeline_id).with_for_update())
            counted = select(func.count()).select_from(webhooks).where(webhooks.c.timeline_id == timeline_id)
            if (await connection.execute(counted)).scalar_one() >= limit:
                return None
            last = select(func.max(events.c.offset)).where(events.c.timeline_id == timeline_id)
            head = (await connection.execute(last)).scalar_one() or 0
            added = msgspec.structs.replace(webhook, delivered_up_to=head)
            await connection.execute(insert(webhooks), {**_from_webhook(added), "secret": secret})
            return added

        return await self._database.write(store)

    async def of_timeline(self, timeline_id: TimelineId) -> list[Webhook]:
        found = select(webhooks).where(webhooks.c.timeline_id == timeline_id).order_by(webhooks.c.id)
        return [_to_leased(row).webhook for row in await self._database.rows(found)]

    async def get(self, timeline_id: TimelineId, webhook_id: WebhookId) -> Leased | None:
        row = await self._database.row(select(webhooks).where(_one(timeline_id, webhook_id)))
        return _to_leased(row) if row else None

    async def change(self, timeline_id: TimelineId, webhook_id: WebhookId, changes: WebhookChanges) -> Webhook | None:
        given: Values = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
        if "events" in given:
            given["events"] = msgspec.json.encode(given["events"]).decode()
        if "active" in given:
            given["disabled_reason"] = None

        async def store(connection: AsyncConnection) -> Webhook | None:
            found = select(webhooks).where(_one(timeline_id, webhook_id)).with_for_update()
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                return None
            values = dict(given)
            if values.get("active") or values.get("url", row.url) != row.url:
                values |= {"attempts": 0, "failing_since": None, "next_attempt_at": None}
            if values:
                await connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))
            row = (await connection.execute(select(webhooks).where(webhooks.c.id == webhook_id))).one()
            return _to_leased(row).webhook

        return await self._database.write(store)

    async def remove(self, timeline_id: TimelineId, webhook_id: WebhookId) -> bool:
        async def forget(connection: AsyncConnection) -> bool:
            return bool((await connection.execute(delete(webhooks).where(_one(timeline_id, webhook_id)))).rowcount)

        return await self._database.write(forget)

    async def active(self) -> list[tuple[TimelineId, WebhookId]]:
        found = select(webhooks.c.timeline_id, webhooks.c.id).where(webhooks.c.active)
        return [(row.timeline_id, row.id) for row in await self._database.rows(found)]

    async def due(
        self, holder: str, *, now: datetime, after: WebhookId | None = None, limit: int = 500
    ) -> list[WebhookId]:
        more = exists().where(
            events.c.timeline_id == webhooks.c.timeline_id, events.c.offset > webhooks.c.delivered_up_to
        )
        rested = or_(webhooks.c.next_attempt_at.is_(None), webhooks.c.next_attempt_at <= now)
        found = select(webhooks.c.id).where(webhooks.c.active, rested, _free(holder, now), more)
        if after is not None:
            found = found.where(webhooks.c.id > after)
        return [row.id for row in await self._database.rows(found.order_by(webhooks.c.id).limit(limit))]

    async def lease(self, webhook_id: WebhookId, holder: str, *, now: datetime, until: datetime) -> Leased | None:
        mine = (webhooks.c.id == webhook_id) & webhooks.c.active & _free(holder, now)
        return await self._database.write(_Holding(webhook_id, mine, {"lease_holder": holder, "lease_until": until}))

    async def record(self, webhook_id: WebhookId, holder: str, progress: Progress, *, until: datetime) -> Leased | None:
        mine = (webhooks.c.id == webhook_id) & (webhooks.c.lease_holder == holder)
        values: Values = {
            "delivered_up_to": progress.delivered_up_to,
            "attempts": progress.attempts,
            "failing_since": progress.failing_since,
            "next_attempt_at": progress.next_attempt_at,
            "lease_until": until,
        }
        if progress.disable is not None:
            values |= {"active": False, "disabled_reason": progress.disable}
        return await self._database.write(_Holding(webhook_id, mine, values, progress.deliveries))

    async def release(self, holder: str, webhook_id: WebhookId) -> None:
        mine = (webhooks.c.id == webhook_id) & (webhooks.c.lease_holder == holder)

        async def give_back(connection: AsyncConnection) -> None:
            await connection.execute(update(webhooks).where(mine).values(lease_holder=None, lease_until=None))

        await self._database.write(give_back)

    async def next_event(self, timeline_id: TimelineId, *, after: int, types: Sequence[str]) -> Pending:
        of_timeline = events.c.timeline_id == timeline_id
        last = await self._database.row(select(func.max(events.c.offset).label("head")).where(of_timeline))
        head = max(after, last.head or 0) if last else after
        if head == after:
            return Pending(None, head)
        newer = of_timeline & (events.c.offset > after) & (events.c.offset <= head)
        if types:
            newer &= among(events.c.type, types)
        row = await self._database.row(select(events.c.payload).where(newer).order_by(events.c.offset).limit(1))
        if row is None:
            return Pending(None, head)
        event = decode_event(row.payload)
        return Pending(event, event.offset)

    async def deliveries(
        self, webhook_id: WebhookId, *, state: DeliveryState | None = None, before: int | None = None, limit: int
    ) -> list[Delivery]:
        found = select(deliveries).where(deliveries.c.webhook_id == webhook_id)
        if state is not None:
            found = found.where(deliveries.c.state == state.value)
        if before is not None:
            found = found.where(deliveries.c.offset < before)
        rows = await self._database.rows(found.order_by(deliveries.c.offset.desc()).limit(limit))
        return [_to_delivery(row) for row in rows]

    async def delivery(self, webhook_id: WebhookId, offset: int) -> Delivery | None:
        row = await self._database.row(select(deliveries).where(_delivery(webhook_id, offset)))
        return _to_delivery(row) if row else None

    async def settle(self, webhook_id: WebhookId, delivery: Delivery) -> None:
        dead = _delivery(webhook_id, delivery.offset) & (deliveries.c.state == DeliveryState.DEAD.value)

        async def store(connection: AsyncConnection) -> None:
            await connection.execute(update(deliveries).where(dead).values(**_from_delivery(webhook_id, delivery)))

        await self._database.write(store)

    async def discard(self, webhook_id: WebhookId, offset: int) -> bool:
        dead = _delivery(webhook_id, offset) & (deliveries.c.state == DeliveryState.DEAD.value)

        async def forget(connection: AsyncConnection) -> bool:
            return bool((await connection.execute(delete(deliveries).where(dead))).rowcount)

        return await self._database.write(forget)


class _Holding:
    """A change by whoever may hold a webhook: its row's lock decides between processes. None, and nothing done, for others."""

    def __init__(
        self, webhook_id: WebhookId, mine: ColumnElement[bool], values: Values, new: Sequence[Delivery] = ()
    ) -> None:
        self._id = webhook_id
        self._mine = mine
        self._values = values
        self._new = [_from_delivery(webhook_id, delivery) for delivery in new]

    async def __call__(self, connection: AsyncConnection) -> Leased | None:
        held = await connection.execute(update(webhooks).where(self._mine).values(**self._values))
        if held.rowcount == 0:
            return None
        if self._new:
            await self._add(connection)
        row = (await connection.execute(select(webhooks).where(webhooks.c.id == self._id))).one()
        return _to_leased(row)

    async def _add(self, connection: AsyncConnection) -> None:
        added = insert_into(connection.dialect.name, deliveries)
        replaced = {name: added.excluded[name] for name in deliveries.c.keys() if name not in {"webhook_id", "offset"}}
        keys = [deliveries.c.webhook_id, deliveries.c.offset]
        await connection.execute(added.on_conflict_do_update(index_elements=keys, set_=replaced), self._new)
        for state, kept in ((DeliveryState.DELIVERED, RECENT), (DeliveryState.DEAD, DEAD_LETTERS)):
            of_state = (deliveries.c.webhook_id == self._id) & (deliveries.c.state == state.value)
            newest = select(deliveries.c.offset).where(of_state).order_by(deliveries.c.offset.desc())
            beyond = newest.offset(kept).limit(1).scalar_subquery()
            await connection.execute(delete(deliveries).where(of_state, deliveries.c.offset <= beyond))


def _one(timeline_id: TimelineId, webhook_id: WebhookId) -> ColumnElement[bool]:
    return (webhooks.c.id == webhook_id) & (webhooks.c.timeline_id == timeline_id)


def _delivery(webhook_id: WebhookId, offset: int) -> ColumnElement[bool]:
    return (deliveries.c.webhook_id == webhook_id) & (deliveries.c.offset == offset)


def _free(holder: str, now: datetime) -> ColumnElement[bool]:
    return or_(webhooks.c.lease_until.is_(None), webhooks.c.lease_until <= now, webhooks.c.lease_holder == holder)


def _from_webhook(webhook: Webhook) -> Values:
    return {**msgspec.structs.asdict(webhook), "events": msgspec.json.encode(webhook.events).decode()}


def _to_leased(row: Row[Any]) -> Leased:
    values = row._asdict()
    secret, _, _ = (values.pop(name) for name in _BEYOND_WEBHOOK)
    return Leased(Webhook(**{**values, "events": _TYPES.decode(row.events)}), secret)


def _from_delivery(webhook_id: WebhookId, delivery: Delivery) -> Values:
    values = {**msgspec.structs.asdict(delivery), "webhook_id": webhook_id, "state": delivery.state.value}
    del values["id"]
    return values


def _to_delivery(row: Row[Any]) -> Delivery:
    values = row._asdict()
    webhook_id = values.pop("webhook_id")
    return Delivery(**{**values, "id": delivery_id(webhook_id, row.offset), "state": DeliveryState(row.state)})
