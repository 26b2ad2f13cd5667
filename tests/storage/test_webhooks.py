"""Webhooks: their leases, how far they have come, and what became of their deliveries."""

import anyio
import pytest
from msgspec.structs import replace

from engine.domain.events import Event
from engine.domain.fields import TimelineId
from engine.domain.people import Participant
from engine.domain.rooms import Room
from engine.domain.webhooks import Delivery, DeliveryState, Webhook, WebhookChanges, WebhookId, delivery_id
from engine.storage.repositories import Leased, Pending, Progress, Storage
from engine.storage.repositories.webhooks import DEAD_LETTERS, RECENT
from tests.storage.conftest import Connect
from tests.storage.made import NOON, a_message, append, at, claim, deleted, joined, new_id, open_room, posted

pytestmark = pytest.mark.anyio

NOWHERE = WebhookId("0190a000-0000-7000-8000-000000000000")


@pytest.fixture
async def room(storage: Storage, ada: Participant) -> Room:
    return await open_room(storage, ada)


def a_webhook(room: Room, **fields: object) -> Webhook:
    values = {"url": "https://example.org/hook", "created_by": room.created_by, "created_at": NOON} | fields
    return Webhook(id=WebhookId(new_id()), timeline_id=room.id, **values)  # type: ignore[arg-type]


async def added(storage: Storage, room: Room, **fields: object) -> Webhook:
    webhook = await storage.webhooks.add(a_webhook(room, **fields), "whsec_AAAA", limit=10)
    assert webhook is not None
    return webhook


def a_delivery(webhook: Webhook, offset: int, state: DeliveryState = DeliveryState.DELIVERED) -> Delivery:
    return Delivery(
        id=delivery_id(webhook.id, offset),
        offset=offset,
        type="message.posted",
        state=state,
        attempts=1,
        status_code=200,
        duration_ms=12,
        first_attempt_at=at(1),
        last_attempt_at=at(2),
    )


async def leased(storage: Storage, webhook: Webhook, holder: str = "a") -> Leased:
    found = await storage.webhooks.lease(webhook.id, holder, now=NOON, until=at(30))
    assert found is not None
    return found


async def test_a_new_webhook_starts_after_the_last_event_and_is_found_with_its_secret(
    storage: Storage, room: Room
) -> None:
    given = a_webhook(room, events=["message.posted", "member.joined"], description="bot")

    webhook = await storage.webhooks.add(given, "whsec_AAAA", limit=10)

    assert webhook == replace(given, delivered_up_to=1)
    assert await storage.webhooks.get(room.id, given.id) == Leased(webhook, "whsec_AAAA")
    assert await storage.webhooks.of_timeline(room.id) == [webhook]
    assert await storage.webhooks.active() == [(room.id, given.id)]


async def test_a_webhook_of_another_room_is_not_found(storage: Storage, room: Room, ada: Participant) -> None:
    other = await open_room(storage, ada)
    webhook = await added(storage, room)

    assert await storage.webhooks.get(other.id, webhook.id) is None
    assert await storage.webhooks.change(other.id, webhook.id, WebhookChanges(active=False)) is None
    assert not await storage.webhooks.remove(other.id, webhook.id)
    assert await storage.webhooks.of_timeline(other.id) == []


async def test_of_many_at_once_only_so_many_are_added_as_a_room_may_have(storage: Storage, room: Room) -> None:
    results: list[Webhook | None] = []

    async def add() -> None:
        results.append(await storage.webhooks.add(a_webhook(room), "whsec_AAAA", limit=3))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(add)

    assert sum(each is not None for each in results) == len(await storage.webhooks.of_timeline(room.id)) == 3


async def test_changes_keep_what_they_do_not_name(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room, description="bot")

    changed = await storage.webhooks.change(room.id, webhook.id, WebhookChanges(events=["member.left"]))
    unchanged = await storage.webhooks.change(room.id, webhook.id, WebhookChanges())

    assert changed == unchanged == replace(webhook, events=["member.left"])


@pytest.mark.parametrize("changes", [WebhookChanges(active=True), WebhookChanges(url="https://example.org/other")])
async def test_switching_on_and_a_new_url_forget_the_failures(
    storage: Storage, room: Room, changes: WebhookChanges
) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook)
    failing = Progress(delivered_up_to=1, attempts=2, failing_since=NOON, next_attempt_at=at(60), disable="gone")
    disabled = await storage.webhooks.record(webhook.id, "a", failing, until=at(30))
    assert disabled is not None
    assert (disabled.webhook.active, disabled.webhook.disabled_reason, disabled.webhook.attempts) == (False, "gone", 2)

    changed = await storage.webhooks.change(room.id, webhook.id, changes)

    assert changed is not None
    assert (changed.attempts, changed.failing_since, changed.next_attempt_at) == (0, None, None)
    assert changed.active is (changes.active is True)
    assert changed.disabled_reason == (None if changes.active is True else "gone")


