"""What reaches a receiver, when, and what happens when it does not take it."""

import anyio
import pytest

from engine.domain.people import Principal
from engine.domain.webhooks import DeliveryState, NewWebhook, WebhookChanges, delivery_id
from engine.errors import Conflict, Forbidden, InvalidRequest, NotFound, StorageUnavailable
from engine.storage.memory import MemoryStorage, State
from engine.webhooks.sender import Outcome
from tests.engine.timelines.acting import Interposed, a_place, person, unavailable
from tests.engine.webhooks.receiving import BROKEN, OK, Receivers, deliveries, delivering, fresh, hooked

pytestmark = pytest.mark.anyio

A, B = "https://a.example/", "https://b.example/"


async def test_every_event_after_its_creation_reaches_a_webhook_once_and_in_order(storage: Interposed, ada: Principal):
    receivers = Receivers()
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        await place.post(ada, "before")
        webhook = await hooked(engine, ada, place.id)
        await place.say(ada, *"abc")
        await anyio.sleep(30)

        assert receivers.offsets(A) == [3, 4, 5]
        assert (await fresh(engine, ada, webhook)).delivered_up_to == 5
        assert [(each.offset, each.state) for each in await deliveries(engine, ada, webhook)] == [
            (offset, DeliveryState.DELIVERED) for offset in (5, 4, 3)
        ]


async def test_a_receiver_gets_the_object_that_realtime_carries_under_the_name_of_its_delivery(
    storage: Interposed, ada: Principal
):
    receivers = Receivers()
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)
        message = (await place.post(ada, "hello")).message
        await anyio.sleep(1)

    [body] = receivers.taken[A]
    assert body.keys() == {"id", "type", "timeline_id", "event"}
    assert body["id"] == delivery_id(webhook.id, 2)
    assert (body["type"], body["timeline_id"]) == ("message.posted", place.id)
    assert body["event"]["message"]["id"] == message.id
    assert {"offset": 2, "type": "message.posted", "actor": ada.id}.items() <= body["event"].items()


async def test_a_webhook_gets_only_the_types_that_it_asks_for(storage: Interposed, ada: Principal):
    receivers = Receivers()
    ben = await person(storage, "Ben")
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id, A, "member.joined")
        await place.say(ada, "a", "b")
        await place.join(ben)
        await place.post(ada, "c")
        await anyio.sleep(30)

        assert receivers.offsets(A) == [4]
        assert (await fresh(engine, ada, webhook)).delivered_up_to == 5


async def test_a_failure_is_tried_again_with_growing_pauses_and_holds_later_events_back(
    storage: Interposed, ada: Principal
):
    async def third_time(_url: str, number: int) -> Outcome:
        return OK if number >= 3 else BROKEN

    receivers = Receivers(third_time)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)
        await place.say(ada, "a", "b")
        await anyio.sleep(1)
        failing = await fresh(engine, ada, webhook)
        await anyio.sleep(3600)

        assert (failing.attempts, failing.active, failing.delivered_up_to) == (1, True, 1)
        assert failing.failing_since is not None
        assert failing.next_attempt_at is not None
        assert receivers.offsets(A) == [2, 3]
        assert len({name for _, _, name in receivers.attempts[:3]}) == 1
        first, second = receivers.pauses()[:2]
        assert 30 <= first <= 60 + 6
        assert 150 <= second <= 300 + 6
        [_, delivered] = await deliveries(engine, ada, webhook)
        assert (delivered.attempts, delivered.state, delivered.error) == (3, DeliveryState.DELIVERED, None)
        assert (delivered.last_attempt_at - delivered.first_attempt_at).total_seconds() == pytest.approx(first + second)
        assert (await fresh(engine, ada, webhook)).failing_since is None


async def test_after_its_attempts_an_event_is_a_dead_letter_and_the_next_goes_on(storage: Interposed, ada: Principal):
    async def never_the_first(_url: str, number: int) -> Outcome:
        return BROKEN if number <= 5 else OK

    receivers = Receivers(never_the_first)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)
        await place.say(ada, "a", "b")
        await anyio.sleep(20_000)

        assert receivers.offsets(A) == [3]
        [alive, dead] = await deliveries(engine, ada, webhook)
        assert (alive.offset, alive.state) == (3, DeliveryState.DELIVERED)
        assert (dead.offset, dead.state, dead.attempts, dead.status_code) == (2, DeliveryState.DEAD, 5, 500)

        settled = await engine.webhooks.retry(ada, place.id, webhook.id, dead.id)
        assert (settled.state, settled.attempts) == (DeliveryState.DELIVERED, 6)
        assert receivers.offsets(A) == [3, 2]
        with pytest.raises(NotFound):
            await engine.webhooks.retry(ada, place.id, webhook.id, dead.id)


