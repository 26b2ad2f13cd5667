"""A server that speaks the OpenAI chat-completions protocol, and can do everything wrong that a provider can.

async with OpenAIServer() as peer:
    peer.script = [words("Hello ", "world"), status(429, retry_after="0.1"), hangs]
    ...  # a client at peer.base_url gets one script after another; the last one stays
    assert peer.requests[0].body["model"] == "any"
    with anyio.fail_after(0.2):
        await peer.requests[2].closed.wait()  # whoever asked has closed the connection

A script is an async function that plays on a `Reply`. From https://platform.openai.com/docs/api-reference/chat-streaming.
"""

import asyncio
import itertools
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
from aiohttp import web


@dataclass(eq=False)
class Asked:
    """A request that came."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    begun: anyio.Event = field(default_factory=anyio.Event)
    """The first piece is out."""
    closed: anyio.Event = field(default_factory=anyio.Event)
    """The client has closed the connection before the answer was complete."""
    complete: bool = False


class Reply:
    """The answer to one request, being written."""

    def __init__(self, request: web.Request, asked: Asked) -> None:
        self.asked = asked
        self._request = request
        self.response: web.StreamResponse | None = None
        self._id = f"chatcmpl-{next(_numbers)}"

    async def status(self, code: int, body: object, headers: Mapping[str, str]) -> None:
        """Answer with an error instead of a stream."""
        self.response = web.json_response(body, status=code, headers=dict(headers))

    async def raw(self, data: bytes) -> None:
        """Write bytes into the stream."""
        if self.response is None:
            self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await self.response.prepare(self._request)
        await self.response.write(data)

    async def chunk(self, delta: object, *, finish: str | None = None, **more: object) -> None:
        """One chunk with one choice."""
        await self.data([{"index": 0, "delta": delta, "finish_reason": finish}], **more)

    async def data(self, choices: list[dict[str, Any]], **more: object) -> None:
        """One chunk."""
        chunk = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": self.asked.body["model"],
            "choices": choices,
            **more,
        }
        await self.raw(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    async def begin(self) -> None:
        """The chunk that comes before the words."""
        await self.chunk({"role": "assistant", "content": ""})

    async def say(self, text: str) -> None:
        """A piece of text."""
        if self.response is None:
            await self.begin()
        await self.chunk({"content": text})
        self.asked.begun.set()

    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """The end, with the usage if it was asked for."""
        await self.chunk({}, finish=reason)
        if usage is not None and self.asked.body.get("stream_options", {}).get("include_usage"):
            given, written = usage
            total = {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}
            await self.data([], usage=total)
        await self.raw(b"data: [DONE]\n\n")

    def reset(self) -> None:
        """Break the connection off, so that the other side gets ECONNRESET."""
        transport = self._request.transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


Script = Callable[[Reply], Awaitable[None]]

_numbers = itertools.count(1)


def words(*texts: str, usage: tuple[int, int] | None = (7, 3), finish: str = "stop", pause: float = 0.0) -> Script:
    """An answer as it should be. `pause`: seconds before each word."""

    async def play(reply: Reply) -> None:
        for text in texts:
            if pause:
                await asyncio.sleep(pause)
            await reply.say(text)
        await reply.finish(finish, usage)

    return play


def calls(name: str, arguments: Mapping[str, object], *, text: str = "") -> Script:
    """The model asks for a tool, its arguments coming in parts as they do."""

    async def play(reply: Reply) -> None:
        if text:
            await reply.say(text)
        written = json.dumps(arguments)
        begin = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
        await reply.chunk({"role": "assistant", "content": None, "tool_calls": [begin]})
        for part in (written[:5], written[5:]):
            await reply.chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
        await reply.finish("tool_calls", (11, 5))

    return play


def status(code: int, *, retry_after: str | None = None, message: str = "no") -> Script:
    """An error instead of an answer."""

    async def play(reply: Reply) -> None:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        await reply.status(code, {"error": {"message": message, "type": "some_error", "code": None}}, headers)

    return play


async def hangs(_: Reply) -> None:
    """Never says anything, not even a status."""
    await asyncio.Event().wait()


async def hangs_after_headers(reply: Reply) -> None:
    """Begins an answer without a word."""
    await reply.begin()
    await asyncio.Event().wait()


async def stalls(reply: Reply) -> None:
    """Stops in the middle."""
    await reply.say("Well, ")
    await asyncio.Event().wait()


async def resets(reply: Reply) -> None:
    """The connection breaks before the first word."""
    reply.reset()


async def resets_midway(reply: Reply) -> None:
    """The connection breaks after it."""
    await reply.say("Well, ")
    await asyncio.sleep(0.05)  # so that the word is read before the connection is gone
    reply.reset()


async def fails_midway(reply: Reply) -> None:
    """The provider reports an error of its own in the stream."""
    await reply.say("Well, ")
    await reply.raw(b'data: {"error": {"message": "The server had an error", "type": "server_error", "code": 500}}\n\n')


async def garbage(reply: Reply) -> None:
    """What is no JSON."""
    await reply.say("Well, ")
    await reply.raw(b"data: {nonsense\n\n")
    await reply.finish()


async def odd_chunk(reply: Reply) -> None:
    """JSON, and not of the protocol."""
    await reply.say("Well, ")
    await reply.raw(b'data: {"choices": "none", "object": 5}\n\n')
    await reply.finish()


async def ends_early(reply: Reply) -> None:
    """The stream is over without having been finished."""
    await reply.say("Well, ")


async def endless(reply: Reply) -> None:
    """Goes on for ever."""
    while True:
        await reply.say("and ")
        await asyncio.sleep(0.005)


async def reasons(reply: Reply) -> None:
    """Thinks aloud before it speaks, as DeepSeek and others do."""
    await reply.begin()
    await reply.chunk({"reasoning_content": "SECRET THOUGHT", "content": None})
    await reply.chunk({"reasoning": "SECRET THOUGHT"})
    await reply.say("Well.")
    await reply.finish()


class OpenAIServer:
    """Listens on loopback, on a free port."""

    def __init__(self, script: Sequence[Script] = (), *, key: str | None = None) -> None:
        self.script: list[Script] = list(script)
        self.requests: list[Asked] = []
        self.open = 0
        """Requests under way."""
        self.key = key
        """The one that is accepted; None: any."""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(await request.json(), request.headers)
        self.requests.append(asked)
        script = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            script = status(401, message="Incorrect API key provided")
        reply = Reply(request, asked)
        self.open += 1
        try:
            await script(reply)
            asked.complete = True
        except (asyncio.CancelledError, ConnectionResetError):
            asked.closed.set()
            raise
        finally:
            self.open -= 1
        return reply.response or web.Response(status=500)
