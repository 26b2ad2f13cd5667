"""The official Centrifuge clients against a real server on a real database."""

import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import pytest

from tests.support.official import CLIENTS, JavaScriptClient, Official, PythonClient, Refusal, happened
from tests.support.outside import unused
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
POSTS = 1000


@pytest.fixture
def anyio_backend() -> str:
    """centrifuge-python is asyncio's."""
    return "asyncio"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> Iterator[GatheringServer]:
    databases = request.getfixturevalue("sqlite_databases" if request.param == "sqlite" else "postgres_databases")
    with (
        databases() as url,
        GatheringServer(url, commands_per_second=100_000, commands_burst=100_000) as server,
    ):
        yield server


@pytest.fixture
def server(shared: GatheringServer) -> GatheringServer:
    """One for all tests on a database, for people and rooms of their own; it runs when a test begins."""
    shared.revive()
    return shared


@dataclass(frozen=True, slots=True)
class Guest:
    """Someone with an account and a room."""

    token: str
    room: str


def rest(server: GatheringServer, method: str, path: str, body: object, token: str = "") -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(  # noqa: S310 - http on loopback
        f"{server.http}/api/v1{path}", json.dumps(body).encode(), headers, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - the same
        return json.load(response)


@pytest.fixture
def ada(server: GatheringServer) -> Guest:
    name = unused("ada")
    person = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    rest(server, "POST", "/auth/register", person)
    token = rest(server, "POST", "/auth/login", {"login": name, "password": PASSWORD})["access_token"]
    return Guest(token, rest(server, "POST", "/rooms", {"name": "Lobby"}, token)["id"])


Open: TypeAlias = Callable[[], AbstractAsyncContextManager[Official]]


@pytest.fixture(params=["python", "javascript", "http_stream", "sse"])
def open_client(request: pytest.FixtureRequest, server: GatheringServer, ada: Guest) -> Open:
    """Opens a client of Ada's that is subscribed to the room; the JavaScript client also where WebSockets are blocked."""
    assert (CLIENTS / "node_modules").exists(), "npm ci --prefix tests/clients"
    channel = f"room:{ada.room}"

    def opened() -> AbstractAsyncContextManager[Official]:
        match request.param:
            case "python":
                return PythonClient.open(server.websocket, ada.token, channel)
            case "javascript":
                return JavaScriptClient.open(server.websocket, ada.token, channel)
            case only:
                transports = transports_where_only(only, server)
                return JavaScriptClient.open(transports, ada.token, channel, emulation=f"{server.http}/emulation")

    @asynccontextmanager
    async def open_it() -> AsyncIterator[Official]:
        async with opened() as client:
            connected = await happened(client, lambda event: event["event"] == "connected")
            assert connected.get("transport", request.param) in {"websocket", request.param}
            assert (connected.get("transport") == "websocket") == (request.param == "javascript")
            await happened(client, lambda event: event["event"] == "subscribed")
            yield client

    return open_it


def transports_where_only(works: str, server: GatheringServer) -> list[dict[str, str]]:
    """What a page offers the client, in a network where those before `works` get an answer that is no such transport's."""
    address = server.http.removeprefix("http://")
    offered = {
        "websocket": f"ws://{address}/livez",
        "http_stream": f"http://{address}/connection/http_stream",
        "sse": f"http://{address}/connection/sse",
    }
    if works == "sse":
        offered["http_stream"] = f"http://{address}/livez"
    return [{"transport": transport, "endpoint": endpoint} for transport, endpoint in offered.items()]


def publications(client: Official) -> list[dict[str, Any]]:
    return [event for event in client.events if event["event"] == "publication"]


def says(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == "publication" and event["data"].get("message", {}).get("text") == text


async def test_they_connect_subscribe_post_and_look_around(open_client: Open, ada: Guest) -> None:
    async with open_client() as client, open_client() as other:
        subscribed = await happened(client, lambda event: event["event"] == "subscribed")
        own = await happened(client, lambda event: event["event"] == "server_subscribed")
        joined = await happened(client, lambda event: event["event"] == "join")

        answer = await client.rpc("post", {"timeline": f"room:{ada.room}", "text": "Hallo", "client_id": "c-1"})
        again = await client.rpc("post", {"timeline": f"room:{ada.room}", "text": "Hallo", "client_id": "c-1"})
        seen = await happened(other, says("Hallo"))
        history = await client.call("history", limit=-1)
        await client.call("presence")

        assert subscribed["data"]["room"]["id"] == ada.room
        assert own["channel"] == f"user:{joined['user']}"
        assert answer == again
        assert seen["data"]["message"] == answer["message"]
        assert seen["offset"] == answer["message"]["offset"]
        assert history is not None
        with pytest.raises(Refusal, match="method not found"):
            await client.rpc("fly", {})


async def test_after_a_kill_in_the_middle_of_posting_nothing_acknowledged_is_missing_and_nothing_comes_twice(
    server: GatheringServer, open_client: Open, ada: Guest
) -> None:
    acknowledged: dict[str, int] = {}
    killed = anyio.Event()
    # The last posts begin when the first are answered: the server dies before it has seen them all, however fast it is.
    in_flight = anyio.Semaphore(POSTS - POSTS // 10)

    async def post(client: Official, text: str) -> None:
        draft = {"timeline": f"room:{ada.room}", "text": text, "client_id": text}
        async with in_flight:
            try:
                answer = await client.rpc("post", draft)
            except Refusal:
                return
            acknowledged[text] = answer["message"]["offset"]
            if len(acknowledged) == POSTS // 20:
                server.kill()
                killed.set()

    async with open_client() as author, open_client() as reader:
        start = (await happened(reader, lambda event: event["event"] == "subscribed"))["offset"]
        async with anyio.create_task_group() as posting:
            for number in range(POSTS):
                posting.start_soon(post, author, f"post {number}")
            await killed.wait()
            await anyio.to_thread.run_sync(server.start)
        for client in (author, reader):
            await happened(client, lambda event: event["event"] == "subscribed" and event["was_recovering"])
        await post(author, "the end")
        for client in (author, reader):
            await happened(client, says("the end"))

        assert "the end" in acknowledged
        for client in (author, reader):
            seen = publications(client)
            offsets = [event["offset"] for event in seen]
            texts = [event["data"]["message"]["text"] for event in seen]
            assert all(event["recovered"] for event in client.events if event.get("was_recovering"))
            assert offsets == list(range(start + 1, start + 1 + len(offsets)))
            assert len(set(texts)) == len(texts)
            assert acknowledged.items() <= dict(zip(texts, offsets, strict=True)).items()


async def test_a_stopping_server_sends_them_away_and_they_come_back(
    server: GatheringServer, open_client: Open, ada: Guest
) -> None:
    async with open_client() as client:
        stopped = await anyio.to_thread.run_sync(server.stop)
        await anyio.to_thread.run_sync(server.start)
        await happened(client, lambda event: event["event"] == "subscribed" and event["was_recovering"])
        await client.rpc("post", {"timeline": f"room:{ada.room}", "text": "back"})
        await happened(client, says("back"))

        assert stopped == 0
        assert not [event for event in client.events if event["event"] == "disconnected"]


async def test_letters_of_every_script_arrive_whole(open_client: Open, ada: Guest) -> None:
    # So much at a time that it reaches the client in many pieces, which begin and end anywhere.
    texts = [f"{number} " + "Grüße, 你好, \N{GRINNING FACE}!" * 200 for number in range(100)]
    async with open_client() as reader, open_client() as author:
        async with anyio.create_task_group() as posting:
            for text in texts:
                posting.start_soon(author.rpc, "post", {"timeline": f"room:{ada.room}", "text": text})
        await author.rpc("post", {"timeline": f"room:{ada.room}", "text": "the end"})
        await happened(reader, says("the end"))

        seen = [event["data"]["message"]["text"] for event in publications(reader)]
    assert sorted(seen) == sorted([*texts, "the end"])
