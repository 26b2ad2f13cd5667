"""A courier brings one webhook's events to its receiver, one after the other, in the order of the log.

    wake -> next event after `delivered_up_to` -> attempt -> 2xx: the next one
                      ^                              |
                      +--- pause, read it again <----+ failed (after the last attempt: dead letter, the next one)

It is there while there is something to do, and holds the webhook's lease as long. The event is read from the log before every
attempt: what was deleted meanwhile goes out without its text. A success is written down a moment later, together with those that follow,
a failure at once: whoever dies in between delivers those events once more, under the same `webhook-id`.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from random import Random

import msgspec
import structlog

from actors import Actor, ActorCrashed, Answer, AskFailed, Coalesce, Exit, Mailbox, Message, Pool, handles
from engine.clock import Clock
from engine.domain.events import Event
from engine.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookId, delivery_id
from engine.errors import EngineError, StorageUnavailable
from engine.storage.repositories.webhooks import Leased, Progress, Webhooks
from engine.webhooks.addresses import host_of
from engine.webhooks.postman import Postman, Send, body_of
from engine.webhooks.rests import Rests
from engine.webhooks.retries import Retries
from engine.webhooks.sender import Outcome

log = structlog.get_logger(__name__)

FLUSH_AFTER = 1.0
"""Seconds that a success may wait to be written down with others."""
FLUSH_AT = 50
"""So many are written down at once."""
IDLE = 20.0
"""A courier that has had nothing to do for so many seconds, or has to wait for longer, leaves."""
ELSEWHERE = 5.0
"""Seconds for which a webhook that another process holds is left alone."""
QUEUE_PATIENCE = 60.0
"""Seconds that an attempt waits for a postman, before it joins the queue anew. It does not count as a failure."""
GONE = 410


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every courier of a process is given.

    `holder` names the process; a lease is held for `lease` seconds and renewed in good time. `timeout` is that of an attempt;
    `disable_after` is for how many seconds a receiver may fail without a success before its webhook is switched off.
    """

    webhooks: Webhooks
    postmen: Pool[Postman]
    rests: Rests
    clock: Clock
    random: Random
    monotonic: Callable[[], float]
    holder: str
    lease: float
    timeout: float
    retries: Retries
    disable_after: float


class NotLeased(EngineError):
    """Another process delivers this webhook, or it is off or gone."""

    code = "conflict"


class Wake(Message["Courier", None], frozen=True):
    """There may be something to deliver."""


class Reload(Message["Courier", None], frozen=True):
    """The webhook was changed."""


class _Tick(Message["Courier", None], frozen=True):
    """Keep the lease, or leave."""


class _Flush(Message["Courier", None], frozen=True):
    """Write down what has waited."""


class _Attempted(Message["Courier", None], frozen=True):
    """An attempt has come back."""

    event: Event
    answer: Answer[Outcome]


def _kind(message: Message["Courier", None]) -> str:
    return type(message).__name__


