"""A room's webhooks, for its owners and for administrators."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from engine.domain.fields import TimelineId
from engine.domain.people import Principal
from engine.domain.webhooks import Delivery, DeliveryState, NewWebhook, Webhook, WebhookChanges, WebhookId
from engine.engine import Engine
from gateway.rest.endpoints import Endpoint, delete, get, patch, post
from gateway.rest.pages import Limit, Offset, Page


class CreatedWebhook(msgspec.Struct, frozen=True):
    """A new webhook. `secret` verifies its signatures, and is told this once."""

    webhook: Webhook
    secret: Annotated[str, Meta(description="`whsec_` and base64; Standard Webhooks")]


class PingResult(msgspec.Struct, frozen=True):
    """What came of a ping. `error` is null when the receiver answered with a 2xx status."""

    delivered: bool
    status_code: int | None
    error: str | None
    duration_ms: int


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deliveries below an offset."""

    before: Offset | None = None
    limit: Limit = 50


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, the highest offsets first; `next_before` is the cursor of the next page, null on the last."""

    items: list[Delivery]
    next_before: int | None = None


async def create_webhook(engine: Engine, by: Principal, room_id: TimelineId, body: NewWebhook) -> CreatedWebhook:
    """Have a room's events posted to a URL, from now on. Without `events`, all of them."""
    webhook, secret = await engine.webhooks.create(by, room_id, body)
    return CreatedWebhook(webhook, secret)


async def list_webhooks(engine: Engine, by: Principal, room_id: TimelineId) -> Page[Webhook]:
    """The webhooks of a room."""
    return Page(await engine.webhooks.of_room(by, room_id))


async def read_webhook(engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> Webhook:
    """One webhook: whether it is on, how far it has come, and whether it fails."""
    return await engine.webhooks.read(by, room_id, webhook_id)


async def change_webhook(
    engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId, body: WebhookChanges
) -> Webhook:
    """Change a webhook. `active: true` switches one on again that was switched off; it goes on where it stopped."""
    return await engine.webhooks.change(by, room_id, webhook_id, body)


async def remove_webhook(engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> None:
    """Remove a webhook, and its dead letters with it."""
    await engine.webhooks.remove(by, room_id, webhook_id)


async def test_webhook(engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> PingResult:
    """Send a `ping` now, also when the webhook is off, and tell what came of it."""
    outcome = await engine.webhooks.ping(by, room_id, webhook_id)
    return PingResult(outcome.error is None, outcome.status, outcome.error, round(1000 * outcome.duration))


async def list_deliveries(
    engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId, query: DeliveryQuery
) -> DeliveryPage:
    """Recent deliveries: the last 100 that succeeded, the one that is being retried, and the dead letters."""
    found = await engine.webhooks.deliveries(by, room_id, webhook_id, before=query.before, limit=query.limit + 1)
    return _page(found, query.limit)


async def list_dead_letters(
    engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId, query: DeliveryQuery
) -> DeliveryPage:
    """The events that were given up after the last attempt, at most 1,000."""
    found = await engine.webhooks.deliveries(
        by, room_id, webhook_id, state=DeliveryState.DEAD, before=query.before, limit=query.limit + 1
    )
    return _page(found, query.limit)


async def retry_dead_letter(
    engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId, delivery_id: str
) -> Delivery:
    """Attempt a dead letter once more, now, under its old `webhook-id`; `state` tells whether it was taken."""
    return await engine.webhooks.retry(by, room_id, webhook_id, delivery_id)


async def remove_dead_letter(
    engine: Engine, by: Principal, room_id: TimelineId, webhook_id: WebhookId, delivery_id: str
) -> None:
    """Forget a dead letter."""
    await engine.webhooks.discard(by, room_id, webhook_id, delivery_id)


def _page(found: list[Delivery], limit: int) -> DeliveryPage:
    """The page made of what was read with a limit one higher."""
    items = found[:limit]
    return DeliveryPage(items, items[-1].offset if len(found) > limit else None)


_TAG: Final = "Webhooks"
_ALL: Final = "/rooms/{room_id}/webhooks"
_ONE: Final = _ALL + "/{webhook_id}"
_DEAD: Final = _ONE + "/dead-letters"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    post(_ALL, create_webhook, tag=_TAG, status=201, problems=("forbidden", "conflict")),
    get(_ALL, list_webhooks, tag=_TAG, problems=("forbidden",)),
    get(_ONE, read_webhook, tag=_TAG, problems=("forbidden",)),
    patch(_ONE, change_webhook, tag=_TAG, problems=("forbidden",)),
    delete(_ONE, remove_webhook, tag=_TAG, problems=("forbidden",)),
    post(_ONE + "/test", test_webhook, tag=_TAG, problems=("forbidden",)),
    get(_ONE + "/deliveries", list_deliveries, tag=_TAG, problems=("forbidden",)),
    get(_DEAD, list_dead_letters, tag=_TAG, problems=("forbidden",)),
    post(_DEAD + "/{delivery_id}/retry", retry_dead_letter, tag=_TAG, problems=("forbidden",)),
    delete(_DEAD + "/{delivery_id}", remove_dead_letter, tag=_TAG, problems=("forbidden",)),
)
