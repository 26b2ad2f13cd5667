"""One realtime connection: frames in, frames out, and the tasks between them, over whatever carries the frames."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import structlog

from engine.domain.fields import ParticipantId
from engine.domain.people import User
from gateway.realtime import codes
from gateway.realtime.outbox import Outbox
from gateway.realtime.protocol import Emulated
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


class Carrier(Protocol):
    """What brings frames to a client and from it. One task calls `receive`, one `send`, and `close` comes after the last `send`."""

    async def receive(self) -> bytes | None:
        """The next frame; None when the client has gone."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send a frame. Waits while the client does not read; `ConnectionError` when it has gone."""
        ...

    def send_at_once(self, take: Callable[[], bytes]) -> bool:
        """Send the frame that `take` gives, without waiting. False, and nothing is taken, if the client has to be waited for.

        Only called while nobody is in `send`.
        """
        ...

    def stop_receiving(self) -> None:
        """Nobody will call `receive` again: whoever waits to have a frame received is to be turned away."""
        ...

    async def close(self, why: codes.Disconnect) -> None:
        """Say why it ends, and wait until the client has been told."""
        ...


class Connection:
    """Carries one session from the handshake to the goodbye.

    One task reads and one writes; what the session spawns runs beside them, and ends with the reader. What waits is sent in one
    frame at the end of the turn of the event loop in which it came; the writer is woken only when the client has to be waited for.
    While more waits than may, the reader stops reading. When the connection ends, for whatever reason, the session leaves its
    timelines first; then the client has `linger` seconds to read what is left.
    """

    def __init__(
        self,
        carrier: Carrier,
        transport: asyncio.Transport | None,
        engine: "Engine",
        settings: RealtimeSettings,
        directory: Directory,
        *,
        cookie: str,
        emulated: Emulated | None = None,
    ) -> None:
        self._carrier = carrier
        self._transport = transport
        self._settings = settings
        self._directory = directory
        self._loop = asyncio.get_running_loop()
        self._idle: asyncio.Future[None] | None = None
        self._drained = asyncio.Event()
        self._written = asyncio.Event()
        self._last_frames: list[bytes] | None = None
        self._outbox = Outbox(settings.queue_bytes, self._begin_to_send)
        self._take = partial(self._outbox.take, settings.outgoing_frame_bytes)
        self._tasks = anyio.create_task_group()
        self._timer: asyncio.TimerHandle | None = None
        self._why = codes.CONNECTION_CLOSED
        self.session = Session(
            engine.clock.new_id(),
            engine,
            settings,
            self._outbox,
            self,
            now=self._loop.time,
            cookie=cookie,
            emulated=emulated,
        )

    @property
    def user_id(self) -> ParticipantId | None:
        """Who is connected; None before that is known."""
        return self.session.user_id

    @property
    def user(self) -> User | None:
        """Who is connected."""
        return self.session.user

    @property
    def api_key(self) -> str | None:
        """The id of the API key that the client connected with."""
        return self.session.api_key

    @property
    def sign_in(self) -> str:
        """The id of the sign-in whose token the client sent last."""
        return self.session.sign_in

    def dismiss(self, why: codes.Disconnect) -> None:
        """End the connection; the client is told why."""
        self.session.close(why)

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
                self._carrier.stop_receiving()
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
        receive, session, outbox = self._carrier.receive, self.session, self._outbox
        while (frame := await receive()) is not None:
            await session.receive(frame)
            while outbox.full:
                self._drained.clear()
                await self._drained.wait()

    async def _write(self) -> None:
        """Send what waits until the connection ends, and then the last frames.

        Never cancelled before the linger is over: aiohttp shares one future among all who wait for the transport to drain, so
        cancelling one of them would cut the close frame off as well.
        """
        take, send = self._take, self._carrier.send
        try:
            while True:
                while frame := take():
                    await send(frame)
                self._drained.set()
                if self._last_frames is not None:
                    break
                self._idle = self._loop.create_future()
                await self._idle
            for frame in self._last_frames:
                await send(frame)
        except ConnectionError:
            self._tasks.cancel_scope.cancel()  # the client has gone
        finally:
            self._written.set()

    def _begin_to_send(self) -> None:
        """Something waits to be written again. The writer comes to it by itself, if it writes at this moment."""
        if self._idle is not None:
            self._loop.call_soon(self._send_at_once)

    def _send_at_once(self) -> None:
        """Send what waits for as long as the client takes it; then it is the writer's."""
        if self._idle is None:
            return
        while self._outbox.size:
            if not self._carrier.send_at_once(self._take):
                self._wake()
                return
        self._drained.set()

    def _wake(self) -> None:
        """Have the writer write what waits, or the last frames."""
        idle, self._idle = self._idle, None
        if idle is not None and not idle.done():
            idle.set_result(None)

    def _left_over(self) -> list[bytes]:
        frames = []
        while frame := self._take():
            frames.append(frame)
        return frames

    async def _say_goodbye(self) -> None:
        """The last replies, and then the goodbye."""
        self._wake()
        await self._written.wait()
        await self._carrier.close(self._why)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self.session.tick(), self._tick)
