"""Streams of events over real sockets, with a real engine behind them."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import msgspec
import pytest
from aiohttp.test_utils import TestClient

from actors import Ref
from engine.accounts.forms import AccountChanges, Identity
from engine.domain.fields import ParticipantId
from engine.domain.messages import Draft
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Unauthenticated
from engine.settings import Settings
from engine.timelines import timeline
from engine.timelines.commands import Post, ReadPresence
from engine.timelines.fanout import Publication
from engine.timelines.subscribers import Subscribers
from engine.timelines.timeline import Timeline
from gateway.app import build_app
from gateway.realtime import event_stream
from gateway.realtime.hub import HUB
from gateway.rest.cookies import ACCESS_TOKEN
from gateway.rest.health import LIFECYCLE
from tests.gateway.realtime.test_socket import post_until, until, wire
from tests.support.rest import Caller, Client, LikeServed, Person
from tests.support.server_sent import EventReader

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(engine: Engine, settings: Settings, **changes: Any) -> AsyncIterator[Client]:
    """A server of its own, with settings of its own."""
    app = build_app(engine, settings.model_copy(update=changes))
    app[LIFECYCLE].started = True
    async with TestClient(LikeServed(app)) as client:
        yield client
        await app[HUB].shutdown()


@asynccontextmanager
async def stream(
    person: Person, room: str, query: str = "", *, at: Client | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[EventReader]:
    sent = {"Authorization": f"Bearer {person.token}", **(headers or {})}
    async with (at or person.client).get(f"/api/v1/rooms/{room}/stream{query}", headers=sent) as response:
        assert response.status == 200, await response.text()
        yield EventReader(response)


def timeline_of(engine: Engine, room: str) -> Ref[Timeline]:
    ref = engine.timelines.ref(f"room:{room}")
    assert ref is not None
    return ref


async def listening(reader: EventReader, person: Person, room: str) -> None:
    """Wait until the stream has begun to listen."""
    message = await person.say(room, "are you there?")
    event = await reader.next()
    assert event is not None
    assert event.data["message"] == message


async def principal_of(engine: Engine, person: Person) -> Principal:
    return (await engine.accounts.current(ParticipantId(person.id))).principal


async def test_what_happens_arrives_as_the_events_of_realtime_with_their_offsets(client: Client, ada: Person) -> None:
    room = await ada.room()
    async with stream(ada, room) as reader, wire(client) as realtime:
        await realtime.connect(ada)
        await realtime.ask(2, subscribe={"channel": f"room:{room}"})

        message = await ada.say(room, "Grüße\nin zwei Zeilen \N{GRINNING FACE}")
        event = await reader.next()
        push = (await realtime.next())["push"]["pub"]

    assert event is not None
    assert event.kind == event.data["type"] == "message.posted"
    assert event.data == push["data"]
    assert event.data["message"] == message
    assert event.last_id == str(push["offset"]) == str(event.data["offset"])
    assert reader.parser.retry == 2000
    assert reader.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert reader.response.headers["Cache-Control"] == "no-store"
    assert reader.response.headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("where", ["?since=2", "header", "header over ?since=4"])
async def test_who_comes_back_gets_what_they_missed_once_and_in_order(ada: Person, where: str) -> None:
    room = await ada.room()
    for number in range(3):
        await ada.say(room, f"{number}")
    query = where.partition(" over ")[2] or where * where.startswith("?")
    headers = {} if where.startswith("?") else {"Last-Event-ID": "2"}

    async with stream(ada, room, query, headers=headers) as reader:
        await ada.say(room, "live")
        events = await reader.take(3)

    assert [event.data["message"]["text"] for event in events] == ["1", "2", "live"]
    assert [event.last_id for event in events] == ["3", "4", "5"]


async def test_who_names_no_position_is_told_it_before_the_first_event(ada: Person) -> None:
    room = await ada.room()
    await ada.say(room, "before")

    async with stream(ada, room) as reader:
        await reader.response.content.readline()
        where = await reader.response.content.readline()
        await ada.say(room, "after")
        event = await reader.next()

    assert where == b"id: 2\n"
    assert event is not None
    assert event.data["message"]["text"] == "after"


async def test_a_long_absence_is_read_page_by_page_from_the_log(
    engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PAGE", 7)
    room = await ada.room()
    ref, by = timeline_of(engine, room), await principal_of(engine, ada)
    for number in range(40):
        await ref.ask(Post(by, Draft(text=f"{number}")))

    async with stream(ada, room, "?since=0") as reader:
        await ada.say(room, "live")
        events = await reader.take(42)

    assert [event.last_id for event in events] == [str(offset) for offset in range(1, 43)]
    assert [event.kind for event in events[:2]] == ["member.joined", "message.posted"]


async def test_what_is_published_during_the_catching_up_comes_once(
    engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PAGE", 5)
    room = await ada.room()
    ref, by = timeline_of(engine, room), await principal_of(engine, ada)

    async def chatter() -> None:
        for number in range(200):
            await ref.ask(Post(by, Draft(text=f"{number}")))

    await chatter()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(chatter)
        async with stream(ada, room, "?since=1") as reader:
            events = await reader.take(400)

    assert [event.data["message"]["text"] for event in events] == [f"{number}" for number in range(200)] * 2
    assert [event.last_id for event in events] == [str(offset) for offset in range(2, 402)]


@pytest.mark.parametrize("query", ["?since=900", "?since=1&epoch=another"])
async def test_a_position_that_is_not_of_this_log_is_reset(ada: Person, query: str) -> None:
    room = await ada.room()
    await ada.say(room, "unseen")

    async with stream(ada, room, query) as reader:
        epoch = reader.response.headers["Timeline-Epoch"]
        await ada.say(room, "live")
        reset, live = await reader.take(2)

    since = int(query.removeprefix("?since=").partition("&")[0])
    missing = {"code": 112, "reason": "unrecoverable position", "since": since, "offset": 2, "epoch": epoch}
    assert (reset.kind, reset.last_id, reset.data) == ("reset", "2", missing)
    assert live.data["message"]["text"] == "live"


async def test_the_epoch_that_the_answer_names_is_good_for_coming_back(ada: Person) -> None:
    room = await ada.room()
    async with stream(ada, room) as reader:
        epoch = reader.response.headers["Timeline-Epoch"]
    await ada.say(room, "missed")

    async with stream(ada, room, f"?since=1&epoch={epoch}") as reader:
        event = await reader.next()

    assert event is not None
    assert event.data["message"]["text"] == "missed"


async def test_who_was_away_for_too_long_is_reset(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "CATCH_UP", 3)
    room = await ada.room()
    for number in range(6):
        await ada.say(room, f"{number}")

    async with stream(ada, room, "?since=4") as near, stream(ada, room, "?since=3") as far:
        first, reset = await near.next(), await far.next()

    assert first is not None
    assert reset is not None
    assert (first.kind, first.last_id) == ("message.posted", "5")
    assert (reset.kind, reset.data["since"], reset.data["offset"]) == ("reset", 3, 7)


async def test_who_falls_too_far_behind_while_catching_up_is_reset(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "CATCH_UP", 3)
    room = await ada.room()
    for number in range(6):
        await ada.say(room, f"{number}")

    async with stream(ada, room, "?since=3") as reader:
        await ada.say(room, "live")
        reset, live = await reader.take(2)

    assert (reset.kind, reset.data["offset"]) == ("reset", 7)
    assert (live.last_id, live.data["message"]["text"]) == ("8", "live")


async def test_ephemeral_events_have_no_id_and_move_no_position(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks: list[Any] = []
    add = Subscribers.add

    def see(self: Any, info: Any, sink: Any, language: Any = None) -> None:
        sinks.append(sink)
        add(self, info, sink, language)

    monkeypatch.setattr(Subscribers, "add", see)
    room = await ada.room()
    async with stream(ada, room) as reader:
        await until(lambda: bool(sinks))
        sinks[0].deliver(Publication(f"room:{room}", None, b'{"type":"typing","user":"bob"}'))
        event = await reader.next()

    assert event is not None
    assert (event.kind, event.data, event.last_id) == ("typing", {"type": "typing", "user": "bob"}, "1")


async def test_leaving_ends_the_stream_with_the_reason_and_the_door_stays_shut(ada: Person, bob: Person) -> None:
    room = await ada.room(visibility="public")
    await bob.post(f"/rooms/{room}/join")
    async with stream(bob, room) as reader:
        await listening(reader, ada, room)
        await bob.post(f"/rooms/{room}/leave")
        events = await reader.rest()
    again = await bob.get(f"/rooms/{room}/stream")

    assert [event.kind for event in events] == ["member.left", "end"]
    assert events[-1].data == {"code": 2000, "reason": "not a member"}
    assert (again.status, again.code) == (403, "forbidden")


async def test_an_archived_room_is_still_listened_to_by_its_members(ada: Person) -> None:
    room = await ada.room()
    async with stream(ada, room) as reader:
        await listening(reader, ada, room)
        await ada.delete(f"/rooms/{room}")
        archived = await reader.next()
    async with stream(ada, room, "?since=2") as again:
        repeated = await again.next()

    assert archived is not None
    assert archived.kind == "room.archived"
    assert repeated == archived


async def test_a_deactivated_person_hears_nothing_more(engine: Engine, ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    async with stream(bob, room) as reader:
        await engine.accounts.administrate(ParticipantId(bob.id), AccountChanges(active=False))
        await ada.say(room, "a secret")
        events = await reader.rest()

    assert [(event.kind, event.data) for event in events] == [("end", {"code": 3503, "reason": "force disconnect"})]


async def test_a_deactivation_by_another_process_is_noticed_between_events(
    engine: Engine, settings: Settings, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.room()
    async with (
        served(engine, settings, ping_interval=0.05) as client,
        stream(ada, room, at=client) as reader,
    ):

        async def gone(_: ParticipantId) -> Any:
            raise Unauthenticated("deactivated")

        monkeypatch.setattr(engine.accounts, "current", gone)
        (end,) = await reader.rest()

    assert end.data["code"] == 3503


async def test_the_stream_ends_with_its_token(engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await ada.room()
    authenticate = engine.accounts.authenticate

    async def briefly(token: str) -> Identity:
        soon = engine.clock.now() + timedelta(seconds=0.2)
        return msgspec.structs.replace(await authenticate(token), expires_at=soon)

    monkeypatch.setattr(engine.accounts, "authenticate", briefly)
    async with stream(ada, room) as reader:
        (end,) = await reader.rest()

    assert end.data == {"code": 3005, "reason": "connection expired"}


async def test_shutting_down_ends_the_stream_at_once_and_turns_newcomers_away(client: Client, ada: Person) -> None:
    room = await ada.room()
    async with stream(ada, room) as reader:
        await listening(reader, ada, room)
        with anyio.fail_after(4):
            await client.app[HUB].shutdown()
        (end,) = await reader.rest()
    late = await ada.get(f"/rooms/{room}/stream")

    assert end.data == {"code": 3001, "reason": "shutdown"}
    assert (late.status, late.code, late.headers["Retry-After"]) == (503, "overloaded", "1")


async def test_a_quiet_stream_shows_that_it_is_alive(engine: Engine, settings: Settings, ada: Person) -> None:
    room = await ada.room()
    async with served(engine, settings, ping_interval=0.02) as client, stream(ada, room, at=client) as reader:
        with anyio.fail_after(20):
            while reader.parser.comments < 3:
                assert reader.parser.feed(await reader.response.content.readany()) == []


async def test_a_cookie_is_enough_and_wants_no_csrf_token(client: Client, ada: Person) -> None:
    room = await ada.room()
    headers = {"Cookie": f"{ACCESS_TOKEN}={ada.token}"}
    async with client.get(f"/api/v1/rooms/{room}/stream?since=0", headers=headers) as response:
        event = await EventReader(response).next()

    assert event is not None
    assert event.kind == "member.joined"


async def test_strangers_get_a_problem_and_no_stream(anyone: Caller, ada: Person, eve: Person) -> None:
    private, public = await ada.room(visibility="private"), await ada.room()
    nowhere = "01890000-0000-7000-8000-000000000000"

    answers = [
        await anyone.get(f"/rooms/{public}/stream"),
        await eve.get(f"/rooms/{public}/stream"),
        await eve.get(f"/rooms/{private}/stream"),
        await eve.get(f"/rooms/{nowhere}/stream"),
        await eve.get("/rooms/nonsense/stream"),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [
        (401, "unauthenticated"),
        (403, "forbidden"),
        (404, "not_found"),
        (404, "not_found"),
        (404, "not_found"),
    ]


@pytest.mark.parametrize(
    ("query", "header", "path"),
    [
        ("?since=-1", None, "since"),
        ("?since=soon", None, "since"),
        ("?until=3", None, "until"),
        ("?epoch=" + "x" * 65, None, "epoch"),
        ("", "soon", "Last-Event-ID"),
        ("", "-1", "Last-Event-ID"),
        ("", "9" * 5000, "Last-Event-ID"),
    ],
)
async def test_a_position_that_is_none_is_refused(ada: Person, query: str, header: str | None, path: str) -> None:
    room = await ada.room()

    headers = {} if header is None else {"Last-Event-ID": header}
    answer = await ada.call("GET", f"/rooms/{room}/stream{query}", headers=headers)

    assert (answer.status, answer.paths) == (422, [path])


async def test_asking_for_headers_only_opens_nothing(client: Client, ada: Person, eve: Person) -> None:
    room = await ada.room()
    answers = {}
    for person in (ada, eve):
        headers = {"Authorization": f"Bearer {person.token}"}
        async with client.head(f"/api/v1/rooms/{room}/stream", headers=headers) as response:
            answers[person.username] = (response.status, response.content_type, await response.read())

    assert answers["ada"] == (200, "text/event-stream", b"")
    assert answers["eve"][0] == 403
    assert client.app[HUB].connections == 0


async def test_one_person_may_have_so_many_streams_and_a_closed_one_makes_room(
    engine: Engine, settings: Settings, ada: Person, bob: Person
) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    async with served(engine, settings, event_streams=2) as client, wire(client) as realtime:
        await realtime.connect(ada)
        hers = Person(client, ada.token, ada.id)
        async with stream(ada, room, at=client):
            async with stream(ada, room, at=client), stream(bob, room, at=client):
                refused = await hers.get(f"/rooms/{room}/stream")
            await until(lambda: len(client.app[HUB].live_of(ParticipantId(ada.id))) == 2)
            async with stream(ada, room, at=client):
                pass

    assert (refused.status, refused.code) == (429, "rate_limited")
    assert "at most 2 streams" in refused.body["detail"]
    assert "Retry-After" in refused.headers


async def test_a_reader_counts_as_present_until_they_hang_up(engine: Engine, ada: Person) -> None:
    room = await ada.room()
    ref, by = timeline_of(engine, room), await principal_of(engine, ada)

    async def present() -> int:
        return len(await ref.ask(ReadPresence(by)))

    async with stream(ada, room) as reader:
        await ada.say(room, "hello")
        await reader.next()
        assert await present() == 1

    async def gone() -> bool:
        return await present() == 0

    await until(gone)


async def test_a_reader_that_stops_reading_is_cut_off_and_resumes_where_it_was(
    engine: Engine, settings: Settings, ada: Person
) -> None:
    room = await ada.room()
    async with served(engine, settings, outgoing_queue_bytes=65_536) as client:
        hub = client.app[HUB]
        with stalled(client, ada, room) as silent:
            await until(lambda: hub.connections == 1)
            posted = await post_until(lambda: not hub.connections, engine, ada, room)
            end = await anyio.to_thread.run_sync(read_to_the_end, silent)
        async with stream(ada, room, "?since=1", at=client) as again:
            events = await again.take(posted)

    assert end != b"0\r\n\r\n"  # the last chunk: what was cut off does not pass for whole
    assert [int(event.last_id) for event in events] == list(range(2, posted + 2))


async def test_a_reader_of_a_quiet_room_that_takes_nothing_is_cut_off_in_the_end(
    engine: Engine, settings: Settings, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PAGE", 10)
    room = await ada.room()
    ref, by = timeline_of(engine, room), await principal_of(engine, ada)
    async with anyio.create_task_group() as posting:
        for _ in range(2000):
            posting.start_soon(ref.ask, Post(by, Draft(text="x" * 4000)))
    async with served(engine, settings, ping_interval=0.2, pong_timeout=0.1) as client:
        hub = client.app[HUB]
        with stalled(client, ada, room, "?since=0"):
            await until(lambda: hub.connections == 1)
            await until(lambda: hub.connections == 0)


class stalled:  # noqa: N801 - reads as a function
    """A client on a bare socket with a small buffer, which never reads."""

    def __init__(self, client: Client, person: Person, room: str, query: str = "") -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((client.host, client.port))
        self._socket.sendall(
            f"GET /api/v1/rooms/{room}/stream{query} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {person.token}\r\n\r\n".encode()
        )

    def __enter__(self) -> socket.socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def read_to_the_end(silent: socket.socket) -> bytes:
    """The last five bytes."""
    silent.settimeout(20)
    end = b""
    while data := silent.recv(1 << 16):
        end = (end + data)[-5:]
    return end


async def test_a_stream_is_described(client: Client) -> None:
    async with client.get("/api/v1/openapi.json") as response:
        document = await response.json()

    operation = document["paths"]["/api/v1/rooms/{room_id}/stream"]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
    parameters = {(each["in"], each["name"]) for each in operation["parameters"]}
    queries = {("query", "since"), ("query", "epoch"), ("query", "language")}
    assert parameters == {("path", "room_id"), *queries, ("header", "Last-Event-ID")}


async def test_a_page_of_an_allowed_origin_may_send_the_position(
    engine: Engine, settings: Settings, ada: Person
) -> None:
    room = await ada.room()
    page = "https://chat.example.org"
    asked = {"Origin": page, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "last-event-id"}
    async with (
        served(engine, settings, allowed_origins=(page,)) as client,
        client.options(f"/api/v1/rooms/{room}/stream", headers=asked) as preflight,
        stream(ada, room, at=client, headers={"Origin": page}) as reader,
    ):
        assert "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]
        assert reader.response.headers["Access-Control-Allow-Origin"] == page
