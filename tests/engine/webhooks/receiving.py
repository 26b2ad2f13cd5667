"""Receivers that do what a test says, a clock in virtual time, and engines that deliver to them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import anyio
import msgspec

from engine.clock import SystemClock
from engine.domain.fields import TimelineId
from engine.domain.people import Principal
from engine.domain.webhooks import Delivery, NewWebhook, Webhook
from engine.engine import Engine
from engine.storage.repositories import Storage
from engine.webhooks.sender import Outcome
from tests.engine.timelines.acting import settings

START = datetime(2030, 1, 1, tzinfo=UTC)
OK = Outcome(status=200)
BROKEN = Outcome(status=500, error="answered 500")

Answering = Callable[[str, int], Awaitable[Outcome]]
"""Told the URL and how many attempts there have been, this one included."""


class VirtualClock(SystemClock):
    """The time of day as the event loop's clock has it."""

    def now(self) -> datetime:
        return START + timedelta(seconds=anyio.current_time())


class Receivers:
    """Everything outside. Keeps the bodies of what was taken, by URL, and the times of all attempts."""

    def __init__(self, answer: Answering | None = None) -> None:
        self.answer = answer or self.take
        self.taken: dict[str, list[dict[str, Any]]] = {}
        self.attempts: list[tuple[float, str, str]] = []

    async def take(self, _url: str, _number: int) -> Outcome:
        return OK

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.attempts.append((anyio.current_time(), url, headers["webhook-id"]))
        outcome = await self.answer(url, len(self.attempts))
        if outcome.error is None:
            self.taken.setdefault(url, []).append(msgspec.json.decode(body))
        return outcome

    def offsets(self, url: str) -> list[int]:
        return [body["event"]["offset"] for body in self.taken.get(url, [])]

    def texts(self, url: str) -> list[str]:
        return [body["event"]["message"]["text"] for body in self.taken.get(url, [])]

    def pauses(self) -> list[float]:
        times = [time for time, _, _ in self.attempts]
        return [later - earlier for earlier, later in pairwise(times)]


@asynccontextmanager
async def delivering(storage: Storage, receivers: Receivers, **changes: Any) -> AsyncIterator[Engine]:
    """An engine on a storage that is open already, whose webhooks reach these receivers."""
    async with Engine.open(
        settings(**changes), storage=storage, seed=0, clock=VirtualClock(), webhook_sender=receivers
    ) as engine:
        yield engine


async def hooked(
    engine: Engine, by: Principal, room_id: TimelineId, url: str = "https://a.example/", *events: str
) -> Webhook:
    webhook, _ = await engine.webhooks.create(by, room_id, NewWebhook(url=url, events=list(events)))
    return webhook


async def deliveries(engine: Engine, by: Principal, webhook: Webhook) -> list[Delivery]:
    return await engine.webhooks.deliveries(by, webhook.timeline_id, webhook.id, limit=100)


async def fresh(engine: Engine, by: Principal, webhook: Webhook) -> Webhook:
    return await engine.webhooks.read(by, webhook.timeline_id, webhook.id)
