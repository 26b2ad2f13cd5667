"""Webhooks and their deliveries."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.fields import TimelineId
from engine.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookChanges, WebhookId
from engine.storage.memory.state import Hook, State
from engine.storage.repositories.webhooks import DEAD_LETTERS, RECENT, Leased, Pending, Progress


class MemoryWebhooks:
    """See `repositories.Webhooks`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, webhook: Webhook, secret: str, *, limit: int) -> Webhook | None:
        await self._state.enter()
        if len(self._of(webhook.timeline_id)) >= limit:
            return None
        added = replace(webhook, delivered_up_to=self._head(webhook.timeline_id))
        self._state.webhooks[webhook.id] = Hook(added, secret)
        return added

    async def of_timeline(self, timeline_id: TimelineId) -> list[Webhook]:
        await self._state.enter()
        return sorted((hook.webhook for hook in self._of(timeline_id)), key=lambda webhook: webhook.id)

    async def get(self, timeline_id: TimelineId, webhook_id: WebhookId) -> Leased | None:
        await self._state.enter()
        hook = self._find(timeline_id, webhook_id)
        return Leased(hook.webhook, hook.secret) if hook else None

    async def change(self, timeline_id: TimelineId, webhook_id: WebhookId, changes: WebhookChanges) -> Webhook | None:
        await self._state.enter()
        hook = self._find(timeline_id, webhook_id)
        if hook is None:
            return None
        hook.webhook = changed(hook.webhook, changes)
        return hook.webhook

    async def remove(self, timeline_id: TimelineId, webhook_id: WebhookId) -> bool:
        await self._state.enter()
        if self._find(timeline_id, webhook_id) is None:
            return False
        del self._state.webhooks[webhook_id]
        return True

    async def active(self) -> list[tuple[TimelineId, WebhookId]]:
        await self._state.enter()
        webhooks = (hook.webhook for hook in self._state.webhooks.values())
        return [(webhook.timeline_id, webhook.id) for webhook in webhooks if webhook.active]

    async def due(
        self, holder: str, *, now: datetime, after: WebhookId | None = None, limit: int = 500
    ) -> list[WebhookId]:
        await self._state.enter()
        found = sorted(
            hook.webhook.id
            for hook in self._state.webhooks.values()
            if hook.webhook.active
            and (hook.webhook.next_attempt_at is None or hook.webhook.next_attempt_at <= now)
            and self._free(hook, holder, now)
            and self._head(hook.webhook.timeline_id) > hook.webhook.delivered_up_to
        )
        return [webhook_id for webhook_id in found if after is None or webhook_id > after][:limit]

    async def lease(self, webhook_id: WebhookId, holder: str, *, now: datetime, until: datetime) -> Leased | None:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        if hook is None or not hook.webhook.active or not self._free(hook, holder, now):
            return None
        hook.holder, hook.until = holder, until
        return Leased(hook.webhook, hook.secret)

    async def record(self, webhook_id: WebhookId, holder: str, progress: Progress, *, until: datetime) -> Leased | None:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        if hook is None or hook.holder != holder:
            return None
        hook.until = until
        hook.webhook = replace(
            hook.webhook,
            delivered_up_to=progress.delivered_up_to,
            attempts=progress.attempts,
            failing_since=progress.failing_since,
            next_attempt_at=progress.next_attempt_at,
        )
        if progress.disable is not None:
            hook.webhook = replace(hook.webhook, active=False, disabled_reason=progress.disable)
        hook.deliveries |= {delivery.offset: delivery for delivery in progress.deliveries}
        _trim(hook, DeliveryState.DELIVERED, RECENT)
        _trim(hook, DeliveryState.DEAD, DEAD_LETTERS)
        return Leased(hook.webhook, hook.secret)

    async def release(self, holder: str, webhook_id: WebhookId) -> None:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        if hook is not None and hook.holder == holder:
            hook.holder = hook.until = None

    async def next_event(self, timeline_id: TimelineId, *, after: int, types: Sequence[str]) -> Pending:
        await self._state.enter()
        timeline = self._state.timelines[timeline_id]
        for offset in timeline.offsets:
            event = timeline.events[offset]
            if offset > after and (not types or event.__struct_config__.tag in types):
                return Pending(event, offset)
        return Pending(None, max(after, timeline.head))

    async def deliveries(
        self, webhook_id: WebhookId, *, state: DeliveryState | None = None, before: int | None = None, limit: int
    ) -> list[Delivery]:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        found = [
            delivery
            for delivery in (hook.deliveries.values() if hook else ())
            if (state is None or delivery.state is state) and (before is None or delivery.offset < before)
        ]
        return sorted(found, key=lambda delivery: -delivery.offset)[:limit]

    async def delivery(self, webhook_id: WebhookId, offset: int) -> Delivery | None:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        return hook.deliveries.get(offset) if hook else None

    async def settle(self, webhook_id: WebhookId, delivery: Delivery) -> None:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        known = hook.deliveries.get(delivery.offset) if hook else None
        if hook is not None and known is not None and known.state is DeliveryState.DEAD:
            hook.deliveries[delivery.offset] = delivery

    async def discard(self, webhook_id: WebhookId, offset: int) -> bool:
        await self._state.enter()
        hook = self._state.webhooks.get(webhook_id)
        known = hook.deliveries.get(offset) if hook else None
        if hook is None or known is None or known.state is not DeliveryState.DEAD:
            return False
        del hook.deliveries[offset]
        return True

    def _of(self, timeline_id: TimelineId) -> list[Hook]:
        return [hook for hook in self._state.webhooks.values() if hook.webhook.timeline_id == timeline_id]

    def _find(self, timeline_id: TimelineId, webhook_id: WebhookId) -> Hook | None:
        hook = self._state.webhooks.get(webhook_id)
        return hook if hook is not None and hook.webhook.timeline_id == timeline_id else None

    def _head(self, timeline_id: TimelineId) -> int:
        return self._state.timelines[timeline_id].head

    @staticmethod
    def _free(hook: Hook, holder: str, now: datetime) -> bool:
        return hook.until is None or hook.until <= now or hook.holder == holder


def changed(webhook: Webhook, changes: WebhookChanges) -> Webhook:
    """A webhook after some changes."""
    given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
    if "active" in given:
        given["disabled_reason"] = None
    if given.get("active") or given.get("url", webhook.url) != webhook.url:
        given |= {"attempts": 0, "failing_since": None, "next_attempt_at": None}
    return replace(webhook, **given)


def _trim(hook: Hook, state: DeliveryState, kept: int) -> None:
    offsets = sorted(offset for offset, delivery in hook.deliveries.items() if delivery.state is state)
    for offset in offsets[: max(0, len(offsets) - kept)]:
        del hook.deliveries[offset]
