"""What the doors ask about webhooks, and what starts the couriers: the feed of commits, and a look at what is due now and then.

The feed is fast and knows only this process; the look finds what the feed has missed: events from before the start, rooms that live
in another process, receivers whose pause is over.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Self

import msgspec

from actors import Activation, ActorSystem, AskFailed, Limits, Pool, Ref, Supervisor, VirtualActors
from engine.clock import Clock
from engine.domain.fields import TimelineId
from engine.domain.people import Principal
from engine.domain.webhooks import (
    EVENT_TYPES,
    MAX_PER_ROOM,
    Delivery,
    DeliveryState,
    NewWebhook,
    Webhook,
    WebhookChanges,
    WebhookId,
    delivery_offset,
)
from engine.errors import Conflict, FieldError, InvalidRequest, NotFound, Overloaded
from engine.settings import Settings
from engine.storage.repositories import Storage
from engine.storage.repositories.webhooks import Leased
from engine.timelines.commands import Manage
from engine.timelines.feed import Feed, News
from engine.timelines.room import RoomActor
from engine.webhooks.addresses import check_url, host_of
from engine.webhooks.courier import Courier, Reload, Surroundings, Wake
from engine.webhooks.postman import Postman, Send, body_of
from engine.webhooks.rests import Rests
from engine.webhooks.retries import Retries
from engine.webhooks.sender import HttpSender, Outcome, Sender
from engine.webhooks.signature import new_secret

POSTMEN = "postmen"
COURIERS = "couriers"
PAGE = 500
FAREWELL = 1.0
"""How long attempts under way may take to end when the server stops, in seconds; those cut short are made again."""
IDLE_AFTER = 300.0
"""Couriers leave by themselves; this is for those that cannot."""


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`concurrency` requests at a time, `per_host` to one host. Times in seconds: see `courier.Surroundings`."""

    allow_private: bool = False
    timeout: float = 10.0
    concurrency: int = 32
    per_host: int = 4
    lease: float = 30.0
    disable_after: float = 86_400.0
    retries: Retries = Retries()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say of webhooks."""
        return cls(
            allow_private=settings.webhook_allow_private,
            timeout=settings.webhook_timeout,
            concurrency=settings.webhook_concurrency,
            per_host=settings.webhook_concurrency_per_host,
            lease=settings.webhook_lease,
            disable_after=3600 * settings.webhook_disable_hours,
            retries=Retries(attempts=settings.webhook_attempts, initial=settings.webhook_retry_delay),
        )


class Webhooks:
    """The webhooks of every room, for the doors. `NotFound` and `Forbidden` as the room says it of its owners' affairs."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        settings: WebhookSettings,
        *,
        supervisor: Supervisor,
        postmen: Pool[Postman],
        couriers: VirtualActors[Courier],
        rests: Rests,
        holder: str,
        room: Callable[[TimelineId], Ref[RoomActor]],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._settings = settings
        self._supervisor = supervisor
        self._postmen = postmen
        self._couriers = couriers
        self._rests = rests
        self._holder = holder
        self._room = room
        self._by_timeline: dict[TimelineId, set[WebhookId]] = {}

    @classmethod
    async def start(
        cls,
        system: ActorSystem,
        storage: Storage,
        clock: Clock,
        settings: WebhookSettings,
        *,
        feed: Feed,
        room: Callable[[TimelineId], Ref[RoomActor]],
        start_limit: float,
        seed: int | None = None,
        sender: Sender | None = None,
    ) -> "Webhooks":
        """Start the postmen and the couriers' family in this system, and listen to the feed. `sender` stands in for HTTP."""
        sender = sender or HttpSender(
            timeout=settings.timeout, allow_private=settings.allow_private, now=clock.now, monotonic=system.clock
        )
        making = sender
        supervisor = await system.supervisor("webhooks")
        postmen = await supervisor.pool(
            lambda: Postman(making, clock), POSTMEN, size=settings.concurrency, queue=10_000, per_key=settings.per_host
        )
        rests, holder = Rests(system.clock), clock.new_id()
        surroundings = Surroundings(
            webhooks=storage.webhooks,
            postmen=postmen,
            rests=rests,
            clock=clock,
            random=Random(seed),  # noqa: S311 - jitter, not secrets
            monotonic=system.clock,
            holder=holder,
            lease=settings.lease,
            timeout=settings.timeout,
            retries=settings.retries,
            disable_after=settings.disable_after,
        )

        def courier(key: str) -> Courier:
            return Courier(WebhookId(key), surroundings)

        activation = Activation(idle_after=IDLE_AFTER, limits=Limits(start=start_limit))
        couriers = await supervisor.virtual(courier, COURIERS, mailbox=Courier.mailbox, activation=activation)
        webhooks = cls(
            storage,
            clock,
            settings,
            supervisor=supervisor,
            postmen=postmen,
            couriers=couriers,
            rests=rests,
            holder=holder,
            room=room,
        )
        feed.watch(webhooks._hear)
        return webhooks

    # -- starting the couriers -------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        """A timeline has committed something. In its turn: nothing is waited for, and nothing raised."""
        for webhook_id in self._by_timeline.get(news.timeline_id, ()):
            if webhook_id not in self._rests:
                self._wake(webhook_id)

    async def check(self) -> None:
        """Wake the couriers of all webhooks that have something to do. `StorageUnavailable`: the next look does it."""
        self._rests.sweep()
        after: WebhookId | None = None
        while True:
            due = await self._storage.webhooks.due(self._holder, now=self._clock.now(), after=after, limit=PAGE)
            for webhook_id in due:
                self._rests.end(webhook_id)
                self._wake(webhook_id)
            if len(due) < PAGE:
                return
            after = due[-1]

    async def learn(self) -> None:
        """Learn which rooms have webhooks, those made in other processes included."""
        by_timeline: defaultdict[TimelineId, set[WebhookId]] = defaultdict(set)
        for timeline_id, webhook_id in await self._storage.webhooks.active():
            by_timeline[timeline_id].add(webhook_id)
        self._by_timeline = dict(by_timeline)

    def _wake(self, webhook_id: WebhookId) -> None:
        with suppress(AskFailed):  # stopping, or quarantined: the log keeps what is to be delivered
            self._couriers.ref(webhook_id).tell(Wake())

    async def close(self) -> None:
        """Let the attempts under way end, or cut them short, and give the leases back: another process goes on at once."""
        await self._supervisor.stop_child(POSTMEN, drain=True, grace=FAREWELL)
        await self._supervisor.stop_child(COURIERS, drain=True, grace=FAREWELL)

    # -- what owners do --------------------------------------------------------------------------------------------------

    async def create(self, by: Principal, room_id: TimelineId, new: NewWebhook) -> tuple[Webhook, str]:
        """Add a webhook, and answer it with its secret, which is not told again. It gets what happens from now on.

        `InvalidRequest` for a url or an event type that cannot be, `Conflict` when the room has all it may have, or is archived.
        """
        room = await self._room(room_id).ask(Manage(by))
        if room.archived_at is not None:
            raise Conflict("the room is archived")
        self._check(new.url, new.events)
        webhook = Webhook(
            id=WebhookId(self._clock.new_id()),
            timeline_id=room_id,
            url=new.url,
            events=list(dict.fromkeys(new.events)),
            description=new.description,
            created_by=by.id,
            created_at=self._clock.now(),
        )
        secret = new_secret(secrets.token_bytes)
        added = await self._storage.webhooks.add(webhook, secret, limit=MAX_PER_ROOM)
        if added is None:
            raise Conflict(f"a room has at most {MAX_PER_ROOM} webhooks")
        self._by_timeline.setdefault(room_id, set()).add(added.id)
        self._wake(added.id)  # for what came between the transaction and this line
        return added, secret

    async def of_room(self, by: Principal, room_id: TimelineId) -> list[Webhook]:
        """The webhooks of a room, by id."""
        await self._room(room_id).ask(Manage(by))
        return await self._storage.webhooks.of_timeline(room_id)

    async def read(self, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> Webhook:
        """One webhook."""
        return (await self._find(by, room_id, webhook_id)).webhook

    async def change(
        self, by: Principal, room_id: TimelineId, webhook_id: WebhookId, changes: WebhookChanges
    ) -> Webhook:
        """Change a webhook. An attempt that is under way ends as it began."""
        await self._find(by, room_id, webhook_id)
        url = None if isinstance(changes.url, msgspec.UnsetType) else changes.url
        events = None if isinstance(changes.events, msgspec.UnsetType) else list(dict.fromkeys(changes.events))
        self._check(url, events or ())
        if events is not None:
            changes = msgspec.structs.replace(changes, events=events)
        changed = await self._storage.webhooks.change(room_id, webhook_id, changes)
        if changed is None:
            raise _no_such_webhook()
        self._rests.end(webhook_id)
        if changed.active:
            self._by_timeline.setdefault(room_id, set()).add(webhook_id)
        with suppress(AskFailed):
            self._couriers.ref(webhook_id).tell(Reload())
        return changed

    async def remove(self, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> None:
        """Remove a webhook with its dead letters. An attempt that is under way ends as it began."""
        await self._find(by, room_id, webhook_id)
        await self._storage.webhooks.remove(room_id, webhook_id)
        self._by_timeline.get(room_id, set()).discard(webhook_id)

    async def ping(self, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> Outcome:
        """Send a `ping`, outside the order of events and whether or not the webhook is on; tells what came of it."""
        found = await self._find(by, room_id, webhook_id)
        message_id = f"msg_{self._clock.new_id().replace('-', '')}"
        ping = {"id": message_id, "type": "ping", "timeline_id": room_id, "event": {"type": "ping"}}
        return await self._send(found, message_id, msgspec.json.encode(ping))

    # -- deliveries ------------------------------------------------------------------------------------------------------

    async def deliveries(
        self,
        by: Principal,
        room_id: TimelineId,
        webhook_id: WebhookId,
        *,
        state: DeliveryState | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[Delivery]:
        """What became of recent events, the latest first."""
        await self._find(by, room_id, webhook_id)
        return await self._storage.webhooks.deliveries(webhook_id, state=state, before=before, limit=limit)

    async def retry(self, by: Principal, room_id: TimelineId, webhook_id: WebhookId, given: str) -> Delivery:
        """Attempt a dead letter once more, now, out of order; answers what became of it."""
        found = await self._find(by, room_id, webhook_id)
        dead = await self._dead_letter(webhook_id, given)
        events = await self._storage.log.events(room_id, after=dead.offset - 1, limit=1)
        if not events or events[0].offset != dead.offset:
            raise NotFound("the event of this dead letter is not in the log any more")
        outcome = await self._send(found, dead.id, body_of(dead.id, room_id, events[0]))
        settled = msgspec.structs.replace(
            dead,
            state=DeliveryState.DELIVERED if outcome.error is None else DeliveryState.DEAD,
            attempts=dead.attempts + 1,
            status_code=outcome.status,
            error=outcome.error,
            duration_ms=round(1000 * outcome.duration),
            last_attempt_at=self._clock.now(),
        )
        await self._storage.webhooks.settle(webhook_id, settled)
        return settled

    async def discard(self, by: Principal, room_id: TimelineId, webhook_id: WebhookId, given: str) -> None:
        """Remove a dead letter."""
        await self._find(by, room_id, webhook_id)
        dead = await self._dead_letter(webhook_id, given)
        await self._storage.webhooks.discard(webhook_id, dead.offset)

    async def _find(self, by: Principal, room_id: TimelineId, webhook_id: WebhookId) -> Leased:
        await self._room(room_id).ask(Manage(by))
        found = await self._storage.webhooks.get(room_id, webhook_id)
        if found is None:
            raise _no_such_webhook()
        return found

    async def _dead_letter(self, webhook_id: WebhookId, given: str) -> Delivery:
        offset = delivery_offset(webhook_id, given)
        found = None if offset is None else await self._storage.webhooks.delivery(webhook_id, offset)
        if found is None or found.state is not DeliveryState.DEAD:
            raise NotFound("there is no such dead letter")
        return found

    async def _send(self, found: Leased, message_id: str, body: bytes) -> Outcome:
        url = found.webhook.url
        send = Send(url, found.secret, message_id, body)
        try:
            return await self._postmen.ask(send, key=host_of(url), timeout=self._settings.timeout + 5.0)
        except AskFailed:
            raise Overloaded("too many requests to this host are under way", retry_after=10.0) from None

    def _check(self, url: str | None, events: "list[str] | tuple[str, ...]") -> None:
        if url is not None:
            check_url(url, allow_private=self._settings.allow_private)
        unknown = [
            FieldError(f"events.{index}", "is not a type of a room's events")
            for index, each in enumerate(events)
            if each not in EVENT_TYPES
        ]
        if unknown:
            known = ", ".join(sorted(EVENT_TYPES))
            raise InvalidRequest(f"events: the types of a room's events are {known}", tuple(unknown))


def _no_such_webhook() -> NotFound:
    return NotFound("there is no such webhook in this room")
