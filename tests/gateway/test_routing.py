"""The layer between aiohttp and plain typed handlers, over a few endpoints made up for it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any, cast

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from msgspec import Meta

from engine.accounts.forms import Identity
from engine.domain.fields import AccountRole, ParticipantId, TimelineId
from engine.domain.people import Principal, User
from engine.engine import Engine
from engine.errors import Conflict, Unauthenticated
from engine.settings import load
from gateway.middleware import add_headers, frame
from gateway.rest.endpoints import Access, Encoded, Endpoint, Reply, endpoint, get, post
from gateway.rest.routing import add_endpoints

pytestmark = pytest.mark.anyio

ROOM = "0190a000-0000-7000-8000-0000000000aa"


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=10)]
    done: bool = False


class NoteQuery(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    word: str | None = None
    before: int | None = None


async def echo(body: Note) -> Note:
    """Answer what was sent."""
    return body


async def maybe(body: Note | None) -> Note:
    """Answer what was sent, if anything."""
    return body or Note("nothing")


async def search(query: NoteQuery) -> NoteQuery:
    """Answer what was asked."""
    return query


async def whoami(by: Principal, identity: Identity, room_id: TimelineId) -> list[str]:
    """Answer who asks, and of which room."""
    return [by.id, identity.family_id, room_id]


async def nothing() -> None:
    """Answer nothing."""


async def raw() -> Encoded[Note]:
    """Answer bytes that are JSON already."""
    return Encoded(b'{"text":"raw","done":true}')


async def repeated(body: Note) -> Reply[Note]:
    """Answer 200 instead of 201."""
    return Reply(body, 200)


async def refuse() -> None:
    """Refuse."""
    raise Conflict("it is taken")


ENDPOINTS: tuple[Endpoint, ...] = (
    post("/notes", echo, tag="t", status=201, access=Access.PUBLIC),
    post("/maybe", maybe, tag="t", access=Access.PUBLIC),
    get("/notes", search, tag="t", access=Access.PUBLIC),
    get("/rooms/{room_id}", whoami, tag="t"),
    post("/nothing", nothing, tag="t"),
    get("/admin", nothing, tag="t", access=Access.ADMIN),
    get("/raw", raw, tag="t", access=Access.PUBLIC),
    post("/repeated", repeated, tag="t", status=(201, 200), access=Access.PUBLIC),
    get("/refuse", refuse, tag="t", access=Access.PUBLIC),
)


class Door:
    """Accounts that know two people by their tokens."""

    async def authenticate(self, token: str) -> Identity:
        if token not in {"ada", "bob"}:
            raise Unauthenticated("this token is not one of ours")
        now = datetime(2030, 1, 1, tzinfo=UTC)
        role = AccountRole.ADMIN if token == "ada" else AccountRole.USER
        user = User(id=ParticipantId(token), email=f"{token}@example.org", username=token, role=role, created_at=now)
        return Identity(user, f"family of {token}", now + timedelta(minutes=15))


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    engine = cast("Engine", SimpleNamespace(accounts=Door()))
    app = web.Application(middlewares=[frame], client_max_size=1024)
    app.on_response_prepare.append(add_headers)
    add_endpoints(app, ENDPOINTS, engine, load())
    async with TestClient(TestServer(app)) as client:
        yield client


Client = TestClient[web.Request, web.Application]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_body_is_decoded_and_the_answer_encoded(client: Client) -> None:
    response = await client.post("/api/v1/notes", json={"text": "hi"})

    assert response.status == 201
    assert response.content_type == "application/json"
    assert await response.json() == {"text": "hi", "done": False}


async def test_a_body_may_be_optional(client: Client) -> None:
    response = await client.post("/api/v1/maybe")

    assert await response.json() == {"text": "nothing", "done": False}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"{'text': 'hi'}"])
async def test_a_body_that_is_not_json_is_a_400(client: Client, data: bytes) -> None:
    response = await client.post("/api/v1/notes", data=data)

    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert (await response.json())["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("body", "path"),
    [({"text": ""}, "text"), ({"text": 1}, "text"), ({}, "text"), ({"text": "hi", "colour": "red"}, "colour")],
)
async def test_a_body_that_breaks_a_rule_is_a_422_that_names_the_field(
    client: Client, body: dict[str, Any], path: str
) -> None:
    response = await client.post("/api/v1/notes", json=body)

    problem = await response.json()
    assert (response.status, problem["code"]) == (422, "invalid_request")
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_a_body_that_is_too_large_is_a_413(client: Client) -> None:
    response = await client.post("/api/v1/notes", json={"text": "x" * 2000})

    assert (response.status, (await response.json())["code"]) == (413, "payload_too_large")


async def test_a_body_that_is_not_encoded_as_it_says_is_a_400(client: Client) -> None:
    response = await client.post("/api/v1/notes", data=b"not gzip", headers={"Content-Encoding": "gzip"})

    assert (response.status, (await response.json())["code"]) == (400, "invalid_request")


async def test_query_parameters_are_converted(client: Client) -> None:
    response = await client.get("/api/v1/notes?limit=7&word=null")

    assert await response.json() == {"limit": 7, "word": "null", "before": None}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("before=null", "before"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_query_that_breaks_a_rule_is_a_422_that_names_the_parameter(
    client: Client, query: str, path: str
) -> None:
    response = await client.get(f"/api/v1/notes?{query}")

    problem = await response.json()
    assert (response.status, problem["code"]) == (422, "invalid_request")
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_an_address_without_parameters_refuses_them(client: Client) -> None:
    response = await client.get("/api/v1/raw?colour=red")

    assert response.status == 422


async def test_a_handler_learns_who_asks_and_what_the_path_says(client: Client) -> None:
    response = await client.get(f"/api/v1/rooms/{ROOM}", headers=bearer("bob"))

    assert await response.json() == ["bob", "family of bob", ROOM]


async def test_an_id_may_be_written_in_capitals(client: Client) -> None:
    response = await client.get(f"/api/v1/rooms/{ROOM.upper()}", headers=bearer("bob"))

    assert (await response.json())[2] == ROOM


@pytest.mark.parametrize("room_id", ["7", "nobody", ROOM + "0", "%00", "..%2f", "{" + ROOM + "}"])
async def test_an_id_that_is_no_uuid_is_a_404(client: Client, room_id: str) -> None:
    response = await client.get(f"/api/v1/rooms/{room_id}", headers=bearer("bob"))

    assert (response.status, (await response.json())["code"]) == (404, "not_found")


async def test_a_handler_without_an_answer_answers_204(client: Client) -> None:
    response = await client.post("/api/v1/nothing", headers=bearer("bob"))

    assert (response.status, await response.read()) == (204, b"")


async def test_an_answer_may_be_encoded_already(client: Client) -> None:
    response = await client.get("/api/v1/raw")

    assert await response.json() == {"text": "raw", "done": True}


async def test_an_answer_may_choose_its_status(client: Client) -> None:
    response = await client.post("/api/v1/repeated", json={"text": "hi"})

    assert response.status == 200


async def test_a_refusal_becomes_a_problem_document(client: Client) -> None:
    response = await client.get("/api/v1/refuse")

    assert response.content_type == "application/problem+json"
    assert await response.json() == {
        "type": "urn:gathering:problem:conflict",
        "title": "The request contradicts the present state",
        "status": 409,
        "detail": "it is taken",
        "code": "conflict",
        "request_id": response.headers["X-Request-ID"],
    }


async def test_an_address_that_is_not_there_is_a_404(client: Client) -> None:
    response = await client.get("/api/v1/nowhere")

    assert (response.status, (await response.json())["code"]) == (404, "not_found")


async def test_another_method_is_a_405_that_names_the_right_ones(client: Client) -> None:
    response = await client.delete("/api/v1/notes")

    assert (response.status, (await response.json())["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "bob", "Basic Ym9iOmJvYg==", "Bearer a.b.c", "Bearer \u00ff\u00fe", "Bearer bob bob"],
)
async def test_a_malformed_bearer_token_is_a_401(client: Client, header: str) -> None:
    response = await client.get(f"/api/v1/rooms/{ROOM}", headers={"Authorization": header})

    assert (response.status, (await response.json())["code"]) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_who_sends_nothing_is_not_signed_in(client: Client) -> None:
    response = await client.get(f"/api/v1/rooms/{ROOM}")

    assert response.status == 401


async def test_an_administrators_address_is_for_administrators(client: Client) -> None:
    as_bob = await client.get("/api/v1/admin", headers=bearer("bob"))
    as_ada = await client.get("/api/v1/admin", headers=bearer("ada"))

    assert (as_bob.status, (await as_bob.json())["code"]) == (403, "forbidden")
    assert as_ada.status == 204


async def test_cookies_are_enough_to_read(client: Client) -> None:
    response = await client.get(f"/api/v1/rooms/{ROOM}", cookies={"access_token": "bob"})

    assert response.status == 200


@pytest.mark.parametrize(
    ("cookies", "headers"),
    [
        ({}, {}),
        ({"csrf_token": "c"}, {}),
        ({"csrf_token": "c"}, {"X-CSRF-Token": "d"}),
        ({}, {"X-CSRF-Token": "c"}),
        ({"csrf_token": ""}, {"X-CSRF-Token": ""}),
    ],
)
async def test_cookies_alone_are_not_enough_to_change_something(
    client: Client, cookies: dict[str, str], headers: dict[str, str]
) -> None:
    response = await client.post("/api/v1/nothing", cookies={"access_token": "bob"} | cookies, headers=headers)

    assert (response.status, (await response.json())["code"]) == (403, "csrf_failed")


async def test_cookies_with_the_csrf_token_may_change_something(client: Client) -> None:
    cookies = {"access_token": "bob", "csrf_token": "c"}

    response = await client.post("/api/v1/nothing", cookies=cookies, headers={"X-CSRF-Token": "c"})

    assert response.status == 204


async def test_a_bearer_header_wins_over_cookies(client: Client) -> None:
    cookies = {"access_token": "ada"}

    as_bob = await client.get(f"/api/v1/rooms/{ROOM}", cookies=cookies, headers=bearer("bob"))
    refused = await client.get(f"/api/v1/rooms/{ROOM}", cookies=cookies, headers=bearer("forged"))
    changed = await client.post("/api/v1/nothing", cookies=cookies, headers=bearer("bob"))

    assert (await as_bob.json())[0] == "bob"
    assert refused.status == 401
    assert changed.status == 204


def test_a_handler_that_asks_for_what_nobody_has_is_refused_when_declared() -> None:
    async def odd(weather: str) -> None: ...

    with pytest.raises(TypeError, match="weather"):
        endpoint("GET", "/odd", odd, tag="t")
