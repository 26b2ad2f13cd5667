"""The emulation transports: a connection for networks that block WebSockets.

What the server sends comes as one long response (`/connection/http_stream`, or `/connection/sse` for the browser's EventSource).
The request that opens it brings `connect`; every other frame is posted to `/emulation`, with the session that the answer to
`connect` has named. That session is a secret between the client and this server, so it is all that such a post has to show.
Everything behind the carrier is the same as for a WebSocket.

    emulation = Emulation(hub)
    emulation.add_routes(app)

As in github.com/centrifugal/centrifuge (`handler_http_stream.go`, `handler_sse.go`, `emulation.go`), in its JSON form.
"""

import secrets
from typing import Final

from aiohttp import web

from gateway.problems import ProblemError
from gateway.realtime import protocol
from gateway.realtime.framing import HTTP_STREAM, SSE, Framing
from gateway.realtime.hub import Hub
from gateway.realtime.protocol import Emulated
from gateway.realtime.stream_carrier import StreamCarrier

STREAM_PATH: Final = "/connection/http_stream"
SSE_PATH: Final = "/connection/sse"
EMULATION_PATH: Final = "/emulation"
PATHS: Final = (STREAM_PATH, SSE_PATH, EMULATION_PATH)

CONNECT_PARAMETER: Final = "cf_connect"
_PROTOBUF: Final = "application/octet-stream"
_ENVELOPE_BYTES: Final = 1024


class Emulation:
    """Serves these paths. `node` names this process: sessions live where they began."""

    def __init__(self, hub: Hub) -> None:
        self.node = secrets.token_hex(8)
        self._hub = hub
        self._carriers: dict[str, StreamCarrier] = {}

    def add_routes(self, app: web.Application) -> None:
        """Register them with the application."""
        app.router.add_post(STREAM_PATH, self.http_stream)
        app.router.add_post(SSE_PATH, self.sse)
        app.router.add_get(SSE_PATH, self.sse_by_query, allow_head=False)
        app.router.add_post(EMULATION_PATH, self.emulate)

    async def http_stream(self, request: web.Request) -> web.StreamResponse:
        """Serve a connection whose frames leave as lines of JSON. The body is the first frame."""
        return await self._serve(request, HTTP_STREAM, await self._first_frame(request))

    async def sse(self, request: web.Request) -> web.StreamResponse:
        """Serve a connection whose frames leave as server-sent events. The body is the first frame."""
        return await self._serve(request, SSE, await self._first_frame(request))

    async def sse_by_query(self, request: web.Request) -> web.StreamResponse:
        """The same for EventSource, which can only GET: `connect` comes as a query parameter.

        And nothing but `connect`, because a link on another site can bring a browser here, with its cookies.
        """
        frame = request.query.get(CONNECT_PARAMETER, "").encode(errors="replace")
        try:
            commands = list(protocol.decode_frame(frame))
        except protocol.Malformed as error:
            raise _bad(f"{CONNECT_PARAMETER}: {error}") from None
        match commands:
            case [protocol.Command(id=number, connect=protocol.ConnectRequest())] if number:
                return await self._serve(request, SSE, frame)
            case _:
                raise _bad(f"{CONNECT_PARAMETER}: must be one connect command")

    async def emulate(self, request: web.Request) -> web.StreamResponse:
        """Hand a frame to the connection of its session; 204 when it has been taken, 404 when there is no such session.

        A frame waits while those before it are handled, and while the client does not read; so many bytes may, others are a 429.
        """
        limit = self._hub.settings.frame_bytes
        # As a JSON string, a frame may take two bytes for each of its own.
        body = await _read(request, 2 * limit + _ENVELOPE_BYTES)
        try:
            asked = protocol.decode_emulation(body)
        except protocol.Malformed as error:
            raise _bad(f"the body is not {{session, node, data}}: {error}") from None
        frame = asked.data.encode(errors="replace")
        if len(frame) > limit:
            raise _too_large("data", limit)
        carrier = self._carriers.get(asked.session) if asked.node == self.node else None
        most = self._hub.settings.queue_bytes
        if carrier is not None and carrier.waiting and carrier.waiting + len(frame) > most:
            raise ProblemError("rate_limited", f"{most} bytes of commands may wait for one connection", retry_after=1)
        if carrier is None or not await carrier.deliver(frame):
            raise ProblemError("not_found", "there is no such session on this server; connect again")
        return web.Response(status=204)

    async def _first_frame(self, request: web.Request) -> bytes:
        frame = await _read(request, self._hub.settings.frame_bytes)
        if not frame.strip():
            raise _bad("the body must be a connect command")
        return frame

    async def _serve(self, request: web.Request, framing: Framing, first: bytes) -> web.StreamResponse:
        if self._hub.closing:
            raise ProblemError("overloaded", "this server is stopping", retry_after=1)
        carrier = StreamCarrier(request, framing, first)
        emulated = Emulated(session=secrets.token_urlsafe(24), node=self.node)
        self._carriers[emulated.session] = carrier
        try:
            await carrier.open()
            await self._hub.serve(carrier, request, emulated=emulated)
        finally:
            del self._carriers[emulated.session]
            carrier.stop_receiving()
        return carrier.response


async def _read(request: web.Request, limit: int) -> bytes:
    """The body. The application's own limit is that of REST, and does not count here.

    Many HTTP libraries call any body `application/octet-stream`, which to the official clients means protobuf.
    """
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise _too_large("the body", limit)
    except (web.RequestPayloadError, ConnectionError):
        raise _bad("the body ends early or is not encoded as it says") from None
    if request.content_type == _PROTOBUF and not body.startswith(b"{"):
        raise ProblemError("invalid_request", "only the JSON form of the protocol is spoken here", status=415)
    return bytes(body)


def _bad(detail: str) -> ProblemError:
    return ProblemError("invalid_request", detail, status=400)


def _too_large(what: str, limit: int) -> ProblemError:
    return ProblemError("payload_too_large", f"{what}: at most {limit} bytes are accepted")
