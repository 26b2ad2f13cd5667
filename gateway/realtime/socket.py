"""WebSockets as the carrier of a connection."""

from contextlib import suppress

from aiohttp import WSMsgType, web

from gateway.realtime import codes


class WebSocketCarrier:
    """See `gateway.realtime.connection.Carrier`."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes | None:
        """See `Carrier.receive`."""
        message = await self._socket.receive()
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            frame: bytes = message.data
            return frame
        return None

    async def send(self, frame: bytes) -> None:
        """See `Carrier.send`."""
        await self._socket.send_frame(frame, WSMsgType.TEXT)

    def stop_receiving(self) -> None:
        """See `Carrier.stop_receiving`. What the client sends now stays in its socket."""

    async def close(self, why: codes.Disconnect) -> None:
        """Send the close frame, and wait for the client's own."""
        with suppress(ConnectionError):  # the client has gone
            await self._socket.close(code=why.code, message=why.reason.encode())
