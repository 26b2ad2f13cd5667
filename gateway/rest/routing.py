"""Serves declared endpoints: decode, call, encode. What goes wrong on the way leaves as an exception; see `gateway.middleware`."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeAlias, TypeVar

import msgspec
from aiohttp import web

from engine.engine import Engine
from engine.errors import FieldError, InvalidRequest
from engine.settings import Settings
from gateway.problems import ProblemError
from gateway.rest.auth import authenticate
from gateway.rest.endpoints import Call, Encoded, Endpoint, Image, Lines, Reply, Signature, Streamed
from gateway.rest.streaming import stream
from gateway.rest.uploads import Upload, read_upload

S = TypeVar("S", bound=msgspec.Struct)
WebHandler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ENCODER = msgspec.json.Encoder()


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an endpoint that takes none: an empty object will do."""


def add_endpoints(app: web.Application, endpoints: Iterable[Endpoint], engine: Engine, settings: Settings) -> None:
    """Register every endpoint with the application."""
    for endpoint in endpoints:
        handler = serve(endpoint, engine, settings)
        if endpoint.method == "GET":
            app.router.add_get(endpoint.path, handler)  # and HEAD
        else:
            app.router.add_route(endpoint.method, endpoint.path, handler)


def serve(endpoint: Endpoint, engine: Engine, settings: Settings) -> WebHandler:
    """The aiohttp handler of an endpoint."""
    signature = endpoint.signature
    read_body = _body_reader(signature)

    async def handle(request: web.Request) -> web.StreamResponse:
        identity = await authenticate(request, engine.accounts, endpoint.access)
        query = decode_query(request, signature.query)
        body = await read_body(request) if endpoint.unsafe else None
        call = Call(request, engine, settings, identity, body, query)
        arguments = {name: argument(call) for name, argument in signature.arguments.items()}
        answer = await endpoint.handler(**arguments)
        if isinstance(answer, Lines):
            return await stream(request, answer, endpoint.statuses[0])
        return _response(answer, endpoint.statuses[0])

    return handle


def decode_query(request: web.Request, query_type: type[S] | None) -> S | None:
    """The query parameters as a struct. What would otherwise be ignored silently is refused: unknown ones, repeated ones, `null`."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise InvalidRequest.field(name, "is given more than once")
        given[name] = value
    if query_type is None:
        if given:
            raise InvalidRequest(
                "this address takes no query parameters",
                tuple(FieldError(name, "is not a known parameter") for name in given),
            )
        return None
    query = msgspec.convert(given, query_type, strict=False)
    for name in given:
        if getattr(query, name) is None:  # msgspec reads the word so
            raise InvalidRequest.field(name, "null is no value of it: leave it out")
    return query


def _body_reader(signature: Signature) -> Callable[[web.Request], Awaitable[object]]:
    if signature.body is Upload:
        return read_upload
    decoder = msgspec.json.Decoder(_Nothing if signature.body is None else signature.body)
    return partial(_body, decoder=decoder, required=signature.body_required)


async def _body(request: web.Request, decoder: msgspec.json.Decoder[object], *, required: bool) -> object:
    try:
        data = await request.read()
    except (web.RequestPayloadError, ConnectionError):
        raise ProblemError("invalid_request", "the body ends early or is not encoded as it says", status=400) from None
    if not data:
        if required:
            raise ProblemError("invalid_request", "the request needs a JSON body", status=400)
        return None
    return decoder.decode(data)


def _response(answer: object, status: int) -> web.StreamResponse:
    if isinstance(answer, Streamed | Image):
        return answer.response
    reply = answer if isinstance(answer, Reply) else Reply(answer)
    status = reply.status or status
    if reply.body is None:
        response = web.Response(status=status)
    else:
        data = reply.body.data if isinstance(reply.body, Encoded) else _ENCODER.encode(reply.body)
        response = web.Response(body=data, status=status, content_type="application/json")
    for cookie in reply.cookies:
        cookie.set_on(response)
    return response
