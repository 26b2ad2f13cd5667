"""Sessions on bytes: connecting, commands and their errors, time, the end."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.errors import ActorCrashed, AskTimeout, MailboxFull
from engine.domain.fields import MessageId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.errors import Conflict, Forbidden, InvalidRequest, NotFound, RoomFull, StorageUnavailable
from engine.timelines.commands import Post, Posted, Subscriptions
from engine.timelines.fanout import ClientInfo
from gateway.realtime import codes
from gateway.realtime.settings import RealtimeSettings
from tests.gateway.realtime.scripted import ADA, START, Client, publication

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)
        await client.connect()
        yield client
        tasks.cancel_scope.cancel()


def message(number: int) -> Message:
    author = Participant(ADA, ParticipantKind.USER, "Ada")
    return Message(
        id=MessageId(f"m{number}"),
        timeline_id=TimelineId("1"),
        offset=number,
        author=author,
        text="hi",
        created_at=START,
    )


def rpc(number: int, method: str, **data: Any) -> dict[str, Any]:
    return {"id": number, "rpc": {"method": method, "data": data}}


def error(number: int, code: int, message: str, *, temporary: bool = False) -> dict[str, Any]:
    body = {"code": code, "message": message}
    return {"id": number, "error": {**body, "temporary": True} if temporary else body}


# Connecting


async def test_connect_says_who_it_talks_to_and_subscribes_the_person() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)

        await client.send({"id": 1, "connect": {"token": "token:ada", "name": "js", "flag": 1, "headers": {}}})

        own = {"recoverable": True, "positioned": True, "epoch": "e1", "offset": 0, "publications": []}
        expected = {
            "client": "me",
            "version": "gathering 1.0",
            "ping": 25,
            "pong": True,
            "expires": True,
            "ttl": 900,
            "subs": {"user:ada": own},
        }
        assert client.received() == [{"id": 1, "connect": expected}]
        assert client.recognised_as == ADA


async def test_connect_recovers_the_persons_own_channel() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)
        subs = {"user:ada": {"recover": True, "epoch": "e1", "offset": 4}, "user:eve": {"recover": True}}

        await client.send({"id": 1, "connect": {"token": "token:ada", "subs": subs}})

        (asked,) = client.timelines.subscribed["user:ada"]
        assert asked.since is not None
        assert (asked.since.epoch, asked.since.offset) == ("e1", 4)
        assert list(client.timelines.subscribed) == ["user:ada"]


async def test_a_cookie_connects_without_a_token_and_without_an_expiry_to_refresh() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks, cookie="token:ada")

        await client.send({"id": 1, "connect": {}})
        (reply,) = client.received()
        client.time = 901.0
        client.session.tick()

        assert "expires" not in reply["connect"]
        assert client.closed == codes.EXPIRED


@pytest.mark.parametrize(
    ("token", "reply", "closed"),
    [
        ("expired", error(1, 109, "token expired"), None),
        ("", error(1, 101, "unauthorized"), None),
        ("forged", None, codes.INVALID_TOKEN),
        ("tökén", None, codes.INVALID_TOKEN),
    ],
)
async def test_bad_credentials_are_refused(token: str, reply: Any, closed: codes.Disconnect | None) -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)

        await client.send({"id": 1, "connect": {"token": token}})

        assert client.received() == ([reply] if reply else [])
        assert client.closed == closed


async def test_while_a_person_cannot_be_subscribed_connect_asks_to_come_again() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)
        client.timelines.answers["user:ada"] = StorageUnavailable("no answer")

        await client.send({"id": 1, "connect": {"token": "token:ada"}})
        assert client.received() == [error(1, 503, "storage_unavailable", temporary=True)]
        assert client.timelines.refs["user:ada"].unsubscribed == ["me"]
        await client.send({"id": 2, "connect": {"token": "token:ada"}})

        assert client.closed == codes.MALFORMED


@pytest.mark.parametrize("frame", [b'{"id":1,"rpc":{"method":"post"}}', b"{}", b'{"send":{}}', b"nonsense"])
async def test_anything_before_connect_ends_the_connection(frame: bytes) -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)

        await client.session.receive(frame)

        assert client.closed == codes.MALFORMED


async def test_commands_in_the_frame_of_connect_are_served_after_it() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)

        await client.send(
            {"id": 1, "connect": {"token": "token:ada"}},
            {"id": 2, "subscribe": {"channel": "room:1"}},
            {"id": 3, "ping": {}},
        )

        assert sorted(reply["id"] for reply in client.received()) == [1, 2, 3]
        assert client.closed is None


# Commands


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"id": 5, "rpc": {"method": "fly", "data": {}}}, error(5, 104, "method not found")),
        ({"id": 5, "fly": {}}, error(5, 104, "method not found")),
        ({"id": 5, "rpc": {"method": 3}}, error(5, 107, "bad request")),
        ({"id": 5, "rpc": {"method": "post"}}, error(5, 107, "bad request")),
        (rpc(5, "post", timeline="room:1", text="hi", colour="red"), error(5, 107, "bad request")),
        (rpc(5, "post", timeline="room:1", text=7), error(5, 107, "bad request")),
        (rpc(5, "post", timeline="room:1", text=""), error(5, 107, "bad request")),
        (rpc(5, "post", timeline="room:1", text="a\0b"), error(5, 107, "bad request")),
        (rpc(5, "history", timeline="room:1", limit=101), error(5, 107, "bad request")),
        (rpc(5, "set_status", status="asleep"), error(5, 107, "bad request")),
        (rpc(5, "post", timeline="nowhere", text="hi"), error(5, 102, "unknown channel")),
        (rpc(5, "join", timeline="user:ada"), error(5, 102, "unknown channel")),
        ({"id": 5, "publish": {"channel": "nowhere", "data": {"text": "hi"}}}, error(5, 102, "unknown channel")),
        ({"id": 5, "publish": {"channel": "room:1", "data": {"texts": "hi"}}}, error(5, 107, "bad request")),
        ({"id": 5, "publish": {"channel": "room:1"}}, error(5, 107, "bad request")),
        ({"id": 5, "subscribe": {"channel": "nowhere"}}, error(5, 102, "unknown channel")),
        ({"id": 5, "subscribe": {"channel": "user:ada"}}, error(5, 105, "already subscribed")),
        ({"id": 5, "presence": {"channel": "nowhere"}}, error(5, 102, "unknown channel")),
        ({"id": 5, "history": {"channel": "nowhere"}}, error(5, 102, "unknown channel")),
        ({"id": 5, "sub_refresh": {"channel": "room:1"}}, error(5, 108, "not available")),
        ({"id": 5, "connect": {"token": "token:ada"}}, error(5, 107, "bad request")),
        ({"id": 5, "unsubscribe": {"channel": "room:9"}}, {"id": 5, "unsubscribe": {}}),
    ],
)
async def test_a_connection_survives_its_own_bad_command(client: Client, command: Any, expected: Any) -> None:
    await client.send(command, {"id": 6, "ping": {}})

    assert client.closed is None
    assert sorted(client.received(), key=lambda reply: reply["id"]) == [expected, {"id": 6, "ping": {}}]


async def test_a_lone_surrogate_is_only_a_bad_command(client: Client) -> None:
    await client.session.receive(b'{"id":5,"rpc":{"method":"post","data":{"timeline":"room:1","text":"\\ud800"}}}')

    assert client.received() == [error(5, 107, "bad request")]
    assert client.closed is None


@pytest.mark.parametrize(
    ("problem", "code", "text", "temporary"),
    [
        (NotFound("no such room"), 102, "unknown channel", False),
        (Forbidden("not a member"), 103, "permission denied", False),
        (InvalidRequest("text: too long"), 107, "bad request", False),
        (Conflict("archived"), 409, "conflict", False),
        (RoomFull("full"), 410, "room_full", False),
        (StorageUnavailable("away"), 503, "storage_unavailable", True),
        (AskTimeout("late"), 504, "overloaded", True),
        (MailboxFull("full"), 504, "overloaded", True),
        (ActorCrashed("boom"), 100, "internal server error", True),
        (ZeroDivisionError("a bug"), 100, "internal server error", True),
    ],
)
async def test_every_refusal_has_its_number(
    client: Client, problem: Exception, code: int, text: str, *, temporary: bool
) -> None:
    await client.send(rpc(5, "post", timeline="room:1", text="hi"))
    client.timelines.refs["room:1"].answer(problem)

    assert client.received() == [error(5, code, text, temporary=temporary)]


async def test_a_message_that_is_not_found_is_not_an_unknown_channel(client: Client) -> None:
    await client.send(rpc(5, "delete", timeline="room:1", message_id="m1"))
    client.timelines.refs["room:1"].answer(NotFound("no such message"))

    assert client.received() == [error(5, 404, "not_found")]


async def test_a_message_refused_at_the_mailbox_is_answered(client: Client) -> None:
    ref = client.timelines.ref("room:1")
    assert ref is not None
    ref.refuses = MailboxFull("full")

    await client.send(rpc(5, "post", timeline="room:1", text="hi"))

    assert client.received() == [error(5, 504, "overloaded", temporary=True)]


async def test_posts_are_pipelined_in_order_and_answered_with_the_message(client: Client) -> None:
    await client.send(*(rpc(number, "post", timeline="room:1", text=f"{number}") for number in (5, 6, 7)))
    ref = client.timelines.refs["room:1"]

    asked = [ref.answer(Posted(message(number), created=True)) for number in (5, 6, 7)]

    assert [(type(each), each.draft.text, each.by.id) for each in asked] == [(Post, str(n), "ada") for n in (5, 6, 7)]
    replies = client.received()
    assert [reply["id"] for reply in replies] == [5, 6, 7]
    assert [reply["rpc"]["data"]["message"]["id"] for reply in replies] == ["m5", "m6", "m7"]


async def test_publishing_text_is_posting(client: Client) -> None:
    await client.send({"id": 5, "publish": {"channel": "room:1", "data": {"text": "hi", "client_id": "c1"}}})

    asked = client.timelines.refs["room:1"].answer(Posted(message(5), created=True))

    assert (asked.draft.text, asked.draft.client_id) == ("hi", "c1")
    assert client.received() == [{"id": 5, "publish": {}}]


async def test_presence_is_by_client_and_counted_by_person(client: Client) -> None:
    await client.send(
        {"id": 5, "presence": {"channel": "room:1"}},
        {"id": 6, "presence_stats": {"channel": "room:1"}},
        rpc(7, "presence", timeline="room:1"),
    )
    ref = client.timelines.refs["room:1"]
    clients = [ClientInfo("c1", ADA), ClientInfo("c2", ADA)]
    for answer in (clients, Subscriptions(clients=2, people=1), clients):
        ref.answer(answer)

    one, two = {"user": "ada", "client": "c1"}, {"user": "ada", "client": "c2"}
    assert client.received() == [
        {"id": 5, "presence": {"presence": {"c1": one, "c2": two}}},
        {"id": 6, "presence_stats": {"num_clients": 2, "num_users": 1}},
        {"id": 7, "rpc": {"data": {"clients": [one, two]}}},
    ]


@pytest.mark.parametrize(
    ("request_", "offsets"),
    [
        ({"limit": 0}, []),
        ({"limit": 2}, [1, 2]),
        ({"limit": -1}, [1, 2, 3, 4, 5]),
        ({"limit": 2, "since": {"offset": 3, "epoch": "e1"}}, [4, 5]),
        ({"limit": 2, "reverse": True}, [5, 4]),
        ({"limit": -1, "reverse": True}, [5, 4, 3, 2, 1]),
        ({"limit": 2, "since": {"offset": 3, "epoch": "e1"}, "reverse": True}, [2, 1]),
        ({"limit": 2, "since": {"offset": 1, "epoch": "e1"}, "reverse": True}, []),
    ],
)
async def test_history_goes_forwards_and_backwards(client: Client, request_: Any, offsets: list[int]) -> None:
    client.timelines.log = [publication("room:1", offset) for offset in range(1, 6)]

    await client.send({"id": 5, "history": {"channel": "room:1", **request_}})

    (reply,) = client.received()
    assert [item["offset"] for item in reply["history"]["publications"]] == offsets
    assert (reply["history"]["offset"], reply["history"]["epoch"]) == (5, "e1")


async def test_history_of_another_life_of_the_log_is_unrecoverable(client: Client) -> None:
    await client.send({"id": 5, "history": {"channel": "room:1", "limit": 1, "since": {"offset": 1, "epoch": "e0"}}})

    assert client.received() == [error(5, 112, "unrecoverable position")]


# Limits


async def test_a_frame_over_the_limit_ends_the_connection(client: Client) -> None:
    await client.session.receive(b" " * (RealtimeSettings().frame_bytes + 1))

    assert client.closed == codes.FRAME_TOO_LARGE


async def test_commands_over_the_rate_are_refused_and_in_the_end_the_client_is(client: Client) -> None:
    for number in range(2, 62):
        await client.send({"id": number, "ping": {}})
    refused = client.received()[-1]
    for number in range(62, 62 + 180):
        await client.session.receive(b'{"id":%d,"ping":{}}' % number)

    assert refused == error(61, 111, "too many requests", temporary=True)
    assert client.closed == codes.TOO_MANY_REQUESTS


async def test_replies_never_count_as_too_slow() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks, RealtimeSettings(queue_bytes=1024, commands_burst=1000))
        await client.connect()

        await client.send(*({"id": number, "ping": {}} for number in range(2, 500)))

        assert client.closed is None
        assert client.outbox.full


# Time


async def test_pings_are_answered_or_the_client_is_gone(client: Client) -> None:
    client.time = 25.0
    client.session.tick()
    assert client.received() == [{}]
    await client.send({})
    client.time = 50.0
    client.session.tick()
    client.time = 60.0
    client.session.tick()

    assert client.closed == codes.NO_PONG


async def test_pongs_that_nobody_asked_for_are_let_pass(client: Client) -> None:
    await client.send({}, {}, {"id": 5, "ping": {}})

    assert client.received() == [{"id": 5, "ping": {}}]
    assert client.closed is None


async def test_a_socket_that_never_connects_is_stale() -> None:
    async with anyio.create_task_group() as tasks:
        client = Client(tasks)

        assert client.session.tick() == 10.0
        client.time = 10.0
        client.session.tick()

        assert client.closed == codes.STALE


async def test_an_expired_connection_ends_after_its_grace_unless_refreshed(client: Client) -> None:
    client.time = 920.0
    await client.send({"id": 5, "refresh": {"token": "token:ada"}})
    refreshed = client.received()
    client.time = 926.0
    client.session.tick()
    assert client.closed is None
    client.time = 920.0 + 900.0 + 25.0
    await client.send({})
    client.session.tick()

    assert refreshed == [
        {"id": 5, "refresh": {"client": "me", "version": "gathering 1.0", "expires": True, "ttl": 900}}
    ]
    assert client.closed == codes.EXPIRED


@pytest.mark.parametrize("token", ["token:eve", "forged", ""])
async def test_a_refresh_needs_a_good_token_of_the_same_person(client: Client, token: str) -> None:
    await client.send({"id": 5, "refresh": {"token": token}})

    assert client.closed == codes.INVALID_TOKEN


async def test_a_refresh_with_an_expired_token_is_only_refused(client: Client) -> None:
    await client.send({"id": 5, "refresh": {"token": "expired"}})

    assert client.received() == [error(5, 109, "token expired")]
    assert client.closed is None


async def test_a_deactivated_person_is_sent_away_for_good(client: Client) -> None:
    client.engine.accounts.inactive.add("ada")
    client.time = 2.0

    await client.send(rpc(5, "post", timeline="room:1", text="hi"))

    assert client.closed == codes.FORCE_NO_RECONNECT
    assert client.timelines.refs.get("room:1") is None


# Nothing makes it raise

frames = st.binary() | st.sampled_from(
    [
        b"{}",
        b'{"id":1}',
        b'{"send":{"data":1}}',
        b'{"id":2,"subscribe":{"channel":"room:1"}}',
        b'{"id":3,"unsubscribe":{"channel":"room:1"}}',
        b'{"id":4,"rpc":{"method":"post","data":{"timeline":"room:1","text":"x"}}}',
        b'{"id":5,"rpc":{"method":"post","data":"\xff"}}',
        b'{"id":6,"history":{"channel":"room:1","limit":-1,"reverse":true,"since":{"offset":0}}}',
        b'{"id":7,"refresh":{}}',
        b'{"id":8,"rpc":null,"connect":{"token":"token:ada","subs":{"":{}}}}',
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.lists(st.lists(frames, max_size=4), max_size=6), st.booleans())
def test_no_input_makes_a_session_raise(batches: list[list[bytes]], connected: bool) -> None:
    async def talk() -> None:
        async with anyio.create_task_group() as tasks:
            client = Client(tasks)
            if connected:
                await client.connect()
            for batch in batches:
                await client.session.receive(b"\n".join(batch))
                await anyio.lowlevel.checkpoint()
            client.session.end()

    anyio.run(talk)
