"""A streamed response as the carrier of a connection: frames leave in it, and come in by requests of their own."""

from collections.abc import Callable

import anyio
from aiohttp import web

from gateway.realtime import codes, protocol
from gateway.realtime.framing import Framing
from gateway.streaming import Stream


class StreamCarrier:
    """See `gateway.realtime.connection.Carrier`. `first` is the frame that came with the request.

    One frame after the other is received, in the order of the calls of `deliver`. Who delivers waits while those before are
    handled, and while the client leaves its replies unread.
    """

    def __init__(self, request: web.Request, framing: Framing, first: bytes) -> None:
        self._framing = framing
        self._first: bytes | None = first
        self.waiting = 0
        """Bytes of the frames that wait to be received."""
        self._sending, self._receiving = anyio.create_memory_object_stream[bytes](0)
        self._stream = Stream(request, framing.media_type, self._sending.close)

    @property
    def response(self) -> web.StreamResponse:
        """The response that is written."""
        return self._stream.response

    async def open(self) -> None:
        """Send the headers of the response."""
        await self._stream.open()

    async def deliver(self, frame: bytes) -> bool:
        """Have a frame received; False when the connection has ended."""
        self.waiting += len(frame)
        try:
            await self._sending.send(frame)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return False
        finally:
            self.waiting -= len(frame)
        return True

    async def receive(self) -> bytes | None:
        """See `Carrier.receive`."""
        first, self._first = self._first, None
        if first is not None:
            return first
        try:
            return await self._receiving.receive()
        except anyio.EndOfStream:
            return None

    async def send(self, frame: bytes) -> None:
        """See `Carrier.send`."""
        await self._stream.write(self._framing.write(frame))

    def send_at_once(self, take: Callable[[], bytes]) -> bool:
        """See `Carrier.send_at_once`: a response can only be written to by a task that may have to wait."""
        del take
        return False

    def stop_receiving(self) -> None:
        """See `Carrier.stop_receiving`."""
        self._sending.close()
        self._receiving.close()

    async def close(self, why: codes.Disconnect) -> None:
        """Push the disconnect, and end the response."""
        if why is not codes.CONNECTION_CLOSED:  # then the client has gone
            await self._stream.finish(self._framing.write(protocol.disconnect_push(why)))
