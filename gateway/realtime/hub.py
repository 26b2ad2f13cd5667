"""The live connections of this process.

hub = Hub(engine, RealtimeSettings(allowed_origins=frozenset({"https://chat.example.org"})))
app.router.add_get("/connection/websocket", hub.handle)
engine.accounts.watch(lambda user: user.active or hub.disconnect_user(user.id))
app.on_shutdown.append(lambda app: hub.shutdown())
"""

import asyncio
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import anyio
from aiohttp import web

from engine.domain.fields import ParticipantId
from engine.domain.people import User
from gateway.realtime import codes
from gateway.realtime.connection import Carrier, Connection
from gateway.realtime.protocol import Emulated
from gateway.realtime.settings import RealtimeSettings
from gateway.realtime.socket import WebSocketCarrier
from gateway.rest.cookies import ACCESS_TOKEN

if TYPE_CHECKING:
    from engine.engine import Engine


class Live(Protocol):
    """What the hub knows: a connection, or a stream of events."""

    @property
    def user_id(self) -> ParticipantId | None:
        """Who it is of; None before that is known."""
        ...

    @property
    def user(self) -> User | None:
        """Who it is of, as they were when it was opened; None before that is known."""
        ...

    @property
    def api_key(self) -> str | None:
        """The id of the API key that it came with; None for a token."""
        ...

    @property
    def sign_in(self) -> str:
        """The id of the sign-in whose token it came with last; empty without one."""
        ...

    def dismiss(self, why: codes.Disconnect) -> None:
        """End it soon; the client is told why. Never waits."""
        ...

    def abort(self) -> None:
        """Cut it off."""
        ...


class Hub:
    """Accepts connections and knows everything that is live, by person where that is known."""

    def __init__(self, engine: "Engine", settings: RealtimeSettings) -> None:
        self.settings = settings
        self._engine = engine
        self._live: set[Live] = set()
        self._by_user: dict[ParticipantId, set[Live]] = {}
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def connections(self) -> int:
        """How many connections and streams of events are open."""
        return len(self._live)

    @property
    def users(self) -> int:
        """How many people are connected."""
        return len(self._by_user)

    @property
    def closing(self) -> bool:
        """Whether nobody new is accepted any more."""
        return self._closing

    def live_of(self, user_id: ParticipantId) -> AbstractSet[Live]:
        """What a person has open at this moment."""
        return self._by_user.get(user_id, set())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve `GET /connection/websocket` until the connection ends."""
        if self._closing:
            return web.Response(status=503, headers={"Retry-After": "1"})
        # Frames over the limit end the connection politely; what is far over it is not even read.
        socket = web.WebSocketResponse(
            compress=False,
            max_msg_size=4 * self.settings.frame_bytes,
            timeout=self.settings.linger,
            decode_text=False,
            protocols=("centrifuge-json",),
        )
        await socket.prepare(request)
        await self.serve(WebSocketCarrier(socket, request.transport), request)
        return socket

    async def serve(self, carrier: Carrier, request: web.Request, *, emulated: Emulated | None = None) -> None:
        """Run a connection over a carrier, which `request` has opened, until it ends."""
        cookie = request.cookies.get(ACCESS_TOKEN, "") if self._cookies_count(request) else ""
        connection = Connection(
            carrier, request.transport, self._engine, self.settings, self, cookie=cookie, emulated=emulated
        )
        with self.present(connection):
            await connection.serve()

    @contextmanager
    def present(self, live: Live) -> Iterator[None]:
        """Know of something while it is open."""
        self._live.add(live)
        self._empty.clear()
        if live.user_id is not None:
            self.recognised(live, live.user_id)
        if self._closing:  # since it was opened
            live.dismiss(codes.SHUTDOWN)
        try:
            yield
        finally:
            self._forget(live)

    def recognised(self, live: Live, user_id: ParticipantId) -> None:
        """See `gateway.realtime.connection.Directory`."""
        self._by_user.setdefault(user_id, set()).add(live)
        if live.user is not None:
            self._engine.presence.connected(live.user, live)

    def disconnect_user(self, user_id: ParticipantId) -> None:
        """End everything that a person has open, for good (3503), at once."""
        for live in tuple(self.live_of(user_id)):
            live.dismiss(codes.FORCE_NO_RECONNECT)

    def disconnect_api_key(self, key_id: str) -> None:
        """End everything that a revoked API key has opened (3500), at once."""
        for live in tuple(self._live):
            if live.api_key == key_id:
                live.dismiss(codes.INVALID_TOKEN)

    def disconnect_sign_in(self, family_id: str) -> None:
        """End everything that a sign-in which has ended has opened (3500), at once."""
        for live in tuple(self._live):
            if live.sign_in == family_id:
                live.dismiss(codes.INVALID_TOKEN)

    async def shutdown(self) -> None:
        """Accept nobody new and send everyone away (3001: come back, somewhere else or later); takes at most the linger.

        Who has not gone by then, or when this is cancelled, is cut off.
        """
        self._closing = True
        for live in tuple(self._live):
            live.dismiss(codes.SHUTDOWN)
        try:
            with anyio.move_on_after(self.settings.linger):
                await self._empty.wait()
        finally:
            for live in tuple(self._live):
                live.abort()

    def _forget(self, live: Live) -> None:
        self._live.discard(live)
        if not self._live:
            self._empty.set()
        user_id = live.user_id
        if user_id is not None:
            self._engine.presence.disconnected(user_id, live)
        if user_id is not None and (theirs := self._by_user.get(user_id)) is not None:
            theirs.discard(live)
            if not theirs:
                del self._by_user[user_id]

    def _cookies_count(self, request: web.Request) -> bool:
        """Whether cookies count: a page of ours sent this, or no page at all.

        A browser says which page opens a WebSocket or posts. With a plain GET it may leave the origin out, but says how the page
        relates to us (Fetch Metadata): another site's link must not connect whoever follows it.
        """
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}
        if origin in self.settings.allowed_origins:
            return True
        return urlsplit(origin).netloc == request.host


HUB: Final = web.AppKey("hub", Hub)
