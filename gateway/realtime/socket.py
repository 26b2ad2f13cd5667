"""One WebSocket connection: frames in, frames out, and the tasks between them."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import structlog
from aiohttp import WSMsgType, web

from engine.domain.fields import ParticipantId
from gateway.realtime import codes
from gateway.realtime.outbox import Outbox
from gateway.realtime.session import Session
from gateway.realtime.settings import RealtimeSettings

if TYPE_CHECKING:
    from engine.engine import Engine

log = structlog.get_logger(__name__)


class Directory(Protocol):
    """Where connections are known by the person behind them."""

    def recognised(self, connection: "Connection", user_id: ParticipantId) -> None:
        """It is known who is connected."""
        ...


class Connection:
    """Carries one session over one socket, from the handshake to the close frame.

    One task reads and one writes; what the session spawns runs beside them, and ends with the reader. The writer sends
    everything that waits in one frame. While more waits than may, the reader stops reading. When the connection ends, for
    whatever reason, the session leaves its timelines first; then the client has `linger` seconds to read what is left.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        engine: "Engine",
        settings: RealtimeSettings,
        directory: Directory,
        *,
        cookie: str,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._settings = settings
        self._directory = directory
        self._loop = asyncio.get_running_loop()
        self._waiting = asyncio.Event()
        self._drained = asyncio.Event()
        self._written = asyncio.Event()
        self._last_frames: list[bytes] | None = None
        self._outbox = Outbox(settings.queue_bytes, self._waiting.set)
        self._tasks = anyio.create_task_group()
        self._timer: asyncio.TimerHandle | None = None
        self._why = codes.CONNECTION_CLOSED
        self.session = Session(
            engine.clock.new_id(), engine, settings, self._outbox, self, now=self._loop.time, cookie=cookie
        )

    async def serve(self) -> None:
        """Run the connection until it ends. Cancelling ends it too, within the linger."""
        async with anyio.create_task_group() as writing:
            writing.start_soon(self._write)
            try:
                async with self._tasks:
                    self._tick()
                    await self._read()
                    self._tasks.cancel_scope.cancel()
            except Exception:
                log.exception("connection.failed", client=self.session.client)
                self._why = codes.SERVER_ERROR
            finally:
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                self._last_frames = self._left_over()
                self.session.end()
                with anyio.move_on_after(self._settings.linger, shield=True):
                    await self._say_goodbye()
                writing.cancel_scope.cancel()
                # Whatever the client has not read by now would wait, in this process, for as long as the client likes.
                if self._transport is not None and self._transport.get_write_buffer_size():
                    self._transport.abort()
                log.info("connection.closed", client=self.session.client, code=self._why.code, reason=self._why.reason)

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    # What the session asks of its link.

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """See `Link.spawn`."""
        self._tasks.start_soon(work)

    def recognised(self, user_id: ParticipantId) -> None:
        """See `Link.recognised`."""
        self._directory.recognised(self, user_id)

    def retime(self) -> None:
        """See `Link.retime`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_later(self.session.tick(), self._tick)

    def close(self, why: codes.Disconnect) -> None:
        """See `Link.close`."""
        self._why = why
        self._tasks.cancel_scope.cancel()

    async def _read(self) -> None:
        socket, session, outbox = self._socket, self.session, self._outbox
        while True:
            message = await socket.receive()
            if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                return
            await session.receive(message.data)
            while outbox.full:
                self._drained.clear()
                await self._drained.wait()

    async def _write(self) -> None:
        """Send what waits until the connection ends, and then the last frames.

        Never cancelled before the linger is over: aiohttp shares one future among all who wait for the transport to drain, so
        cancelling one of them would cut the close frame off as well.
        """
        waiting, take, send = self._waiting, self._outbox.take, self._socket.send_frame
        limit = self._settings.outgoing_frame_bytes
        try:
            while self._last_frames is None:
                await waiting.wait()
                waiting.clear()
                while frame := take(limit):
                    await send(frame, WSMsgType.TEXT)
                self._drained.set()
            for frame in self._last_frames:
                await send(frame, WSMsgType.TEXT)
        except ConnectionError:
            self._tasks.cancel_scope.cancel()  # the client has gone
        finally:
            self._written.set()

    def _left_over(self) -> list[bytes]:
        frames = []
        while frame := self._outbox.take(self._settings.outgoing_frame_bytes):
            frames.append(frame)
        return frames

    async def _say_goodbye(self) -> None:
        """The last replies and the close frame; then the client's own, which aiohttp waits for."""
        self._waiting.set()
        await self._written.wait()
        with suppress(ConnectionError):  # the client has gone
            await self._socket.close(code=self._why.code, message=self._why.reason.encode())

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self.session.tick(), self._tick)