class Courier(Actor):
    """Delivers one webhook. Everything that it does is repeated by the next one if it dies."""

    mailbox = Mailbox(16, overflow=Coalesce(_kind))

    def __init__(self, webhook_id: WebhookId, surroundings: Surroundings) -> None:
        self._id = webhook_id
        self._around = surroundings
        self._leased = False
        self._webhook: Webhook
        self._secret = ""
        self._up_to = 0
        self._attempts = 0
        self._first_attempt_at: datetime | None = None
        self._failing_since: datetime | None = None
        self._next_attempt_at: datetime | None = None
        self._results: dict[int, Delivery] = {}
        self._dirty = False
        self._sending = False
        self._busy_at = 0.0

    # -- life ------------------------------------------------------------------------------------------------------------

    async def started(self) -> None:
        """Take the lease. Refuses with `NotLeased` and `StorageUnavailable`: the next look at what is due tries again."""
        now, around = self._now, self._around
        leased = await around.webhooks.lease(
            self._id, around.holder, now=now, until=now + timedelta(seconds=around.lease)
        )
        if leased is None:
            around.rests.rest(self._id, ELSEWHERE)
            raise NotLeased("this webhook is off, gone, or delivered by another process")
        self._leased = True
        self._webhook, self._secret = leased.webhook, leased.secret
        self._up_to = leased.webhook.delivered_up_to
        self._attempts = leased.webhook.attempts
        self._failing_since = leased.webhook.failing_since
        self._next_attempt_at = leased.webhook.next_attempt_at
        self._busy_at = around.monotonic()
        self.every(around.lease / 3, _Tick())

    async def stopping(self, why: Exit) -> None:
        """Write down what is left, and give the lease back."""
        if self._leased:
            with suppress(StorageUnavailable):
                if self._dirty:
                    await self._record()
                await self._around.webhooks.release(self._around.holder, self._id)

    @handles(_Tick)
    async def tick(self, message: _Tick) -> None:
        """Keep the lease while there is something to do, leave otherwise: not with what it has not written down yet."""
        if not (self._sending or self._dirty) and self._around.monotonic() - self._busy_at >= IDLE:
            self.stop()
        else:
            await self._flush()

    @handles(Wake)
    async def wake(self, message: Wake) -> None:
        """Look at the log."""
        await self._advance()

    @handles(Reload)
    async def reload(self, message: Reload) -> None:
        """Take the change over, and try again."""
        await self._flush()
        await self._advance()

    @handles(_Flush)
    async def flush(self, message: _Flush) -> None:
        """Write down what has waited."""
        if self._dirty:
            await self._flush()

    # -- delivering ------------------------------------------------------------------------------------------------------

    async def _advance(self) -> None:
        """Attempt the next event, unless something is under way or the receiver has time yet."""
        if self._sending or not self._leased or not self._webhook.active or self._rests():
            return
        try:
            pending = await self._around.webhooks.next_event(
                self._webhook.timeline_id, after=self._up_to, types=self._webhook.events
            )
            if pending.event is not None and self._attempts and self._first_attempt_at is None:
                earlier = await self._around.webhooks.delivery(self._id, pending.event.offset)
                self._first_attempt_at = earlier.first_attempt_at if earlier else None
        except StorageUnavailable:
            return  # the next look at what is due wakes this courier again
        if pending.event is not None:
            self._attempt(pending.event)
        elif pending.up_to > self._up_to:
            self._go_on(pending.up_to)
            self._flush_later()

    def _rests(self) -> bool:
        """Whether the next attempt is not due yet. For a long pause the courier leaves: others look after what is due."""
        if self._next_attempt_at is None:
            return False
        left = (self._next_attempt_at - self._now).total_seconds()
        if left <= 0:
            return False
        if left > IDLE:
            self._around.rests.rest(self._id, left)
            self.stop()
        else:
            self.send_after(left, Wake(), key="again")
        return True

    def _attempt(self, event: Event) -> None:
        self._sending = True
        self._busy_at = self._around.monotonic()
        self._first_attempt_at = self._first_attempt_at or self._now
        message_id = delivery_id(self._id, event.offset)
        body = body_of(message_id, self._webhook.timeline_id, event)
        send = Send(self._webhook.url, self._secret, message_id, body)
        postmen = self._around.postmen.keyed(host_of(self._webhook.url))
        self.request(postmen, send, partial(_Attempted, event), timeout=QUEUE_PATIENCE + self._around.timeout)

    @handles(_Attempted)
    async def attempted(self, message: _Attempted) -> None:
        """Go on, wait, or give up."""
        self._sending = False
        self._busy_at = self._around.monotonic()
        outcome = outcome_of(message.answer)
        if outcome is None:
            self.send_after(1.0 + self._around.random.random(), Wake(), key="again")
            return
        self._attempts += 1
        if outcome.error is None:
            self._succeeded(message.event, outcome)
            if len(self._results) >= FLUSH_AT:
                await self._flush()
        else:
            await self._flush(disable=self._failed(message.event, outcome))
        await self._advance()

    def _succeeded(self, event: Event, outcome: Outcome) -> None:
        self._note(event, outcome, DeliveryState.DELIVERED)
        self._failing_since = None
        self._go_on(event.offset)
        self._flush_later()

    def _failed(self, event: Event, outcome: Outcome) -> str | None:
        """Plan the next attempt or none; answers why the webhook is to be switched off, if it is."""
        around, now = self._around, self._now
        self._failing_since = self._failing_since or now
        given_up = self._attempts >= around.retries.attempts and outcome.status != GONE
        self._note(event, outcome, DeliveryState.DEAD if given_up else DeliveryState.RETRYING)
        log.info("webhook.failed", webhook_id=self._id, offset=event.offset, attempts=self._attempts, why=outcome.error)
        if given_up:
            self._go_on(event.offset)
        else:
            pause = around.retries.pause(self._attempts, around.random.random(), outcome.retry_after)
            self._next_attempt_at = now + timedelta(seconds=pause)
            self._dirty = True
        if outcome.status == GONE:
            return "the receiver answered 410 Gone"
        if (now - self._failing_since).total_seconds() >= around.disable_after:
            since = self._failing_since.isoformat(timespec="seconds")
            return f"nothing was delivered since {since}: {outcome.error}"
        return None

    def _note(self, event: Event, outcome: Outcome, state: DeliveryState) -> None:
        now = self._now
        self._results[event.offset] = Delivery(
            id=delivery_id(self._id, event.offset),
            offset=event.offset,
            type=str(event.__struct_config__.tag),
            state=state,
            attempts=self._attempts,
            status_code=outcome.status,
            error=outcome.error,
            duration_ms=round(1000 * outcome.duration),
            first_attempt_at=self._first_attempt_at or now,
            last_attempt_at=now,
        )

    def _go_on(self, offset: int) -> None:
        self._up_to = offset
        self._attempts = 0
        self._first_attempt_at = self._next_attempt_at = None
        self._dirty = True

    # -- writing down ----------------------------------------------------------------------------------------------------

    def _flush_later(self) -> None:
        self.send_after(FLUSH_AFTER, _Flush(), key="flush")

    async def _flush(self, *, disable: str | None = None) -> None:
        """Write down how far it has come, and see what the webhook has become meanwhile. The database away: the next tick does it."""
        try:
            leased = await self._record(disable)
        except StorageUnavailable:
            return
        if leased is None:
            self._leased = False
            self._around.rests.rest(self._id, ELSEWHERE)
            self.stop()
            return
        if leased.webhook.url != self._webhook.url:
            self._attempts, self._failing_since, self._next_attempt_at = 0, None, None
            self.cancel_timer("again")
        self._webhook, self._secret = leased.webhook, leased.secret
        if disable is not None:
            log.warning("webhook.disabled", webhook_id=self._id, reason=disable)
        if not leased.webhook.active:
            self.stop()

    async def _record(self, disable: str | None = None) -> Leased | None:
        results = tuple(self._results.values())
        progress = Progress(
            delivered_up_to=self._up_to,
            attempts=self._attempts,
            failing_since=self._failing_since,
            next_attempt_at=self._next_attempt_at,
            deliveries=results,
            disable=disable,
        )
        until = self._now + timedelta(seconds=self._around.lease)
        leased = await self._around.webhooks.record(self._id, self._around.holder, progress, until=until)
        self._results.clear()
        self._dirty = False
        return leased

    @property
    def _now(self) -> datetime:
        return self._around.clock.now()


def outcome_of(answer: Answer[Outcome]) -> Outcome | None:
    """What an attempt came to; None when none was made: nobody was free, or everything stops."""
    match answer.error:
        case None:
            return answer.result()
        case ActorCrashed():
            return Outcome(error="the request could not be made")
        case AskFailed():
            return None
        case error:
            raise error
