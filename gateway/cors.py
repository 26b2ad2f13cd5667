"""Cross-origin requests to REST and the emulation transports: none, except from the origins that the settings allow."""

from collections.abc import Set as AbstractSet
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.realtime.emulation import PATHS as EMULATION_PATHS

_EXPOSED: Final = "X-Request-ID, Retry-After"
_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS: Final = "Authorization, Content-Type, Last-Event-ID, X-CSRF-Token, X-Request-ID"
_PREFLIGHT_SECONDS: Final = 600
_PATHS: Final = ("/api/", *EMULATION_PATHS)


def add_cors(app: web.Application, allowed_origins: AbstractSet[str]) -> None:
    """Answer preflights and mark answers for the allowed origins (Fetch standard, CORS protocol)."""

    def allowed(request: web.BaseRequest) -> bool:
        return request.headers.get("Origin") in allowed_origins and request.path.startswith(_PATHS)

    @web.middleware
    async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (
            request.method != "OPTIONS"
            or "Access-Control-Request-Method" not in request.headers
            or not allowed(request)
        ):
            return await handler(request)
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
            },
        )

    async def mark(request: web.Request, response: web.StreamResponse) -> None:
        if allowed(request):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if allowed_origins:
            response.headers.add("Vary", "Origin")

    app.middlewares.append(answer_preflight)
    app.on_response_prepare.append(mark)