async def test_retry_after_is_honoured(storage: Interposed, ada: Principal):
    async def busy(_url: str, number: int) -> Outcome:
        return OK if number > 1 else Outcome(status=429, error="answered 429", retry_after=1000)

    receivers = Receivers(busy)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        await hooked(engine, ada, place.id)
        await place.post(ada, "a")
        await anyio.sleep(2000)

    assert receivers.offsets(A) == [2]
    assert 1000 <= receivers.pauses()[0] <= 1006


async def test_gone_switches_a_webhook_off_with_its_reason_and_on_again_it_goes_on(storage: Interposed, ada: Principal):
    async def gone(_url: str, number: int) -> Outcome:
        return OK if number > 1 else Outcome(status=410, error="answered 410")

    receivers = Receivers(gone)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)
        await place.say(ada, "a", "b")
        await anyio.sleep(10_000)
        off = await fresh(engine, ada, webhook)
        on = await engine.webhooks.change(ada, place.id, webhook.id, WebhookChanges(active=True))
        await anyio.sleep(10)

        assert (off.active, off.disabled_reason) == (False, "the receiver answered 410 Gone")
        assert (on.active, on.disabled_reason, on.attempts) == (True, None, 0)
        assert receivers.offsets(A) == [2, 3]


async def test_a_receiver_that_fails_for_long_is_switched_off_and_says_so(storage: Interposed, ada: Principal):
    async def broken(_url: str, _number: int) -> Outcome:
        return BROKEN

    async with delivering(storage, Receivers(broken), webhook_disable_hours=1) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)
        await place.post(ada, "a")
        await anyio.sleep(20_000)

        off = await fresh(engine, ada, webhook)
        assert not off.active
        assert off.disabled_reason == "nothing was delivered since 2030-01-01T00:00:00+00:00: answered 500"


async def test_a_hanging_receiver_holds_up_neither_posts_nor_other_webhooks(storage: Interposed, ada: Principal):
    async def hang(url: str, _number: int) -> Outcome:
        if url == A:
            await anyio.sleep_forever()
        return OK

    receivers = Receivers(hang)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        await hooked(engine, ada, place.id, A)
        await hooked(engine, ada, place.id, B)
        began = anyio.current_time()
        await place.say(ada, *"abcdefgh")
        posted = anyio.current_time()
        await anyio.sleep(5)

        assert posted == began  # in virtual time: a post has waited for nothing that takes any
        assert receivers.offsets(B) == [*range(2, 10)]
        assert A not in receivers.taken
        assert [url for _, url, _ in receivers.attempts].count(A) == 1


async def test_a_message_deleted_before_its_delivery_goes_out_without_its_text(storage: Interposed, ada: Principal):
    async def second_time(_url: str, number: int) -> Outcome:
        return OK if number > 1 else BROKEN

    receivers = Receivers(second_time)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        await hooked(engine, ada, place.id, A, "message.posted")
        first, second = [(await place.post(ada, text)).message for text in ("a secret", "another")]
        await anyio.sleep(1)
        await place.delete(ada, first)
        await place.delete(ada, second)
        await anyio.sleep(100)

    assert receivers.texts(A) == ["", ""]


async def test_what_was_not_delivered_when_the_process_ended_is_delivered_by_the_next(
    storage: Interposed, ada: Principal
):
    async def hang(_url: str, _number: int) -> Outcome:
        await anyio.sleep_forever()
        return OK

    receivers = Receivers()
    async with delivering(storage, Receivers(hang)) as engine:
        place = await a_place(engine, ada)
        await hooked(engine, ada, place.id)
        await place.say(ada, *"abc")
        await anyio.sleep(1)
    async with delivering(storage, receivers):
        await anyio.sleep(10)

        assert receivers.offsets(A) == [2, 3, 4]


