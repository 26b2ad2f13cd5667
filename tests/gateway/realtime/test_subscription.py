"""Subscriptions on bytes: the order on the wire, and every way in which one ends."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from actors.errors import MailboxFull
from engine.domain.answers import AnswerDelta
from engine.domain.fields import ParticipantId
from engine.errors import Forbidden, StorageUnavailable
from engine.timelines.fanout import ClientInfo, Delta, Ending, Publication
from gateway.realtime import codes
from gateway.realtime.settings import RealtimeSettings
from tests.gateway.realtime.scripted import Client, fresh, publication, recovered

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)
        await client.connect()
        yield client
        tasks.cancel_scope.cancel()


def pushed(channel: str, offset: int, text: str = "hi") -> dict[str, Any]:
    data = {"type": "message.posted", "text": text}
    return {"push": {"channel": channel, "pub": {"offset": offset, "data": data}}}


async def test_publications_are_pushed_as_they_are(client: Client) -> None:
    sink = await client.subscribe("room:1")

    sink.deliver(publication("room:1", 1))
    sink.deliver(publication("room:1", None))

    ephemeral = {"push": {"channel": "room:1", "pub": {"data": {"type": "message.posted", "text": "hi"}}}}
    assert client.received() == [pushed("room:1", 1), ephemeral]


async def test_subscribers_share_the_bytes_of_a_push(client: Client) -> None:
    first, second = await client.subscribe("room:1"), await client.subscribe("room:2")
    item = publication("room:1", 1)

    first.deliver(item)
    second.deliver(item)

    (one, _), (other, _) = client.outbox._items
    assert one is other


async def test_what_happens_during_the_answer_comes_after_it_without_gap_or_repetition(client: Client) -> None:
    gate = client.timelines.gates["room:1"] = anyio.Event()
    await client.send({"id": 5, "subscribe": {"channel": "room:1", "recover": True, "epoch": "e1", "offset": 1}})
    sink = client.timelines.sink("room:1")
    for offset in (3, 4, 5):
        sink.deliver(publication("room:1", offset))
    assert client.received() == []

    client.timelines.answers["room:1"] = recovered(3, (publication("room:1", 2), publication("room:1", 3)))
    gate.set()
    await anyio.wait_all_tasks_blocked()

    reply, *pushes = client.received()
    result = reply["subscribe"]
    assert (result["was_recovering"], result["recovered"], result["offset"]) == (True, True, 3)
    assert [item["offset"] for item in result["publications"]] == [2, 3]
    assert pushes == [pushed("room:1", 4), pushed("room:1", 5)]


async def test_a_position_that_cannot_be_recovered_is_said_or_refused_as_asked(client: Client) -> None:
    lost = {"recover": True, "epoch": "e0", "offset": 9}
    for channel in ("room:1", "room:2"):
        client.timelines.answers[channel] = recovered(3, (), good=False)

    await client.send(
        {"id": 5, "subscribe": {"channel": "room:1", **lost, "flag": 1}},
        {"id": 6, "subscribe": {"channel": "room:2", **lost, "flag": 3}},
    )

    said, refused = client.received()
    assert (said["subscribe"]["was_recovering"], said["subscribe"]["recovered"]) == (True, False)
    assert refused["error"]["code"] == 112
    assert client.timelines.refs["room:1"].unsubscribed == []
    assert client.timelines.refs["room:2"].unsubscribed == ["me"]


def delta(index: int, text: str, length: int) -> Delta:
    return Delta("room:1", AnswerDelta("a1", index, text, length))


async def test_deltas_that_come_during_the_answer_follow_it_as_they_are(client: Client) -> None:
    gate = client.timelines.gates["room:1"] = anyio.Event()
    await client.send({"id": 5, "subscribe": {"channel": "room:1"}})
    sink = client.timelines.sink("room:1")
    sink.deliver(delta(3, "d", 4))
    sink.deliver(delta(4, "e", 5))

    gate.set()
    await anyio.wait_all_tasks_blocked()
    sink.deliver(delta(5, "f", 6))

    reply, *pushes = client.received()
    assert "subscribe" in reply
    assert [push["push"]["pub"]["data"]["text"] for push in pushes] == ["d", "e", "f"]


async def test_deltas_never_disconnect_a_slow_reader_and_the_end_of_an_answer_is_not_missed(client: Client) -> None:
    sink = await client.subscribe("room:1")
    piece = "x" * 1000

    for index in range(3_000):
        sink.deliver(delta(index, piece, 1000 * (index + 1)))
    sink.deliver(Publication("room:1", None, b'{"type":"answer.failed"}', missable=False))

    *_, last = client.received()
    assert client.closed is None
    assert last["push"]["pub"]["data"] == {"type": "answer.failed"}


async def test_joins_and_leaves_are_pushed(client: Client) -> None:
    sink = await client.subscribe("room:1")

    sink.joined("room:1", ClientInfo("c2", ParticipantId("bob")))
    sink.left("room:1", ClientInfo("c2", ParticipantId("bob")))

    info = {"info": {"user": "bob", "client": "c2"}}
    assert client.received() == [
        {"push": {"channel": "room:1", "join": info}},
        {"push": {"channel": "room:1", "leave": info}},
    ]


@pytest.mark.parametrize(
    ("ending", "code"), [(Ending.NOT_A_MEMBER, 2000), (Ending.ARCHIVED, 2100), (Ending.RESTARTED, 2500)]
)
async def test_a_subscription_that_the_timeline_ends_can_be_made_again(
    client: Client, ending: Ending, code: int
) -> None:
    sink = await client.subscribe("room:1")

    sink.end("room:1", ending)
    sink.deliver(publication("room:1", 1))
    (push,) = client.received()
    await client.send({"id": 6, "subscribe": {"channel": "room:1"}})

    assert push["push"]["unsubscribe"]["code"] == code
    assert "subscribe" in client.received()[0]
    assert client.timelines.refs["room:1"].unsubscribed == []


async def test_a_timeline_that_has_moved_sends_the_client_to_connect_again(client: Client) -> None:
    sink = await client.subscribe("room:1")

    sink.end("room:1", Ending.MOVED)

    assert client.closed == codes.FORCE_RECONNECT


async def test_the_persons_own_channel_is_recovered_by_connecting_again(client: Client) -> None:
    client.timelines.sink("user:ada").end("user:ada", Ending.RESTARTED)

    assert client.closed == codes.INSUFFICIENT_STATE


async def test_an_ending_during_the_answer_comes_after_it(client: Client) -> None:
    gate = client.timelines.gates["room:1"] = anyio.Event()
    await client.send({"id": 5, "subscribe": {"channel": "room:1"}})
    client.timelines.sink("room:1").end("room:1", Ending.NOT_A_MEMBER)

    gate.set()
    await anyio.wait_all_tasks_blocked()

    reply, push = client.received()
    assert "subscribe" in reply
    assert push["push"]["unsubscribe"]["code"] == 2000


async def test_unsubscribing_tells_the_timeline_and_silences_it(client: Client) -> None:
    sink = await client.subscribe("room:1")

    await client.send({"id": 6, "unsubscribe": {"channel": "room:1"}})
    sink.deliver(publication("room:1", 1))

    assert client.received() == [{"id": 6, "unsubscribe": {}}]
    assert client.timelines.refs["room:1"].unsubscribed == ["me"]


async def test_unsubscribing_during_the_answer_gives_it_up(client: Client) -> None:
    client.timelines.gates["room:1"] = anyio.Event()
    await client.send({"id": 5, "subscribe": {"channel": "room:1"}})
    client.timelines.sink("room:1").deliver(publication("room:1", 1))

    await client.send({"id": 6, "unsubscribe": {"channel": "room:1"}})
    del client.timelines.gates["room:1"]
    await client.send({"id": 7, "subscribe": {"channel": "room:1"}})

    replies = {reply["id"]: reply for reply in client.received()}
    assert replies[5]["error"]["code"] == 108
    assert "unsubscribe" in replies[6]
    assert "subscribe" in replies[7]
    assert client.timelines.refs["room:1"].unsubscribed == ["me"]


async def test_an_unsubscribe_in_the_same_frame_asks_the_timeline_for_nothing(client: Client) -> None:
    await client.send({"id": 5, "subscribe": {"channel": "room:1"}}, {"id": 6, "unsubscribe": {"channel": "room:1"}})

    assert "room:1" not in client.timelines.subscribed
    assert {reply["id"] for reply in client.received()} == {5, 6}


@pytest.mark.parametrize(
    ("problem", "code"), [(Forbidden("not a member"), 103), (StorageUnavailable("away"), 503), (KeyError("a bug"), 100)]
)
async def test_a_refused_subscription_leaves_nothing_behind(client: Client, problem: Exception, code: int) -> None:
    client.timelines.answers["room:1"] = problem
    await client.send({"id": 5, "subscribe": {"channel": "room:1"}})
    (refusal,) = client.received()
    client.timelines.answers["room:1"] = fresh()

    await client.send({"id": 6, "subscribe": {"channel": "room:1"}})

    assert refusal["error"]["code"] == code
    assert "subscribe" in client.received()[0]


async def test_subscriptions_are_limited_not_counting_the_persons_own() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks, RealtimeSettings(subscriptions=2))
        await client.connect()

        await client.send(*({"id": number, "subscribe": {"channel": f"room:{number}"}} for number in (5, 6, 7)))

        replies = {reply["id"]: reply for reply in client.received()}
        assert replies[7]["error"]["code"] == 106
        assert all("subscribe" in replies[number] for number in (5, 6))


async def test_a_client_that_does_not_read_is_cut_off_and_its_queue_forgotten(client: Client) -> None:
    sink = await client.subscribe("room:1")

    for offset in range(1, 20):
        sink.deliver(publication("room:1", offset, "x" * 100_000))

    assert client.closed == codes.SLOW
    assert client.outbox.size == 0


async def test_what_is_held_back_is_limited_too(client: Client) -> None:
    client.timelines.gates["room:1"] = anyio.Event()
    await client.send({"id": 5, "subscribe": {"channel": "room:1"}})
    sink = client.timelines.sink("room:1")

    for offset in range(1, 20):
        sink.deliver(publication("room:1", offset, "x" * 100_000))

    assert client.closed == codes.SLOW


async def test_the_end_of_a_connection_leaves_every_timeline_once(client: Client) -> None:
    await client.subscribe("room:1")
    client.timelines.gates["room:2"] = anyio.Event()
    await client.send({"id": 6, "subscribe": {"channel": "room:2"}})

    client.session.end()
    client.session.end()
    await anyio.wait_all_tasks_blocked()

    left = {channel: ref.unsubscribed for channel, ref in client.timelines.refs.items()}
    assert left == {"user:ada": ["me"], "room:1": ["me"], "room:2": ["me"]}


async def test_a_timeline_that_could_not_be_told_is_told_when_it_delivers_again(client: Client) -> None:
    sink = await client.subscribe("room:1")
    ref = client.timelines.refs["room:1"]
    ref.refuses = MailboxFull("full")
    client.session.end()
    ref.refuses = None

    sink.deliver(publication("room:1", 1))
    sink.deliver(publication("room:1", 2))

    assert ref.unsubscribed == ["me"]
