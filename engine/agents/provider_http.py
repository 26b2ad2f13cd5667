"""Requests to providers of chat models through aiohttp, for the clients that are built on httpx.

httpx takes half of all the work for a token of a stream: a dozen generators and a time limit for each read, and HTTP in Python. Its
clients accept another transport; this one has what providers' libraries use of it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.request import getproxies

import aiohttp
import httpx2
from yarl import URL

KEPT: Final = 60.0
"""Seconds that a connection is kept for the next request: another handshake would be what the first word waits for."""


def transport() -> "AiohttpTransport | None":
    """What carries requests; None where the environment names proxies: httpx knows how they are used."""
    return None if {"http", "https", "all"} & getproxies().keys() else AiohttpTransport()


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Carries requests, under the certificates that httpx trusts. On asyncio.

    Connections are not limited: whoever makes requests knows how many at a time.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Make a request and return its answer's beginning. Raises `TransportError`s; left, it closes its connection."""
        limits = request.extensions.get("timeout", {})
        with _explained(request):
            response = await self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=await request.aread(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=limits.get("connect"), sock_read=limits.get("read")),
            )
        return httpx2.Response(
            response.status, headers=list(response.raw_headers), stream=_Body(request, response), request=request
        )

    def _open(self) -> aiohttp.ClientSession:
        """The connections, made by the first request: they belong to its event loop."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT, ssl=httpx2.create_ssl_context())
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            )
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


class _Body(httpx2.AsyncByteStream):
    """What follows the headers, as it comes."""

    def __init__(self, request: httpx2.Request, response: aiohttp.ClientResponse) -> None:
        self._request = request
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = self._response.content.readany
        with _explained(self._request):
            while data := await read():
                yield data

    async def aclose(self) -> None:
        """Close the connection, unless all has been read: then it is kept."""
        self._response.close()


@contextmanager
def _explained(request: httpx2.Request) -> Iterator[None]:
    """Raise what httpx would."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise _kind(error)(str(error), request=request) from error


def _kind(error: Exception) -> type[httpx2.TransportError]:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx2.ConnectTimeout
        case TimeoutError():
            return httpx2.ReadTimeout
        case aiohttp.ClientConnectorError():
            return httpx2.ConnectError
        case _:
            return httpx2.RemoteProtocolError
