from typing import Annotated

import msgspec
import pytest
from aiohttp import web
from msgspec import Meta

from actors.errors import ActorCrashed, ActorStopped, AskCycle, AskTimeout, MailboxFull, Unavailable
from engine.errors import (
    Conflict,
    EngineError,
    FieldError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    RateLimited,
    RoomFull,
    StorageUnavailable,
    TimelineMoved,
    TokenExpired,
    Unauthenticated,
)
from gateway.problems import ProblemError, describe, document


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    age: Annotated[int, Meta(ge=1)]


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    people: list[Inner] = []
    by_name: dict[str, int] = {}


def invalid(data: bytes) -> ProblemError:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(data, type=Outer)
    return describe(raised.value)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequest("no"), 422, "invalid_request"),
        (Unauthenticated("no"), 401, "unauthenticated"),
        (TokenExpired("no"), 401, "unauthenticated"),
        (Forbidden("no"), 403, "forbidden"),
        (NotFound("no"), 404, "not_found"),
        (Conflict("no"), 409, "conflict"),
        (RoomFull("no"), 409, "room_full"),
        (RateLimited("no"), 429, "rate_limited"),
        (StorageUnavailable("no"), 503, "storage_unavailable"),
        (Overloaded("no"), 503, "overloaded"),
        (TimelineMoved("no"), 503, "overloaded"),
        (MailboxFull("no"), 503, "overloaded"),
        (AskTimeout("no"), 503, "overloaded"),
        (ActorStopped("no"), 503, "overloaded"),
        (Unavailable("no", retry_after=3), 503, "overloaded"),
        (ActorCrashed("no"), 500, "internal"),
        (AskCycle("no"), 500, "internal"),
        (EngineError("no"), 500, "internal"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2), 413, "payload_too_large"),
        (web.HTTPLengthRequired(), 411, "invalid_request"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_refusal_has_its_code_and_status(error: Exception, status: int, code: str) -> None:
    problem = describe(error)

    assert (problem.status, problem.code) == (status, code)


def test_an_unforeseen_error_says_nothing_of_itself() -> None:
    problem = describe(ZeroDivisionError("secret"))

    assert (problem.status, problem.code) == (500, "internal")
    assert "secret" not in problem.detail


def test_a_crash_says_nothing_of_its_cause() -> None:
    problem = describe(ActorCrashed("room gathering/rooms/7: KeyError('secret')"))

    assert "secret" not in problem.detail


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (2.1, "3"), (10, "10")])
def test_a_passing_condition_says_when_to_come_back_in_whole_seconds(seconds: float, header: str) -> None:
    problem = describe(StorageUnavailable("the database is away", retry_after=seconds))

    assert problem.headers["Retry-After"] == header


def test_a_401_names_the_challenge() -> None:
    assert describe(Unauthenticated("no")).headers["WWW-Authenticate"] == "Bearer"


def test_a_405_names_what_is_allowed() -> None:
    problem = describe(web.HTTPMethodNotAllowed("PUT", ["POST", "GET"]))

    assert (problem.status, problem.code, problem.headers["Allow"]) == (405, "method_not_allowed", "GET, POST")


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (b"{}", "name", "is required"),
        (b'{"name":"a","x":1}', "x", "is not a known field"),
        (b'{"name":1}', "name", "Expected `str`, got `int`"),
        (b'{"name":"a","people":[{"age":1},{"age":0}]}', "people.1.age", "Expected `int` >= 1"),
        (b'{"name":"a","people":[{}]}', "people.0.age", "is required"),
        (b'{"name":"a","by_name":{"b":""}}', "by_name", "Expected `int`, got `str`"),
        (b"[]", "", "Expected `object`, got `array`"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named_by_its_path(data: bytes, path: str, message: str) -> None:
    problem = invalid(data)

    assert (problem.status, problem.errors) == (422, (FieldError(path, message),))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"name":"\xff"}', b'{"name":"\\ud800"}', b'{"name":"a"} x'])
def test_what_is_not_json_is_a_400(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as raised:
        msgspec.json.decode(data, type=Outer)

    problem = describe(raised.value)

    assert (problem.status, problem.code) == (400, "invalid_request")


def test_json_nested_too_deeply_is_a_400() -> None:
    with pytest.raises(RecursionError) as raised:
        msgspec.json.decode(b"[" * 60_000)

    assert describe(raised.value).status == 400


def test_a_document_has_the_members_of_rfc_9457_and_ours() -> None:
    problem = InvalidRequest.field("text", "is longer than 4000 characters")

    seen = msgspec.json.decode(msgspec.json.encode(document(describe(problem), "r-1")))

    assert seen == {
        "type": "urn:gathering:problem:invalid_request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "text: is longer than 4000 characters",
        "code": "invalid_request",
        "request_id": "r-1",
        "errors": [{"path": "text", "message": "is longer than 4000 characters"}],
    }


def test_only_invalid_requests_carry_errors() -> None:
    seen = msgspec.json.decode(msgspec.json.encode(document(describe(NotFound("no room")), "r-1")))

    assert "errors" not in seen
