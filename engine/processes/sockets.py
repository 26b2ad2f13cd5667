"""A socket as a stream of bytes, as cheap as the event loop has it."""

import asyncio
import socket
from typing import Final

import anyio
import sniffio
from anyio.abc import ByteStream, UNIXSocketStream

CHUNK: Final = 65_536
"""Bytes that are received at a time, at most."""


async def stream_over(connected: socket.socket) -> ByteStream:
    """The stream of a UNIX socket that is connected; it closes the socket."""
    if sniffio.current_async_library() == "asyncio":
        return _AsyncioStream(*await asyncio.open_unix_connection(sock=connected, limit=CHUNK))
    return await UNIXSocketStream.from_socket(connected)


class _AsyncioStream(ByteStream):
    """Over a transport, which is with the selector all the time. anyio's own stream of a UNIX socket goes there for every wait.

    That is nearly half of what a message costs whoever receives it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._closed = False

    async def receive(self, max_bytes: int = CHUNK) -> bytes:
        try:
            data = await self._reader.read(max_bytes)
        except OSError as error:
            raise anyio.BrokenResourceError from error
        if not data:
            raise anyio.ClosedResourceError if self._closed else anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        self._writer.write(item)
        try:
            await self._writer.drain()
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        self._writer.write_eof()

    async def aclose(self) -> None:
        self._closed = True
        self._writer.close()
