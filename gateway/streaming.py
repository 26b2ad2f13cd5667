"""A response that is written little by little, for as long as the client likes: streams of realtime frames and of events."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

HEADERS = {"X-Accel-Buffering": "no"}
"""Proxies (nginx and those that follow it) pass on what is written at once."""


class Stream:
    """One streamed response. `gone` is called, once, when the client hangs up.

    Not to be written to after a write was cancelled: aiohttp shares one future among all who wait for the transport to drain.
    """

    def __init__(self, request: web.Request, content_type: str, gone: Callable[[], None]) -> None:
        self.response = web.StreamResponse(headers={"Content-Type": content_type, **HEADERS})
        self.response.force_close()
        self.transport: asyncio.Transport | None = request.transport
        self._request = request
        self._gone = gone

    async def open(self) -> None:
        """Send the headers."""
        await self.response.prepare(self._request)
        if self._request.transport is None:
            self._gone()
            return
        # A handler is not told when its client hangs up; who parses what comes after the request is.
        hung_up: Any = _HungUp(self._gone)
        self._request.protocol.set_parser(hung_up)

    async def write(self, data: bytes) -> None:
        """Send this now. Waits while the client does not read; `ConnectionError` when it has gone."""
        await self.response.write(data)

    async def finish(self, last: bytes = b"") -> None:
        """Send the last bytes and wait until everything is out of this process. A client that has gone is fine."""
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.set_write_buffer_limits(high=0)
        with suppress(ConnectionError):
            await self.response.write_eof(last)

    def abort(self) -> None:
        """Cut the connection off: the client sees that the response is not whole."""
        if self.transport is not None:
            self.transport.abort()


class _HungUp:
    """Stands where aiohttp's parser of WebSocket frames stands: after a request whose answer is streamed nothing is expected."""

    def __init__(self, gone: Callable[[], None]) -> None:
        self._gone = gone

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        return False, b""

    def feed_eof(self) -> None:
        self._gone()
