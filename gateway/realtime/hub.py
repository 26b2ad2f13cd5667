"""The live connections of this process.

hub = Hub(engine, RealtimeSettings(allowed_origins=frozenset({"https://chat.example.org"})))
app.router.add_get("/connection/websocket", hub.handle)
engine.accounts.watch(lambda user: user.active or hub.disconnect_user(user.id))
app.on_shutdown.append(lambda app: hub.shutdown())
"""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
from aiohttp import web

from engine.domain.fields import ParticipantId
from gateway.realtime import codes
from gateway.realtime.settings import RealtimeSettings
from gateway.realtime.socket import Connection
from gateway.rest.cookies import ACCESS_TOKEN

if TYPE_CHECKING:
    from engine.engine import Engine


class Hub:
    """Accepts connections and knows them, by person where it is known."""

    def __init__(self, engine: "Engine", settings: RealtimeSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._connections: set[Connection] = set()
        self._by_user: dict[ParticipantId, set[Connection]] = {}
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def users(self) -> int:
        """How many people are connected."""
        return len(self._by_user)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve `GET /connection/websocket` until the connection ends."""
        if self._closing:
            return web.Response(status=503, headers={"Retry-After": "1"})
        # Frames over the limit end the connection politely; what is far over it is not even read.
        socket = web.WebSocketResponse(
            compress=False,
            max_msg_size=4 * self._settings.frame_bytes,
            timeout=self._settings.linger,
            decode_text=False,
            protocols=("centrifuge-json",),
        )
        await socket.prepare(request)
        cookie = request.cookies.get(ACCESS_TOKEN, "") if self._origin_is_allowed(request) else ""
        connection = Connection(socket, request.transport, self._engine, self._settings, self, cookie=cookie)
        self._connections.add(connection)
        self._empty.clear()
        try:
            await connection.serve()
        finally:
            self._forget(connection)
        return socket

    def recognised(self, connection: Connection, user_id: ParticipantId) -> None:
        """See `gateway.realtime.socket.Directory`."""
        self._by_user.setdefault(user_id, set()).add(connection)
        user = connection.session.user
        if user is not None:
            self._engine.presence.connected(user, connection.session.client)

    def disconnect_user(self, user_id: ParticipantId) -> None:
        """End a person's connections for good (3503), at once."""
        for connection in tuple(self._by_user.get(user_id, ())):
            connection.session.close(codes.FORCE_NO_RECONNECT)

    async def shutdown(self) -> None:
        """Accept nobody new and send everyone away (3001: come back, somewhere else or later); takes at most the linger.

        Who has not gone by then, or when this is cancelled, is cut off.
        """
        self._closing = True
        for connection in tuple(self._connections):
            connection.session.close(codes.SHUTDOWN)
        try:
            with anyio.move_on_after(self._settings.linger):
                await self._empty.wait()
        finally:
            for connection in tuple(self._connections):
                connection.abort()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        user_id = connection.session.user_id
        if user_id is not None:
            self._engine.presence.disconnected(user_id, connection.session.client)
        if user_id is not None and (theirs := self._by_user.get(user_id)) is not None:
            theirs.discard(connection)
            if not theirs:
                del self._by_user[user_id]

    def _origin_is_allowed(self, request: web.Request) -> bool:
        """Whether cookies count. A browser always says which page opens a WebSocket; what sends no origin is no page's doing."""
        origin = request.headers.get("Origin")
        if origin is None or origin in self._settings.allowed_origins:
            return True
        return urlsplit(origin).netloc == request.host
