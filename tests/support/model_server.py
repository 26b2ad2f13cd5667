"""What the servers that stand for providers of chat models have in common: each has its own protocol, and plays the same scripts.

    async with AnthropicServer() as server:
        server.script = [words("Hello ", "world"), status(429, retry_after="0.1"), hangs]
        ...  # a client at server.base_url gets one script after another; the last one stays
        assert server.requests[0].heard.model == "any"
        with anyio.fail_after(0.2):
            await server.requests[2].closed.wait()  # whoever asked has closed the connection

A script (`tests.support.model_scripts`) is an async function that plays on a `Reply`.
"""

import asyncio
import itertools
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import anyio
from aiohttp import web

NUMBERS = itertools.count(1)
"""For the identifiers of answers and calls."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool that was asked for. Not every protocol has ids: where there are none, results come in the order of the calls."""

    id: str | None
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Said:
    """One turn of a conversation. A tool's result is of the role `tool`, `of` the call that it answers."""

    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a request asks for, whatever its protocol."""

    model: str
    system: str = ""
    turns: tuple[Said, ...]
    tools: Mapping[str, object] = field(default_factory=dict)
    """The schema of the arguments of each tool, by its name."""
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(eq=False)
class Asked:
    """A request that came."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    heard: Heard
    begun: anyio.Event = field(default_factory=anyio.Event)
    """The first piece is out."""
    closed: anyio.Event = field(default_factory=anyio.Event)
    """The client has closed the connection before the answer was complete."""
    complete: bool = False


class Reply(ABC):
    """The answer to one request, being written."""

    content_type: ClassVar[str]
    reasons: ClassVar[Mapping[str, str]]
    """What the protocol calls the ends `stop`, `tools` and `filter`."""

    def __init__(self, request: web.Request, asked: Asked) -> None:
        self.asked = asked
        self._request = request
        self.response: web.StreamResponse | None = None

    @property
    def peer(self) -> object:
        """The far end of the connection that the request came by."""
        assert self._request.transport is not None
        return self._request.transport.get_extra_info("peername")

    async def refuse(self, code: int, headers: Mapping[str, str], kind: str | None = None) -> None:
        """Answer with an error instead of a stream. `kind`: what the protocol calls it, if not as usual for its status."""
        self.response = web.json_response(self.error(code, kind), status=code, headers=dict(headers))

    async def raw(self, data: bytes) -> None:
        """Write bytes into the stream."""
        if self.response is None:
            self.response = web.StreamResponse(headers={"Content-Type": self.content_type})
            await self.response.prepare(self._request)
        await self.response.write(data)

    async def say(self, text: str) -> None:
        """A piece of text."""
        if self.response is None:
            await self.begin()
        await self.word(text)
        self.asked.begun.set()

    def reset(self) -> None:
        """Break the connection off, so that the other side gets ECONNRESET."""
        transport = self._request.transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    @abstractmethod
    def error(self, code: int, kind: str | None = None) -> object:
        """The body of an error; see `refuse`."""

    @abstractmethod
    async def begin(self) -> None:
        """What comes before the words."""

    @abstractmethod
    async def word(self, text: str) -> None:
        """A piece of text, once the answer has begun."""

    @abstractmethod
    async def think(self, text: str) -> None:
        """A piece of what is not for others."""

    @abstractmethod
    async def call(self, name: str, arguments: Mapping[str, object]) -> None:
        """Ask for a tool, in parts if the protocol has them."""

    @abstractmethod
    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """The end. `reason` is one of `reasons`, or goes out as it is; `usage`: tokens in and out."""

    @abstractmethod
    async def fail(self) -> None:
        """Report an error in the stream."""

    @abstractmethod
    async def garbage(self) -> None:
        """A part of the stream that is no JSON."""

    @abstractmethod
    async def odd(self) -> None:
        """A part that is, and not of the protocol."""


Script = Callable[[Reply], Awaitable[None]]


class ModelServer(ABC):
    """Listens on loopback, on a free port."""

    provider: ClassVar[str]
    """The provider's part of a model's name."""
    path: ClassVar[str]
    base: ClassVar[str]
    """The part of the path that belongs to the address in the settings."""
    reply: ClassVar[type[Reply]]

    def __init__(self, script: Sequence[Script] = (), *, key: str | None = None) -> None:
        self.script: list[Script] = list(script)
        self.requests: list[Asked] = []
        self.open = 0
        """Requests under way."""
        self.key = key
        """The one that is accepted; None: any."""

    @property
    def model(self) -> str:
        """A model that it has, by its full name."""
        return f"{self.provider}:any"

    @staticmethod
    @abstractmethod
    def heard(body: dict[str, Any]) -> Heard:
        """What this request says. Raises `ValueError` for one that the provider would not accept."""

    @staticmethod
    def key_of(headers: Mapping[str, str]) -> str | None:
        """The key that a request has; a bearer's, as most providers want it."""
        return headers.get("Authorization", "").removeprefix("Bearer ") or None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(self.path, self._complete)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{self.port}{self.base}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = Asked(body, request.headers, self.heard(body))
        self.requests.append(asked)
        script = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        reply = self.reply(request, asked)
        self.open += 1
        try:
            if self.key is not None and self.key_of(request.headers) != self.key:
                await reply.refuse(401, {})
            else:
                await script(reply)
            asked.complete = True
        except (asyncio.CancelledError, ConnectionResetError):
            asked.closed.set()
            raise
        finally:
            self.open -= 1
        return reply.response or web.Response(status=500)
