"""The frame around every request: its id, its line in the log, and the problem document when it fails."""

import re
import secrets
import time
from typing import Final

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from structlog.contextvars import bind_contextvars, clear_contextvars

from gateway.problems import MEDIA_TYPE, ProblemError, describe, document

REQUEST_ID: Final = web.RequestKey("request_id", str)
ANSWERING: Final = web.RequestKey("answering", bool)
HEADER: Final = "X-Request-ID"

_SANE_ID = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}")
_QUIET_PATHS: Final = frozenset({"/livez", "/readyz", "/emulation"})
"""Asked for so often that a line each says nothing: probes, and the frames of connections (those of WebSockets have none either)."""
_SERVER_ERROR: Final = 500

log = structlog.get_logger("gateway.http")


@web.middleware
async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, run it, turn whatever it raises into a problem document, and log how it went."""
    began = time.perf_counter()
    given = request.headers.get(HEADER, "")
    request_id = given if _SANE_ID.fullmatch(given) else secrets.token_hex(12)
    request[REQUEST_ID] = request_id
    clear_contextvars()
    bind_contextvars(request_id=request_id)

    try:
        response = await handler(request)
    except (web.HTTPSuccessful, web.HTTPRedirection):
        raise
    except Exception as error:
        if ANSWERING in request:  # half an answer is out: only closing the connection can say that it failed
            log.exception("request.failed", method=request.method, path=request.path)
            raise
        response = _problem(request, error)

    route = request.match_info.route.resource
    record = log.debug if request.path in _QUIET_PATHS else log.info
    record(
        "request.finished",
        method=request.method,
        path=request.path,
        route=None if route is None else route.canonical,
        status=response.status,
        duration_ms=round((time.perf_counter() - began) * 1000, 2),
    )
    return response


async def add_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Give every response its request id, and keep caches and sniffing browsers away from what is personal.

    For `Application.on_response_prepare`, which sees WebSocket handshakes too.
    """
    if isinstance(request, web.Request) and (request_id := request.get(REQUEST_ID)):
        request[ANSWERING] = True
        response.headers[HEADER] = request_id
    response.headers["Server"] = "gathering"  # not which versions of what
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")


def _problem(request: web.Request, error: Exception) -> web.Response:
    problem = describe(error)
    if problem.status == _SERVER_ERROR:
        log.error("request.failed", method=request.method, path=request.path, exc_info=error)
    return problem_response(problem, request[REQUEST_ID])


def problem_response(problem: ProblemError, request_id: str) -> web.Response:
    """The response that carries a problem document."""
    return web.Response(
        body=msgspec.json.encode(document(problem, request_id)),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )
