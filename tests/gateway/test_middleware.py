"""The frame around every request, and cross-origin requests, over a few endpoints made up for it."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from engine.engine import Engine
from engine.errors import Conflict
from engine.settings import load
from gateway.cors import add_cors
from gateway.middleware import add_headers, frame
from gateway.rest.endpoints import Access, Encoded, Endpoint, get
from gateway.rest.routing import add_endpoints
from tests.support.rest import Client

pytestmark = pytest.mark.anyio

ROOM = "0190a000-0000-7000-8000-0000000000aa"


async def raw() -> Encoded[list[str]]:
    """Answer bytes that are JSON already."""
    return Encoded(b"[]")


async def refuse() -> None:
    """Refuse."""
    raise Conflict("it is taken")


async def fail() -> None:
    """Fail in a way that nobody foresaw."""
    raise ZeroDivisionError("a secret")


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"so far so good")
    raise ZeroDivisionError("a secret")


ENDPOINTS: tuple[Endpoint, ...] = (
    get("/raw", raw, tag="t", access=Access.PUBLIC),
    get("/rooms/{room_id}", refuse, tag="t", access=Access.PUBLIC),
    get("/refuse", refuse, tag="t", access=Access.PUBLIC),
    get("/fail", fail, tag="t", access=Access.PUBLIC),
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application(middlewares=[frame])
    app.on_response_prepare.append(add_headers)
    add_cors(app, frozenset({"https://chat.example.org"}))
    add_endpoints(app, ENDPOINTS, cast("Engine", SimpleNamespace(accounts=None)), load())
    app.router.add_get("/half", half)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_failure_in_the_middle_of_an_answer_closes_the_connection(client: Client) -> None:
    with capture_logs() as lines, pytest.raises(ClientPayloadError):
        async with client.get("/half") as response:
            await response.read()

    assert [line["event"] for line in lines] == ["request.failed"]


async def test_an_unforeseen_error_is_logged_and_not_told(client: Client) -> None:
    with capture_logs() as lines:
        response = await client.get("/api/v1/fail")

    text = await response.text()
    failure = next(line for line in lines if line["event"] == "request.failed")
    assert response.status == 500
    assert msgspec.json.decode(text)["code"] == "internal"
    assert "secret" not in text
    assert "Traceback" not in text
    assert isinstance(failure["exc_info"], ZeroDivisionError)


async def test_a_sane_request_id_is_kept(client: Client) -> None:
    response = await client.get("/api/v1/raw", headers={"X-Request-ID": "trace-7"})

    assert response.headers["X-Request-ID"] == "trace-7"


@pytest.mark.parametrize("given", ["", "a b", "x" * 200, "<script>"])
async def test_any_other_request_id_is_replaced(client: Client, given: str) -> None:
    response = await client.get("/api/v1/raw", headers={"X-Request-ID": given})

    assert response.headers["X-Request-ID"] not in {"", given}


async def test_every_request_leaves_one_line_in_the_log(client: Client) -> None:
    with capture_logs() as lines:
        await client.get(f"/api/v1/rooms/{ROOM}?token=secret")

    (line,) = (line for line in lines if line["event"] == "request.finished")
    assert (line["method"], line["status"], line["route"]) == ("GET", 422, "/api/v1/rooms/{room_id}")
    assert "secret" not in str(line)


async def test_an_allowed_origin_may_read_answers_and_problems(client: Client) -> None:
    origin = {"Origin": "https://chat.example.org"}

    answered = await client.get("/api/v1/raw", headers=origin)
    refused = await client.get("/api/v1/refuse", headers=origin)

    for response in (answered, refused):
        assert response.headers["Access-Control-Allow-Origin"] == "https://chat.example.org"
        assert "Origin" in response.headers["Vary"]


async def test_an_allowed_origin_gets_its_preflight(client: Client) -> None:
    headers = {"Origin": "https://chat.example.org", "Access-Control-Request-Method": "POST"}

    response = await client.options("/api/v1/raw", headers=headers)

    assert response.status == 204
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "X-CSRF-Token" in response.headers["Access-Control-Allow-Headers"]


async def test_another_origin_gets_no_permission(client: Client) -> None:
    headers = {"Origin": "https://evil.example.org", "Access-Control-Request-Method": "POST"}

    preflight = await client.options("/api/v1/raw", headers=headers)
    answered = await client.get("/api/v1/raw", headers=headers)

    assert preflight.status == 405
    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in answered.headers