async def test_two_processes_deliver_each_event_once(state: State, storage: Interposed, ada: Principal):
    receivers = Receivers()
    async with (
        delivering(storage, receivers) as first,
        delivering(Interposed(MemoryStorage(state)), receivers) as second,
    ):
        place = await a_place(first, ada)
        webhook = await hooked(first, ada, place.id)
        for text in "abcdef":
            await place.post(ada, text)
            await anyio.sleep(7)
        await second.webhooks.change(ada, place.id, webhook.id, WebhookChanges(description="seen by the other"))
        await anyio.sleep(60)

    assert receivers.offsets(A) == [*range(2, 8)]


async def test_while_the_database_is_away_nothing_is_lost(storage: Interposed, ada: Principal):
    receivers = Receivers()
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        await hooked(engine, ada, place.id)
        await place.post(ada, "a")
        storage.meddle = unavailable
        with pytest.raises(StorageUnavailable):
            await place.post(ada, "lost, and known to be")
        await anyio.sleep(100)
        storage.meddle = _fine
        await anyio.sleep(100)
        await place.post(ada, "b")
        await anyio.sleep(100)

        assert sorted(set(receivers.offsets(A))) == receivers.offsets(A) == [2, 3]


async def _fine(_name: str, perform):
    return await perform()


async def test_a_changed_url_is_tried_at_once(storage: Interposed, ada: Principal):
    async def only_b(url: str, _number: int) -> Outcome:
        return OK if url == B else BROKEN

    receivers = Receivers(only_b)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)
        await place.post(ada, "a")
        await anyio.sleep(1)
        await engine.webhooks.change(ada, place.id, webhook.id, WebhookChanges(url=B))
        await anyio.sleep(1)

        assert receivers.offsets(B) == [2]


async def test_a_removed_or_switched_off_webhook_gets_nothing_more(storage: Interposed, ada: Principal):
    receivers = Receivers()
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        removed, off = await hooked(engine, ada, place.id, A), await hooked(engine, ada, place.id, B)
        await place.post(ada, "a")
        await anyio.sleep(1)
        await engine.webhooks.remove(ada, place.id, removed.id)
        paused = await engine.webhooks.change(ada, place.id, off.id, WebhookChanges(active=False))
        await place.post(ada, "b")
        await anyio.sleep(100)

        assert receivers.offsets(A) == receivers.offsets(B) == [2]
        assert (paused.active, paused.disabled_reason) == (False, None)
        with pytest.raises(NotFound):
            await fresh(engine, ada, removed)


async def test_a_ping_tells_what_came_of_it_and_changes_nothing(storage: Interposed, ada: Principal):
    async def broken(_url: str, number: int) -> Outcome:
        return BROKEN if number == 1 else OK

    receivers = Receivers(broken)
    async with delivering(storage, receivers) as engine:
        place = await a_place(engine, ada)
        webhook = await hooked(engine, ada, place.id)

        outcomes = [await engine.webhooks.ping(ada, place.id, webhook.id) for _ in range(2)]

        assert outcomes == [BROKEN, OK]
        assert [body["type"] for body in receivers.taken[A]] == ["ping"]
        assert await fresh(engine, ada, webhook) == webhook
        assert await deliveries(engine, ada, webhook) == []


async def test_only_owners_and_administrators_manage_webhooks(storage: Interposed, ada: Principal):
    ben, eve, root = await person(storage, "Ben"), await person(storage, "Eve"), await person(storage, "R", admin=True)
    async with delivering(storage, Receivers()) as engine:
        place = await a_place(engine, ada, ben)
        webhook = await hooked(engine, root, place.id)
        for stranger in (ben, eve):
            for attempt in (
                engine.webhooks.of_room(stranger, place.id),
                engine.webhooks.create(stranger, place.id, NewWebhook(url=A)),
                engine.webhooks.remove(stranger, place.id, webhook.id),
                engine.webhooks.ping(stranger, place.id, webhook.id),
                engine.webhooks.deliveries(stranger, place.id, webhook.id, limit=1),
            ):
                with pytest.raises(Forbidden):
                    await attempt

        assert await engine.webhooks.of_room(ada, place.id) == [webhook]


async def test_a_room_has_ten_webhooks_of_known_types_while_it_is_open(storage: Interposed, ada: Principal):
    async with delivering(storage, Receivers()) as engine:
        place = await a_place(engine, ada)
        for _ in range(10):
            await hooked(engine, ada, place.id)
        with pytest.raises(Conflict, match="10"):
            await hooked(engine, ada, place.id)
        with pytest.raises(InvalidRequest) as refused:
            await hooked(engine, ada, place.id, A, "message.posted", "message.read")

        assert [error.path for error in refused.value.errors] == ["events.1"]
