"""WebSockets as the carrier of a connection."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import Final

from aiohttp import WSMsgType, web

from gateway.realtime import codes

_TEXT: Final = 0x81
"""The first byte of a text frame that is whole (RFC 6455, section 5.2)."""
_IN_TWO_BYTES: Final = 126
"""Stands for a length that follows in two bytes; smaller numbers are lengths themselves."""
_IN_EIGHT_BYTES: Final = 127
_SHORT: Final = Struct("!BB").pack
_LONG: Final = Struct("!BBH").pack
_LONGEST: Final = Struct("!BBQ").pack


class WebSocketCarrier:
    """See `gateway.realtime.connection.Carrier`. The socket is prepared, and compresses nothing; `transport` is under it."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport

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

    def send_at_once(self, take: Callable[[], bytes]) -> bool:
        """See `Carrier.send_at_once`. It goes past aiohttp, which has three coroutines run for the same bytes."""
        transport = self._transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() or self._socket.closed:
            return False
        transport.write(text_frame(take()))
        return True

    def stop_receiving(self) -> None:
        """See `Carrier.stop_receiving`. What the client sends now stays in its socket."""

    async def close(self, why: codes.Disconnect) -> None:
        """Send the close frame, and wait for the client's own."""
        with suppress(ConnectionError):  # the client has gone
            await self._socket.close(code=why.code, message=why.reason.encode())


def text_frame(payload: bytes) -> bytes:
    """A WebSocket text frame as a server sends it: whole, and not masked."""
    size = len(payload)
    if size < _IN_TWO_BYTES:
        return _SHORT(_TEXT, size) + payload
    if size < 1 << 16:
        return _LONG(_TEXT, _IN_TWO_BYTES, size) + payload
    return _LONGEST(_TEXT, _IN_EIGHT_BYTES, size) + payload
