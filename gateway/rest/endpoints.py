"""How an endpoint is declared: once, from which it is both served (`routing`) and described (`openapi`).

A handler is a plain typed coroutine function. Its signature says what it needs and what it answers:

    async def rename(engine: Engine, by: Principal, room_id: TimelineId, body: NewName) -> Room:
        '''Give a room another name.'''

    ENDPOINTS = (put("/rooms/{room_id}/name", rename, tag="Rooms", problems=("conflict",)),)

| parameter                 | is given                                                              |
| ------------------------- | --------------------------------------------------------------------- |
| `body: T`                 | the JSON body as `T`; `T | None`: None when the body is empty         |
| `body: Upload`            | the file in a `multipart/form-data` body                              |
| `query: T`                | the query parameters as the struct `T`                                |
| a name in the path        | that part of the path; an id type makes a malformed id a 404          |
| `by: Principal`           | who is acting                                                         |
| of type `Identity`        | who is signed in, and with which family of tokens                     |
| of type `Ref[Timeline]`   | the room or conversation that the path names                          |
| of type `Origin`          | where the request comes from: its address and its id                  |
| of type `Engine`, `Settings`, `web.Request` | these                                               |

The docstring is the endpoint's description. `Reply` and `Encoded` around the answer's type give the handler its say over status,
cookies and bytes, `Lines` streams, `Streamed` and `Image` leave everything to it; a handler that answers None answers 204.
"""

import inspect
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    NewType,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from aiohttp import web

from actors import Ref
from engine.accounts.forms import Identity
from engine.domain.activity import Origin
from engine.domain.fields import TimelineId
from engine.domain.people import Principal
from engine.engine import Engine
from engine.settings import Settings
from engine.timelines.shared import SharedTimeline
from engine.timelines.timeline import Timeline
from gateway.problems import KINDS, ProblemError
from gateway.rest.cookies import Cookie
from gateway.rest.origin import origin_of

PREFIX: Final = "/api/v1"
LINES: Final = "application/x-ndjson"
EVENT_STREAM: Final = "text/event-stream"
IMAGE: Final = "image/*"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Handler: TypeAlias = Callable[..., Awaitable[object]]


class Access(Enum):
    """Who may call an endpoint."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with a status of its own (None: the endpoint's first) and cookies to set."""

    body: T
    status: int | None = None
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoded(Generic[T]):
    """An answer that is JSON already; `T` is what it would decode to."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Streamed(Generic[*Ts]):
    """An answer that the handler has written itself: server-sent events, each with one of `Ts` as JSON in its data."""

    response: web.StreamResponse


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that the handler has written itself, or that the client has already (304)."""

    response: web.Response


@dataclass(frozen=True, slots=True)
class Lines(Generic[T]):
    """An answer of any length, streamed as it is read: lines that mostly decode to `T`, to be saved under a name (plain ASCII).

    `chunks` are whole lines, each with its line feed. They are asked for as the client takes them, and closed when it leaves.
    The first is asked for before the answer begins: what it raises is an ordinary problem. An engine's error after that becomes
    the last line, `{"error": <problem document>}`.
    """

    chunks: AsyncGenerator[bytes]
    filename: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as it has been understood before the handler runs."""

    request: web.Request
    engine: Engine
    settings: Settings
    identity: Identity | None
    body: object = None
    query: object = None

    def signed_in(self) -> Identity:
        """Who is signed in. Endpoints whose access is not public always have someone."""
        if self.identity is None:
            msg = "a public endpoint asks who is signed in"
            raise RuntimeError(msg)
        return self.identity


@dataclass(frozen=True, slots=True)
class Signature:
    """What a handler's annotations say: the type of its body, query and answer, and where each argument comes from.

    `answer` is a tuple of types where the answer is a stream of events.
    """

    body: Any
    body_required: bool
    query: type[msgspec.Struct] | None
    answer: Any
    media_type: str
    arguments: Mapping[str, Callable[[Call], object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One declared operation, known to clients by its `name`. `statuses` are those of its good answers, the usual one first."""

    name: str
    method: str
    path: str
    handler: Handler
    tag: str
    access: Access
    statuses: tuple[int, ...]
    problems: tuple[str, ...]
    signature: Signature

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path."""
        return _names(self.path)

    @property
    def unsafe(self) -> bool:
        """Whether it changes something, so that a browser's cookies alone are not enough."""
        return self.method not in SAFE_METHODS

    @property
    def codes(self) -> dict[str, set[int]]:
        """The problem codes it may answer, each with its statuses."""
        codes: dict[str, set[int]] = {code: {KINDS[code].status} for code in self.problems}
        codes["internal"] = {500}
        codes["overloaded"] = codes["storage_unavailable"] = {503}
        if self.access is not Access.PUBLIC:
            codes["unauthenticated"] = {401}
            if self.unsafe:
                codes["csrf_failed"] = {403}
        if self.access is Access.ADMIN:
            codes["forbidden"] = {403}
        if self.unsafe:
            codes["invalid_request"] = {400, 422}
            codes["payload_too_large"] = {413}
        else:
            codes["invalid_request"] = {422}
        if self.parameters:
            codes["not_found"] = {404}
        return codes