async def test_a_removed_webhook_leaves_nothing_behind(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook)
    progress = Progress(delivered_up_to=2, deliveries=[a_delivery(webhook, 2)])
    await storage.webhooks.record(webhook.id, "a", progress, until=at(30))

    assert await storage.webhooks.remove(room.id, webhook.id)

    assert not await storage.webhooks.remove(room.id, webhook.id)
    assert await storage.webhooks.deliveries(webhook.id, limit=10) == []
    assert await storage.webhooks.record(webhook.id, "a", progress, until=at(30)) is None
    assert await storage.webhooks.lease(webhook.id, "a", now=NOON, until=at(30)) is None


async def test_a_lease_keeps_others_out_until_it_ends_or_is_given_back(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook, "a")

    assert await storage.webhooks.lease(webhook.id, "b", now=at(29), until=at(60)) is None
    assert await storage.webhooks.lease(webhook.id, "a", now=at(1), until=at(31)) is not None
    await storage.webhooks.release("b", webhook.id)
    assert await storage.webhooks.lease(webhook.id, "b", now=at(29), until=at(60)) is None
    assert await storage.webhooks.lease(webhook.id, "b", now=at(31), until=at(60)) is not None
    await storage.webhooks.release("b", webhook.id)
    assert await storage.webhooks.lease(webhook.id, "c", now=at(32), until=at(60)) is not None


async def test_of_several_processes_one_gets_the_lease(storage: Storage, connect: Connect, room: Room) -> None:
    webhook = await added(storage, room)
    winners: list[str] = []

    async def lease(opened: Storage, holder: str) -> None:
        if await opened.webhooks.lease(webhook.id, holder, now=NOON, until=at(30)) is not None:
            winners.append(holder)

    async with connect() as other, anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(lease, (storage, other)[number % 2], f"holder {number}")

    assert len(winners) == 1


async def test_who_has_lost_the_lease_can_write_nothing_down(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook, "a")
    await storage.webhooks.lease(webhook.id, "b", now=at(31), until=at(60))
    late = Progress(delivered_up_to=5, deliveries=[a_delivery(webhook, 5)])

    assert await storage.webhooks.record(webhook.id, "a", late, until=at(90)) is None

    assert await storage.webhooks.get(room.id, webhook.id) == Leased(webhook, "whsec_AAAA")
    assert await storage.webhooks.deliveries(webhook.id, limit=10) == []


async def test_progress_is_written_down_and_extends_the_lease(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook, "a")
    progress = Progress(
        delivered_up_to=4,
        attempts=1,
        failing_since=at(3),
        next_attempt_at=at(63),
        deliveries=[a_delivery(webhook, 4), a_delivery(webhook, 5, DeliveryState.RETRYING)],
    )

    answer = await storage.webhooks.record(webhook.id, "a", progress, until=at(100))

    now = replace(webhook, delivered_up_to=4, attempts=1, failing_since=at(3), next_attempt_at=at(63))
    assert answer == await storage.webhooks.get(room.id, webhook.id) == Leased(now, "whsec_AAAA")
    assert await storage.webhooks.lease(webhook.id, "b", now=at(99), until=at(200)) is None
    assert await storage.webhooks.deliveries(webhook.id, limit=10) == [
        a_delivery(webhook, 5, DeliveryState.RETRYING),
        a_delivery(webhook, 4),
    ]


async def test_due_are_those_with_events_left_that_are_on_rested_and_free(
    storage: Storage, room: Room, ada: Participant
) -> None:
    quiet = await open_room(storage, ada)
    await added(storage, quiet)
    idle, off, resting, others = [await added(storage, room) for _ in range(4)]
    claimed = await claim(storage, room)
    await append(storage, claimed, posted(a_message(room, 2, ada)))
    await storage.webhooks.change(room.id, off.id, WebhookChanges(active=False))
    await leased(storage, resting, "a")
    await storage.webhooks.record(resting.id, "a", Progress(delivered_up_to=1, next_attempt_at=at(60)), until=at(30))
    await leased(storage, others, "b")
    fresh = await added(storage, room)  # it begins after the message

    async def due(holder: str, seconds: float) -> list[WebhookId]:
        return await storage.webhooks.due(holder, now=at(seconds))

    assert await due("a", 1) == [idle.id]
    assert await due("b", 1) == [idle.id, others.id]
    assert await due("a", 31) == [idle.id, others.id]
    assert await due("a", 60) == [idle.id, resting.id, others.id]
    assert await storage.webhooks.due("a", now=at(60), after=idle.id, limit=1) == [resting.id]
    assert fresh.delivered_up_to == 2


