"""Refusals on their way out: every error becomes an RFC 9457 problem document, and nothing else of it leaves the server.

`describe` is the whole mapping, from what the engine, the actors, msgspec and aiohttp raise to a `ProblemError`; `document` is the
JSON that the client reads. The codes are those of the protocol and stay as they are.
"""

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.errors import ActorCrashed, AskCycle, AskFailed, Unavailable
from engine.errors import EngineError, FieldError, InvalidRequest, TryLater

MEDIA_TYPE: Final = "application/problem+json"


class Kind(NamedTuple):
    """What a problem code means: the HTTP status it usually has, and a title that never changes."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "invalid_request": Kind(422, "The request is not valid"),
        "unauthenticated": Kind(401, "You are not signed in"),
        "forbidden": Kind(403, "You may not do this"),
        "csrf_failed": Kind(403, "The X-CSRF-Token header does not match"),
        "not_found": Kind(404, "There is no such thing"),
        "method_not_allowed": Kind(405, "This method is not supported here"),
        "conflict": Kind(409, "The request contradicts the present state"),
        "room_full": Kind(409, "The room is full"),
        "payload_too_large": Kind(413, "The request is too large"),
        "rate_limited": Kind(429, "Too many requests"),
        "quota_exceeded": Kind(429, "The quota is used up"),
        "internal": Kind(500, "Something went wrong on the server"),
        "storage_unavailable": Kind(503, "The database does not answer"),
        "overloaded": Kind(503, "The server is too busy"),
    }
)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document (RFC 9457). `errors` is there for invalid requests and names the fields at fault."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] | UnsetType = UNSET


class ProblemError(Exception):
    """A refusal at the door. `retry_after` is in seconds; `status` overrides the code's usual one."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status or KINDS[code].status
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
        if self.status == 401:  # noqa: PLR2004 - RFC 9110, section 15.5.2: a 401 names a challenge
            self.headers.setdefault("WWW-Authenticate", "Bearer")


def document(problem: ProblemError, request_id: str) -> Problem:
    """The document that tells a client of this problem."""
    return Problem(
        type=f"urn:gathering:problem:{problem.code}",
        title=KINDS[problem.code].title,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        request_id=request_id,
        errors=list(problem.errors) if problem.status == KINDS["invalid_request"].status else UNSET,
    )


def describe(error: Exception) -> ProblemError:
    """The problem behind any exception. One that nobody foresaw is `internal`, without a word of what it was."""
    match error:
        case ProblemError():
            return error
        case EngineError():
            return _refused(error)
        case AskFailed():
            return _unanswered(error)
        case msgspec.ValidationError():
            return _invalid(error)
        case msgspec.DecodeError() | UnicodeDecodeError() | RecursionError():
            return ProblemError("invalid_request", f"the body is not JSON: {_plain(error)}", status=400)
        case web.HTTPException():
            return _http(error)
        case _:
            return ProblemError("internal", "the server failed to handle this request; it has been logged")


def _refused(error: EngineError) -> ProblemError:
    if error.code not in KINDS or error.code == "internal":
        return ProblemError("internal", "the server failed to handle this request; it has been logged")
    return ProblemError(
        error.code,
        str(error),
        errors=error.errors if isinstance(error, InvalidRequest) else (),
        retry_after=error.retry_after if isinstance(error, TryLater) else None,
    )


def _unanswered(error: AskFailed) -> ProblemError:
    if isinstance(error, ActorCrashed | AskCycle):
        return ProblemError("internal", "the server failed to handle this request; it has been logged")
    if isinstance(error, Unavailable):
        return ProblemError("overloaded", "this cannot be served just now", retry_after=error.retry_after)
    return ProblemError("overloaded", "more work is waiting than can be done in time", retry_after=1)


# msgspec writes where it stopped at the end of its message: "Expected `int`, got `str` - at `$.members[0].age`".
_LOCATED = re.compile(r"^(?P<message>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `(?P<field>.*)`$", re.DOTALL)


def _invalid(error: msgspec.ValidationError) -> ProblemError:
    located = _LOCATED.match(str(error))
    message, path = (located["message"], located["path"] or "") if located else (str(error), "")
    steps = [step for step in re.split(r"[.\[\]]+", path) if step]
    if field := _FIELD.match(message):
        steps.append(field["field"])
        message = "is required" if message.startswith("Object missing") else "is not a known field"
    where = ".".join(steps)
    detail = f"{where}: {message}" if where else message
    return ProblemError("invalid_request", detail, errors=[FieldError(where, message)])


def _http(error: web.HTTPException) -> ProblemError:
    match error:
        case web.HTTPNotFound():
            return ProblemError("not_found", "there is nothing at this address")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return ProblemError("method_not_allowed", f"this address supports {allowed}", headers={"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return ProblemError("payload_too_large", "the request body is larger than the server accepts")
        case web.HTTPClientError():
            return ProblemError("invalid_request", error.reason, status=error.status)
        case _:
            return ProblemError("internal", "the server failed to handle this request; it has been logged")


def _plain(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not valid UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)