def endpoint(
    method: str,
    path: str,
    handler: Handler,
    *,
    tag: str,
    status: int | tuple[int, ...] | None = None,
    access: Access = Access.SIGNED_IN,
    problems: tuple[str, ...] = (),
    prefix: str = PREFIX,
    name: str | None = None,
) -> Endpoint:
    """Declare an operation, by the handler's name if none is given. TypeError when the handler's signature does not fit."""
    signature = _inspect(handler, _names(path))
    usual = 204 if signature.answer is None else 200
    statuses = status if isinstance(status, tuple) else (status or usual,)
    return Endpoint(
        name or handler.__name__, method, prefix + path, handler, tag, access, statuses, problems, signature
    )


def get(path: str, handler: Handler, **options: Any) -> Endpoint:
    """Declare a GET; see `endpoint`."""
    return endpoint("GET", path, handler, **options)


def post(path: str, handler: Handler, **options: Any) -> Endpoint:
    """Declare a POST; see `endpoint`."""
    return endpoint("POST", path, handler, **options)


def put(path: str, handler: Handler, **options: Any) -> Endpoint:
    """Declare a PUT; see `endpoint`."""
    return endpoint("PUT", path, handler, **options)


def patch(path: str, handler: Handler, **options: Any) -> Endpoint:
    """Declare a PATCH; see `endpoint`."""
    return endpoint("PATCH", path, handler, **options)


def delete(path: str, handler: Handler, **options: Any) -> Endpoint:
    """Declare a DELETE; see `endpoint`."""
    return endpoint("DELETE", path, handler, **options)


def _names(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{(\w+)\}", path))


def _timeline(call: Call) -> Ref[SharedTimeline]:
    path = call.request.match_info
    timelines = call.engine.timelines
    if (room_id := path.get("room_id")) is not None:
        return timelines.room(TimelineId(room_id.lower()))
    return timelines.conversation(TimelineId(path["conversation_id"].lower()))


_BY_TYPE: Final[Mapping[object, Callable[[Call], object]]] = {
    web.Request: lambda call: call.request,
    Engine: lambda call: call.engine,
    Settings: lambda call: call.settings,
    Identity: lambda call: call.signed_in(),
    Origin: lambda call: origin_of(call.request, call.settings),
    Principal: lambda call: call.signed_in().user.principal,
    Ref[Timeline]: _timeline,
    Ref[SharedTimeline]: _timeline,
}


def _inspect(handler: Handler, path_names: tuple[str, ...]) -> Signature:
    hints = get_type_hints(handler, include_extras=True)
    answer = hints.pop("return")
    arguments: dict[str, Callable[[Call], object]] = {}
    for name in inspect.signature(handler).parameters:
        hint = hints[name]
        if name == "body":
            arguments[name] = lambda call: call.body
        elif name == "query":
            arguments[name] = lambda call: call.query
        elif name in path_names:
            arguments[name] = _path_argument(name, hint)
        elif hint in _BY_TYPE:
            arguments[name] = _BY_TYPE[hint]
        else:
            msg = f"{handler.__qualname__}: nothing can be given to its parameter {name!r}"
            raise TypeError(msg)
    body, body_required = _optional(hints.get("body"))
    media_type = _MEDIA_TYPES.get(get_origin(answer), "application/json")
    if answer is Image:
        media_type, answer = IMAGE, NoneType
    if get_origin(answer) in {Reply, Encoded, Lines}:
        (answer,) = get_args(answer)
    elif get_origin(answer) is Streamed:
        answer = get_args(answer)
    return Signature(
        body, body_required, hints.get("query"), None if answer is NoneType else answer, media_type, arguments
    )


_MEDIA_TYPES: Final[Mapping[object, str]] = {Lines: LINES, Streamed: EVENT_STREAM}


def _optional(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in {Union, UnionType} and NoneType in get_args(hint):
        (body,) = (choice for choice in get_args(hint) if choice is not NoneType)
        return body, False
    return hint, hint is not None


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _path_argument(name: str, hint: Any) -> Callable[[Call], object]:
    if not isinstance(hint, NewType):
        return lambda call: call.request.match_info[name]

    def identifier(call: Call) -> str:
        value = call.request.match_info[name].lower()
        if not _UUID.fullmatch(value):
            raise ProblemError("not_found", f"there is nothing with the {name} {value[:64]!r}")
        return value

    return identifier