async def test_the_next_event_is_the_first_of_the_types_asked_for(
    storage: Storage, room: Room, ada: Participant, bob: Participant
) -> None:
    events: list[Event] = [joined(2, bob), posted(a_message(room, 3, ada)), posted(a_message(room, 4, ada))]
    await append(storage, await claim(storage, room), *events)

    async def after(offset: int, *types: str) -> Pending:
        return await storage.webhooks.next_event(room.id, after=offset, types=types)

    assert await after(1) == Pending(events[0], 2)
    assert await after(1, "message.posted") == Pending(events[1], 3)
    assert await after(3, "message.posted", "member.left") == Pending(events[2], 4)
    assert await after(1, "room.archived") == Pending(None, 4)
    assert await after(4) == Pending(None, 4)


async def test_the_next_event_of_a_deleted_message_has_no_text(storage: Storage, room: Room, ada: Participant) -> None:
    claimed = await claim(storage, room)
    message = a_message(room, 2, ada, "a secret")
    await append(storage, claimed, posted(message))
    await append(storage, claimed, deleted(3, replace(message, text="", deleted_at=at(3))))

    pending = await storage.webhooks.next_event(room.id, after=1, types=["message.posted"])

    assert pending.event == posted(replace(message, text=""))


async def test_old_successes_and_the_oldest_dead_letters_are_forgotten(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook)
    dead = [a_delivery(webhook, offset, DeliveryState.DEAD) for offset in range(1, DEAD_LETTERS + 6)]
    done = [a_delivery(webhook, offset) for offset in range(5001, 5001 + RECENT + 7)]

    await storage.webhooks.record(webhook.id, "a", Progress(delivered_up_to=6000, deliveries=dead + done), until=at(30))

    kept = await storage.webhooks.deliveries(webhook.id, limit=5000)
    assert kept == [*reversed(done[7:]), *reversed(dead[5:])]


async def test_deliveries_are_read_by_state_and_page(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook)
    dead = [a_delivery(webhook, offset, DeliveryState.DEAD) for offset in (3, 5, 7)]
    await storage.webhooks.record(
        webhook.id, "a", Progress(delivered_up_to=8, deliveries=[*dead, a_delivery(webhook, 8)]), until=at(30)
    )

    first = await storage.webhooks.deliveries(webhook.id, state=DeliveryState.DEAD, limit=2)
    second = await storage.webhooks.deliveries(webhook.id, state=DeliveryState.DEAD, before=5, limit=2)

    assert (first, second) == ([dead[2], dead[1]], [dead[0]])
    assert await storage.webhooks.delivery(webhook.id, 5) == dead[1]
    assert await storage.webhooks.delivery(webhook.id, 6) is None


async def test_a_dead_letter_is_settled_or_discarded_once(storage: Storage, room: Room) -> None:
    webhook = await added(storage, room)
    await leased(storage, webhook)
    dead = [a_delivery(webhook, offset, DeliveryState.DEAD) for offset in (3, 5)]
    await storage.webhooks.record(
        webhook.id, "a", Progress(delivered_up_to=8, deliveries=[*dead, a_delivery(webhook, 8)]), until=at(30)
    )
    settled = replace(dead[0], state=DeliveryState.DELIVERED, attempts=6, last_attempt_at=at(9))

    await storage.webhooks.settle(webhook.id, settled)

    assert await storage.webhooks.delivery(webhook.id, 3) == settled
    assert not await storage.webhooks.discard(webhook.id, 3)
    assert not await storage.webhooks.discard(webhook.id, 8)
    assert await storage.webhooks.discard(webhook.id, 5)
    assert not await storage.webhooks.discard(webhook.id, 5)
    await storage.webhooks.settle(webhook.id, replace(dead[1], attempts=9))
    assert await storage.webhooks.delivery(webhook.id, 5) is None


async def test_what_does_not_exist_is_answered_so(storage: Storage, room: Room) -> None:
    assert await storage.webhooks.get(room.id, NOWHERE) is None
    assert await storage.webhooks.of_timeline(TimelineId(NOWHERE)) == []
    assert not await storage.webhooks.discard(NOWHERE, 1)
    await storage.webhooks.release("a", NOWHERE)
