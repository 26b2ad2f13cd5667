"""OpenAI's chat completions, as LangChain's model streams them, over aiohttp.

LangChain says what is asked, and understands the chunks; OpenAI's client knows the address, the headers, and what errors are called. In
its place, requests are made and streams are read here. It takes 1 ms of the first word's time to make a request, if it has not just made
another one (0.3 ms), and with httpx underneath more than half of all the work for a token.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import msgspec
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncOpenAI
from openai._streaming import SSEDecoder
from yarl import URL

from engine.agents.quick_events import QuickEvents, parsed

CONNECT: Final = 5.0
"""Seconds for a connection, as the client has it."""
KEPT: Final = 60.0
"""Seconds that a connection is kept for the next request: another handshake would be what the first word waits for."""
_DONE: Final = "[DONE]"


class Completions:
    """What streaming needs of `AsyncOpenAI.chat.completions`, with the address and the headers of `client`. On asyncio.

    Connections are not limited: whoever makes requests knows how many at a time.
    """

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self._url = URL(f"{client.base_url}chat/completions", encoded=True)
        self._session: aiohttp.ClientSession | None = None

    async def create(self, **payload: Any) -> "Chunks":
        """Ask. Raises what the client does: `APIStatusError`, `APIConnectionError`. Cancelled, it closes the connection."""
        with _explained(self._url):
            response = await self._open().post(self._url, data=msgspec.json.encode(payload))
            if not response.ok:
                raise _status_error(response, await response.read())
        return Chunks(response, QuickEvents(SSEDecoder()))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """The connections, made by the first request: they belong to its event loop."""
        if self._session is None:
            headers = {**self._client.default_headers, **self._client.auth_headers}
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT, ssl=httpx2.create_ssl_context()),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={name: value for name, value in headers.items() if isinstance(value, str)},
                timeout=aiohttp.ClientTimeout(sock_connect=CONNECT),
                proxy=_proxy(self._url),
            )
        return self._session


class Chunks:
    """The chunks of one answer, each as the JSON that came: LangChain takes it as well as the client's pydantic models.

    To be left by `async with`, which closes the connection unless all has been read: then it is kept.
    """

    def __init__(self, response: aiohttp.ClientResponse, events: QuickEvents) -> None:
        self._response = response
        self._events = events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._response.close()

    async def __aiter__(self) -> AsyncIterator[object]:
        """Each chunk. Raises `APIError` for an error that the provider reports among them, `APIConnectionError`, `JSONDecodeError`."""
        url, content = self._response.url, self._response.content
        with _explained(url):
            async for part in content.iter_any():
                for data in self._events.feed(part):
                    if data.startswith(_DONE):
                        async for _ in content.iter_any():  # else the connection could not be kept
                            pass
                        return
                    chunk = parsed(data)
                    if isinstance(chunk, dict) and chunk.get("error"):
                        raise APIError("the provider reported an error", _request(url), body=chunk["error"])
                    yield chunk


def _proxy(url: URL) -> str | None:
    """The proxy that the environment names for an address (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`)."""
    proxies = getproxies()
    return None if proxy_bypass(url.host or "") else proxies.get(url.scheme) or proxies.get("all")


def _status_error(response: aiohttp.ClientResponse, body: bytes) -> APIStatusError:
    """What the client would raise, as far as anybody looks: its status, its headers and what the provider calls it."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        said = None
    return APIStatusError(
        f"the provider answered {response.status}",
        response=httpx2.Response(response.status, headers=list(response.raw_headers), request=_request(response.url)),
        body=said.get("error", said) if isinstance(said, dict) else said,
    )


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    """Raise what the client would for trouble with the connection."""
    try:
        yield
    except TimeoutError as error:
        raise APITimeoutError(_request(url)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise APIConnectionError(message=str(error), request=_request(url)) from error


def _request(url: URL) -> httpx2.Request:
    """Which one it was; the client's errors have it."""
    return httpx2.Request("POST", str(url))
