"""Webhooks, how far each has been delivered, and what became of its deliveries.

There is no queue of pending events: the timelines' log is the queue, and each webhook has its place in it (`delivered_up_to`).
So a post costs nothing more in a room with webhooks, and an event that was committed is delivered however often the process dies.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from engine.domain.events import Event
from engine.domain.fields import TimelineId
from engine.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookChanges, WebhookId

RECENT = 100
"""How many successful deliveries of each webhook are remembered."""
DEAD_LETTERS = 1000
"""How many dead letters of each webhook are kept; above it the oldest are dropped."""


class Leased(msgspec.Struct, frozen=True):
    """A webhook with its secret, for whoever delivers it."""

    webhook: Webhook
    secret: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a webhook has come: the fields of that name of `Webhook`. `deliveries` are added, or replaced by their offset.

    `disable` switches the webhook off, for this reason.
    """

    delivered_up_to: int
    attempts: int = 0
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None
    deliveries: Sequence[Delivery] = ()
    disable: str | None = None


class Pending(msgspec.Struct, frozen=True):
    """The next event for a webhook. Without one, there is none up to and including `up_to`."""

    event: Event | None
    up_to: int


class Webhooks(Protocol):
    """The webhooks of all rooms.

    Who delivers one holds a lease on it, so that two processes do not deliver the same events side by side. Times are given by
    the callers: their clocks must not differ by more than a lease is long.
    """

    async def add(self, webhook: Webhook, secret: str, *, limit: int) -> Webhook | None:
        """Store a new webhook that starts after its timeline's last event; None when the timeline has `limit` of them already."""
        ...

    async def of_timeline(self, timeline_id: TimelineId) -> list[Webhook]:
        """The webhooks of a timeline, by id."""
        ...

    async def get(self, timeline_id: TimelineId, webhook_id: WebhookId) -> Leased | None:
        """One webhook of this timeline."""
        ...

    async def change(self, timeline_id: TimelineId, webhook_id: WebhookId, changes: WebhookChanges) -> Webhook | None:
        """Change a webhook. A new url and switching on forget its failures; either way of switching forgets `disabled_reason`."""
        ...

    async def remove(self, timeline_id: TimelineId, webhook_id: WebhookId) -> bool:
        """Remove a webhook and all that is known of its deliveries; whether there was one."""
        ...

    async def active(self) -> list[tuple[TimelineId, WebhookId]]:
        """Every webhook that is switched on, and whose it is."""
        ...

    async def due(
        self, holder: str, *, now: datetime, after: WebhookId | None = None, limit: int = 500
    ) -> list[WebhookId]:
        """Webhooks that `holder` could make progress with, by id: switched on, with events left, not resting, not leased to others."""
        ...

    async def lease(self, webhook_id: WebhookId, holder: str, *, now: datetime, until: datetime) -> Leased | None:
        """Take a webhook, to be its only deliverer until then. None when it is off, gone, or another holder's lease has not ended."""
        ...

    async def record(self, webhook_id: WebhookId, holder: str, progress: Progress, *, until: datetime) -> Leased | None:
        """Write progress down and extend the lease; answers the webhook as it is now. None, and nothing written, without the lease."""
        ...

    async def release(self, holder: str, webhook_id: WebhookId) -> None:
        """Give a lease back. Doing it without one changes nothing."""
        ...

    async def next_event(self, timeline_id: TimelineId, *, after: int, types: Sequence[str]) -> Pending:
        """The first event above `after` that has one of these types (any, when there are none), as the log has it at this moment."""
        ...

    async def deliveries(
        self, webhook_id: WebhookId, *, state: DeliveryState | None = None, before: int | None = None, limit: int
    ) -> list[Delivery]:
        """Deliveries, the highest offsets first; `before` is an offset."""
        ...

    async def delivery(self, webhook_id: WebhookId, offset: int) -> Delivery | None:
        """What became of one event."""
        ...

    async def settle(self, webhook_id: WebhookId, delivery: Delivery) -> None:
        """Replace a dead letter by what became of it at another attempt. One that has been removed meanwhile stays removed."""
        ...

    async def discard(self, webhook_id: WebhookId, offset: int) -> bool:
        """Remove a dead letter; whether there was one."""
        ...
