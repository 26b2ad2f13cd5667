"""The emulation transports over real sockets, with a real engine behind them."""

import itertools
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer

from engine.accounts.forms import AccountChanges, Identity
from engine.domain.fields import ParticipantId
from engine.engine import Engine
from gateway.cors import add_cors
from gateway.middleware import add_headers, frame
from gateway.realtime import Hub, RealtimeSettings
from gateway.realtime.emulation import EMULATION_PATH, SSE_PATH, STREAM_PATH, Emulation
from gateway.realtime.hub import HUB
from gateway.rest.cookies import ACCESS_TOKEN
from tests.gateway.realtime.test_socket import is_gone, is_there, post_until, until
from tests.support.rest import Client, LikeServed, Person
from tests.support.server_sent import EventParser

pytestmark = pytest.mark.anyio

OTHER_SITE = "https://evil.example"
PAGES = "https://chat.example.org"


class Emulated:
    """A client of an emulation transport: sees every reply and push."""

    def __init__(self, session: aiohttp.ClientSession, base: str, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.address: dict[str, str] = {}
        self._session = session
        self._base = base
        self._numbers = itertools.count(2)
        self._parser = EventParser() if response.content_type == "text/event-stream" else None
        self._rest = b""
        self._items: list[Any] = []

    async def send(self, *commands: object, **changed: str) -> int:
        """Post a frame; tells the status."""
        data = "\n".join(map(json.dumps, commands))
        body = {**self.address, "data": data, **changed}
        async with self._session.post(self._base + EMULATION_PATH, json=body) as answer:
            return answer.status

    async def next(self) -> Any:
        """The next reply or push; None when the response has ended."""
        with anyio.fail_after(20):
            while not self._items:
                data = await self.response.content.readany()
                if not data:
                    return None
                if self._parser is None:
                    *lines, self._rest = (self._rest + data).split(b"\n")
                    self._items = list(map(json.loads, lines))
                else:
                    self._items = [event.data for event in self._parser.feed(data)]
        return self._items.pop(0)

    async def connected(self) -> Any:
        """The answer to connect."""
        answer = await self.next()
        result = answer.get("connect", {})
        self.address = {key: result[key] for key in ("session", "node") if key in result}
        return answer

    async def ask(self, **command: object) -> Any:
        """Send a command; the reply to it."""
        number = next(self._numbers)
        assert await self.send({"id": number, **command}) == 204
        while (answer := await self.next()).get("id") != number:
            pass
        return answer


TRANSPORTS = ["http_stream", "sse", "sse by query"]


@asynccontextmanager
async def opened(
    client: Client | BaseTestServer,
    session: aiohttp.ClientSession,
    connect: object,
    transport: str = "http_stream",
    **headers: str,
) -> AsyncIterator[Emulated]:
    base = str(client.make_url("")).rstrip("/")
    first = json.dumps({"id": 1, "connect": connect})
    method, url, options = "POST", base + STREAM_PATH, dict[str, Any](data=first)
    if transport != "http_stream":
        url = base + SSE_PATH
    if transport == "sse by query":
        method, options = "GET", {"params": {"cf_connect": first}}
    async with session.request(method, url, headers=headers, **options) as response:
        assert response.status == 200, await response.text()
        yield Emulated(session, base, response)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def served(engine: Engine, **limits: Any) -> AsyncIterator[tuple[BaseTestServer, Hub]]:
    """A server of its own, with limits of its own."""
    hub = Hub(engine, RealtimeSettings(**limits))
    app = web.Application(middlewares=[frame])
    app.on_response_prepare.append(add_headers)
    add_cors(app, hub.settings.allowed_origins)
    Emulation(hub).add_routes(app)
    async with LikeServed(app) as server:
        yield server, hub
        await hub.shutdown()


def token(person: Person) -> dict[str, str]:
    return {"token": str(person.token)}


async def test_a_connection_says_where_its_commands_go_and_answers_them(
    client: Client, session: aiohttp.ClientSession, ada: Person, transport: str
) -> None:
    room = await ada.room()
    async with opened(client, session, token(ada), transport) as hers:
        connected = await hers.connected()
        subscribed = await hers.ask(subscribe={"channel": f"room:{room}"})
        offset = subscribed["subscribe"]["offset"]

        assert (
            await hers.send({"id": 9, "rpc": {"method": "post", "data": {"timeline": f"room:{room}", "text": "Ü"}}})
            == 204
        )
        seen = [await hers.next(), await hers.next()]

    reply, push = sorted(seen, key=lambda item: "push" in item)
    assert {"session", "node", "client"} <= connected["connect"].keys()
    assert connected["connect"]["pong"] is True
    assert reply["rpc"]["data"]["message"]["text"] == "Ü"
    assert push["push"]["pub"]["offset"] == offset + 1


async def test_responses_are_neither_cached_nor_held_back_by_proxies(
    client: Client, session: aiohttp.ClientSession, ada: Person, transport: str
) -> None:
    async with opened(client, session, token(ada), transport) as hers:
        headers = hers.response.headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["Content-Type"].startswith("text/event-stream" if "sse" in transport else "application/x-ndjson")


async def test_frames_of_one_session_are_taken_one_after_the_other(
    client: Client, session: aiohttp.ClientSession, ada: Person
) -> None:
    room = await ada.room()
    async with opened(client, session, token(ada)) as hers:
        await hers.connected()

        for number in range(10, 20):
            draft = {"timeline": f"room:{room}", "text": f"{number}"}
            assert await hers.send({"id": number, "rpc": {"method": "post", "data": draft}}) == 204
        replies = [await hers.next() for _ in range(10)]

    assert [reply["id"] for reply in replies] == list(range(10, 20))
    offsets = [reply["rpc"]["data"]["message"]["offset"] for reply in replies]
    assert offsets == list(range(offsets[0], offsets[0] + 10))


async def test_sessions_that_are_not_here_are_not_found(
    client: Client, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with opened(client, session, token(ada)) as hers:
        await hers.connected()

        unknown = await hers.send({"id": 2, "ping": {}}, session="guessed")
        foreign = await hers.send({"id": 3, "ping": {}}, node="another")
        empty = await hers.send({"id": 4, "ping": {}}, session="", node="")

        assert await hers.ask(ping={}) == {"id": 2, "ping": {}}
    hub = client.app[HUB]
    await until(lambda: hub.connections == 0)
    over = await hers.send({"id": 5, "ping": {}})

    assert (unknown, foreign, empty, over) == (404, 404, 404, 404)


async def test_two_connections_have_sessions_of_their_own(
    client: Client, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with opened(client, session, token(ada)) as one, opened(client, session, token(ada)) as two:
        await one.connected()
        await two.connected()

        assert one.address["session"] != two.address["session"]
        assert len(one.address["session"]) >= 32
        assert await two.ask(ping={}) == {"id": 2, "ping": {}}


async def test_who_hangs_up_is_gone_from_the_room_at_once(
    client: Client, session: aiohttp.ClientSession, engine: Engine, ada: Person, transport: str
) -> None:
    room = await ada.room()
    ref = engine.timelines.ref(f"room:{room}")
    assert ref is not None
    by = (await engine.accounts.current(ParticipantId(ada.id))).principal
    async with opened(client, session, token(ada), transport) as hers:
        await hers.connected()
        await hers.ask(subscribe={"channel": f"room:{room}"})
        assert await is_there(ref, by)

    await until(lambda: is_gone(ref, by))


@pytest.mark.parametrize(
    ("connect", "first"),
    [
        ({"token": "forged"}, {"push": {"disconnect": {"code": 3500, "reason": "invalid token"}}}),
        ({}, {"id": 1, "error": {"code": 101, "message": "unauthorized"}}),
    ],
)
async def test_who_may_not_connect_is_told_in_the_stream(
    client: Client, session: aiohttp.ClientSession, transport: str, connect: object, first: object
) -> None:
    async with opened(client, session, connect, transport) as stranger:
        assert await stranger.next() == first


async def test_a_frame_that_is_not_the_protocol_ends_the_connection(
    client: Client, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with opened(client, session, token(ada)) as hers:
        await hers.connected()

        assert await hers.send("not a command") == 204

        assert await hers.next() == {"push": {"disconnect": {"code": 3501, "reason": "bad request"}}}
        assert await hers.next() is None


async def test_a_deactivated_person_is_disconnected_at_once(
    client: Client, session: aiohttp.ClientSession, engine: Engine, bob: Person, transport: str
) -> None:
    async with opened(client, session, token(bob), transport) as his:
        await his.connected()

        await engine.accounts.administrate(ParticipantId(bob.id), AccountChanges(active=False))

        assert (await his.next())["push"]["disconnect"]["code"] == 3503
        assert await his.next() is None


async def test_shutting_down_ends_every_stream_and_turns_newcomers_away(
    client: Client, session: aiohttp.ClientSession, ada: Person, transport: str
) -> None:
    hub = client.app[HUB]
    async with opened(client, session, token(ada), transport) as hers:
        await hers.connected()

        with anyio.fail_after(4):
            await hub.shutdown()

        assert await hers.next() == {"push": {"disconnect": {"code": 3001, "reason": "shutdown"}}}
        assert await hers.next() is None
    async with session.post(client.make_url(STREAM_PATH), data=b'{"id":1,"connect":{}}') as late:
        assert (late.status, late.headers["Retry-After"]) == (503, "1")
    assert hub.connections == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (STREAM_PATH, b"", 400),
        (SSE_PATH, b" \n", 400),
        (STREAM_PATH, b"x" * 65_537, 413),
        (EMULATION_PATH, b"", 400),
        (EMULATION_PATH, b"[]", 400),
        (EMULATION_PATH, b'{"session":"s","node":"n"}', 400),
        (EMULATION_PATH, b'{"session":"s","node":"n","data":{}}', 400),
        (EMULATION_PATH, b'{"session":"s","node":"n","data":"\xff"}', 400),
        (EMULATION_PATH, b'{"session":"s","node":"n","data":"%b"}' % (b"x" * 65_537), 413),
        (EMULATION_PATH, b'{"session":"s","node":"n","data":"%b"}' % (b"x" * 200_000), 413),
        (EMULATION_PATH, b'{"session":"s","node":"n","data":"%b"}' % (b'\\"' * 65_536), 404),
    ],
)
async def test_what_is_posted_amiss_is_a_problem(client: Client, path: str, body: bytes, status: int) -> None:
    async with client.post(path, data=body, headers={"Content-Type": "application/json"}) as answer:
        problem = await answer.json()

    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert problem["status"] == status


@pytest.mark.parametrize("path", [STREAM_PATH, SSE_PATH, EMULATION_PATH])
async def test_protobuf_is_refused_as_such(client: Client, path: str) -> None:
    async with client.post(path, data=b"\x01", headers={"Content-Type": "application/octet-stream"}) as answer:
        assert answer.status == 415


@pytest.mark.parametrize(
    "query",
    [
        "",
        "nonsense",
        '{"id":1,"ping":{}}',
        '{"connect":{}}',
        '{"id":1,"connect":3}',
        '{"id":1,"connect":{}}\n{"id":2,"rpc":{"method":"post","data":{}}}',
        '{"id":1,"connect":{}}\n{}',
    ],
)
async def test_a_link_can_do_nothing_but_connect(client: Client, query: str) -> None:
    async with client.get(SSE_PATH, params={"cf_connect": query}) as answer:
        assert answer.status == 400


async def test_a_request_that_asks_for_headers_only_opens_nothing(client: Client) -> None:
    async with client.head(SSE_PATH, params={"cf_connect": '{"id":1,"connect":{}}'}) as answer:
        assert answer.status == 405


async def test_cookies_count_only_from_our_own_pages(
    client: Client, session: aiohttp.ClientSession, ada: Person, transport: str
) -> None:
    own = str(client.make_url("")).rstrip("/")
    cookie = f"{ACCESS_TOKEN}={ada.token}"

    async def answer(**headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with opened(client, session, {}, transport, Cookie=cookie, **sent) as browser:
            return await browser.next()

    assert "connect" in await answer(Origin=own)
    assert "connect" in await answer(Sec_Fetch_Site="same-origin")
    assert "connect" in await answer()  # no page has sent this
    assert (await answer(Origin=OTHER_SITE))["error"]["code"] == 101
    assert (await answer(Origin="null"))["error"]["code"] == 101
    assert (await answer(Sec_Fetch_Site="cross-site"))["error"]["code"] == 101


@pytest.mark.parametrize("path", [STREAM_PATH, SSE_PATH, EMULATION_PATH])
async def test_pages_of_allowed_origins_may_ask_and_others_may_not(
    engine: Engine, session: aiohttp.ClientSession, path: str
) -> None:
    async with served(engine, allowed_origins=frozenset({PAGES})) as (server, _):
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        answers = {}
        for origin in (PAGES, OTHER_SITE):
            headers = {"Origin": origin, **asked}
            async with session.options(server.make_url(path), headers=headers) as preflight:
                answers[origin] = (preflight.status, preflight.headers.get("Access-Control-Allow-Origin"))

    assert answers[PAGES] == (204, PAGES)
    assert answers[OTHER_SITE] == (405, None)


async def test_a_page_of_an_allowed_origin_reads_the_stream(
    engine: Engine, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with (
        served(engine, allowed_origins=frozenset({PAGES})) as (server, _),
        opened(server, session, token(ada), Origin=PAGES) as hers,
    ):
        assert hers.response.headers["Access-Control-Allow-Origin"] == PAGES
        assert "connect" in await hers.connected()


async def test_a_client_that_answers_no_ping_is_disconnected(
    engine: Engine, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with (
        served(engine, ping_interval=0.05, pong_timeout=0.05) as (server, _),
        opened(server, session, token(ada)) as silent,
    ):
        await silent.connected()

        assert await silent.next() == {}
        assert (await silent.next())["push"]["disconnect"]["code"] == 3012


async def test_pongs_come_by_the_side_door(engine: Engine, session: aiohttp.ClientSession, ada: Person) -> None:
    async with (
        served(engine, ping_interval=0.05, pong_timeout=20.0) as (server, _),
        opened(server, session, token(ada)) as hers,
    ):
        await hers.connected()

        for _ in range(3):
            assert await hers.next() == {}
            assert await hers.send({}) == 204


async def test_commands_that_come_too_fast_are_refused_and_then_end_the_connection(
    engine: Engine, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with (
        served(engine, commands_per_second=0.001, commands_burst=2, commands_refused=2) as (server, _),
        opened(server, session, token(ada)) as hers,
    ):
        await hers.connected()

        for number in range(2, 6):
            assert await hers.send({"id": number, "ping": {}}) == 204
        answers = [await hers.next() for _ in range(4)]

    assert answers[0] == {"id": 2, "ping": {}}
    assert [answer["error"]["code"] for answer in answers[1:3]] == [111, 111]
    assert answers[3]["push"]["disconnect"]["code"] == 3013


async def test_a_first_frame_may_be_as_large_as_the_settings_say(
    engine: Engine, session: aiohttp.ClientSession, ada: Person
) -> None:
    async with (
        served(engine, frame_bytes=200_000) as (server, _),
        opened(server, session, {**token(ada), "name": "x" * 150_000}) as hers,
    ):
        assert "connect" in await hers.connected()
        assert await hers.send({"id": 2, "ping": {}, "padding": "y" * 150_000}) == 204
        assert await hers.next() == {"id": 2, "ping": {}}


async def test_a_client_that_stops_reading_is_cut_off_and_its_room_goes_on(engine: Engine, ada: Person) -> None:
    room = await ada.room()
    ref = engine.timelines.ref(f"room:{room}")
    assert ref is not None
    by = (await engine.accounts.current(ParticipantId(ada.id))).principal
    async with served(engine, queue_bytes=65_536, linger=0.2) as (server, hub):
        with stalled(server) as send:
            send(STREAM_PATH, json.dumps({"id": 1, "connect": token(ada)}))
            (carrier,) = await found(lambda: list(emulation_of(server)._carriers.values()))
            subscribe = json.dumps({"id": 2, "subscribe": {"channel": f"room:{room}"}}).encode()
            assert await carrier.deliver(subscribe)
            await until(lambda: is_there(ref, by))
            posted = await post_until(lambda: not hub.connections, engine, ada, room)
            assert not await carrier.deliver(subscribe)

    assert posted > 10
    assert await is_gone(ref, by)


async def test_only_so_much_may_wait_for_one_connection(
    engine: Engine, session: aiohttp.ClientSession, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticate, gate = engine.accounts.authenticate, anyio.Event()

    async def slowly(token: str) -> Identity:
        await gate.wait()
        return await authenticate(token)

    monkeypatch.setattr(engine.accounts, "authenticate", slowly)
    statuses: dict[str, int] = {}
    async with (
        served(engine, queue_bytes=2000) as (server, _),
        opened(server, session, token(ada)) as hers,
        anyio.create_task_group() as tasks,
    ):
        emulation = emulation_of(server)
        (secret,) = await found(lambda: list(emulation._carriers))
        hers.address = {"session": secret, "node": emulation.node}

        async def send(name: str) -> None:
            statuses[name] = await hers.send({"id": 2, "ping": {}, "padding": "x" * 1500})

        tasks.start_soon(send, "first")
        await until(lambda: emulation._carriers[secret].waiting > 0)
        await send("second")
        gate.set()
        await hers.connected()
        assert await hers.next() == {"id": 2, "ping": {}}
        await send("third")
        assert await hers.next() == {"id": 2, "ping": {}}

    assert statuses == {"first": 204, "second": 429, "third": 204}


def emulation_of(server: BaseTestServer) -> Any:
    """What a server of `served` serves."""
    assert isinstance(server, LikeServed)
    (emulate,) = [
        each for each in server.app.router.routes() if each.method == "POST" and "emulation" in str(each.resource)
    ]
    return emulate.handler.__self__  # type: ignore[attr-defined] # a bound method


async def found(look: Callable[[], list[Any]]) -> list[Any]:
    await until(lambda: bool(look()))
    return look()


class stalled:  # noqa: N801 - reads as a function
    """A client on a bare socket with a small buffer, which never reads."""

    def __init__(self, server: BaseTestServer) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert server.port is not None
        self._socket.connect((str(server.host), server.port))

    def __enter__(self) -> Callable[[str, str], None]:
        def send(path: str, body: str) -> None:
            request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            self._socket.sendall(request.encode())

        return send

    def __exit__(self, *_: object) -> None:
        self._socket.close()
