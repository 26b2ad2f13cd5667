"""A WebSocket client that costs next to nothing: what a benchmark does to read must not be what it measures."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec

_TEXT: Final = 0x81
_SEGMENT: Final = 1_400
"""Bytes in a packet, as they are on the way to a reader elsewhere: on loopback the server's kernel would keep megabytes for it."""
_PIECE: Final = 16_384
"""Bytes that are read at a time."""
_SMALL_BUFFER: Final = 65_536
"""Bytes that the kernel keeps for who reads slowly: what it kept would look read to the server."""


class RawSocket(asyncio.BufferedProtocol):
    """One connection that connects as somebody, subscribes, and reads. `on_push` gets each push as it came.

    `rate`, in bytes a second: it reads no faster.
    """

    def __init__(self, on_push: Callable[[bytes], None], rate: float | None) -> None:
        self.subscribed = asyncio.Event()
        self.rate = rate
        self._on_push = on_push
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(_PIECE)
        self._held = bytearray()
        self._upgraded = False
        self._commands: list[object] = []
        self._due = 0

    @classmethod
    async def connect(
        cls, url: str, token: str, channels: list[str], on_push: Callable[[bytes], None], *, rate: float | None = None
    ) -> "RawSocket":
        """Returns when every channel is subscribed."""
        loop = asyncio.get_running_loop()
        host, port = urlsplit(url).hostname, urlsplit(url).port
        raw = socket.socket()
        raw.setblocking(False)  # noqa: FBT003 - its only argument
        if rate is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
        await loop.sock_connect(raw, (host, port))
        _, client = await loop.create_connection(lambda: cls(on_push, None), sock=raw)
        client._commands = [{"connect": {"token": token}}, *({"subscribe": {"channel": each}} for each in channels)]  # noqa: SLF001
        client._greet(f"{host}:{port}")  # noqa: SLF001
        await client.subscribed.wait()
        client.rate = rate
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def _greet(self, host: str) -> None:
        assert self._transport is not None
        self._transport.write(
            f"GET /connection/websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def get_buffer(self, sizehint: int) -> bytearray:
        """See `asyncio.BufferedProtocol`."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        held = self._held
        held += memoryview(self._buffer)[:nbytes]
        if not self._upgraded:
            if b"\r\n\r\n" not in held:
                return
            self._upgraded = True
            del held[: held.index(b"\r\n\r\n") + 4]
            self._command()
        start = 0
        while (frame := _frame(held, start)) is not None:
            begin, end = frame
            for part in bytes(held[begin:end]).split(b"\n"):
                self._hear(part)
            start = end
        del held[:start]
        if self.rate is not None:
            self._rest(nbytes / self.rate)

    def _hear(self, part: bytes) -> None:
        if part.startswith(b'{"push":'):
            self._on_push(part)
        elif part.startswith(b'{"id":'):
            if b'"error":' in part[:40]:
                raise RuntimeError(part)
            self._command()
        elif part == b"{}":
            self._send(b"{}")

    def _command(self) -> None:
        """Send the next command, when the one before it is answered."""
        if self._due == len(self._commands):
            self.subscribed.set()
            return
        self._due += 1
        self._send(msgspec.json.encode({"id": self._due, **self._commands[self._due - 1]}))  # type: ignore[dict-item]

    def _send(self, text: bytes) -> None:
        assert self._transport is not None
        size = len(text)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
        self._transport.write(bytes([_TEXT]) + length + bytes(4) + text)  # masked with zeros

    def _rest(self, seconds: float) -> None:
        assert self._transport is not None
        self._transport.pause_reading()
        asyncio.get_running_loop().call_later(seconds, self._transport.resume_reading)

    def hurry(self) -> None:
        """Read as fast as it comes from now on."""
        self.rate = None


def _frame(held: bytearray, start: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `start` begins and ends; None while it is incomplete."""
    begin, have = start + 2, len(held)
    if have < begin:
        return None
    size = held[start + 1]
    if size == 126:
        size, begin = int.from_bytes(held[begin : begin + 2]), begin + 2
    elif size == 127:
        size, begin = int.from_bytes(held[begin : begin + 8]), begin + 8
    return (begin, begin + size) if have >= begin + size else None
