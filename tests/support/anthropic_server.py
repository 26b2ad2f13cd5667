"""A server that speaks Anthropic's Messages API, streaming.

From https://docs.anthropic.com/en/docs/build-with-claude/streaming, .../api/messages and .../api/errors.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.support.model_server import NUMBERS, Asked, Call, Heard, ModelServer, Reply, Said

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
"""The types of errors, by the status that stands for them outside of a stream."""


class AnthropicReply(Reply):
    """Events with names; the words, the thoughts and the calls are blocks, one after another, each in deltas."""

    content_type = "text/event-stream"
    reasons: ClassVar[Mapping[str, str]] = {"stop": "end_turn", "tools": "tool_use", "filter": "refusal"}

    def __init__(self, request: web.Request, asked: Asked) -> None:
        super().__init__(request, asked)
        self._block: str | None = None
        self._index = -1

    async def event(self, name: str, **data: object) -> None:
        """One event."""
        await self.raw(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())

    def error(self, code: int, kind: str | None = None) -> object:
        """See `Reply.error`."""
        said = {"type": kind or ERRORS.get(code, "api_error"), "message": f"no: {code}"}
        return {"type": "error", "error": said, "request_id": f"req_{next(NUMBERS)}"}

    async def begin(self) -> None:
        """The message without its content, and a sign of life. What it says of its cost is not the end of it."""
        message: dict[str, object] = {
            "id": f"msg_{next(NUMBERS)}",
            "type": "message",
            "role": "assistant",
            "model": self.asked.heard.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 1},
        }
        await self.event("message_start", message=message)
        await self.event("ping")

    async def word(self, text: str) -> None:
        """See `Reply.word`."""
        await self._delta("text", {"text": ""}, {"type": "text_delta", "text": text})

    async def think(self, text: str) -> None:
        """A thought, and its signature."""
        empty = {"thinking": "", "signature": ""}
        await self._delta("thinking", empty, {"type": "thinking_delta", "thinking": text})
        await self._delta("thinking", empty, {"type": "signature_delta", "signature": "c2lnbmVk"})

    async def call(self, name: str, arguments: Mapping[str, object]) -> None:
        """The name first, the arguments in parts; where there are none, of nothing."""
        written = json.dumps(arguments) if arguments else ""
        block = {"id": f"toolu_{next(NUMBERS)}", "name": name, "input": {}}
        for part in ("", written[:5], written[5:]):
            await self._delta("tool_use", block, {"type": "input_json_delta", "partial_json": part})

    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """The end, with the whole usage so far: these events are cumulative."""
        await self._stop()
        given, written = usage or (0, 0)
        await self.event(
            "message_delta",
            delta={"stop_reason": self.reasons.get(reason, reason), "stop_sequence": None},
            usage={"input_tokens": given, "output_tokens": written},
        )
        await self.event("message_stop")

    async def fail(self) -> None:
        """See `Reply.fail`."""
        await self.event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    async def garbage(self) -> None:
        """See `Reply.garbage`."""
        await self.raw(b"event: content_block_delta\ndata: {nonsense\n\n")

    async def odd(self) -> None:
        """See `Reply.odd`."""
        await self.event("content_block_delta", index=0, delta=5)

    async def _delta(self, kind: str, empty: Mapping[str, object], delta: Mapping[str, object]) -> None:
        """A part of a block of this kind, which begins with it unless it has begun."""
        if kind != self._block:
            await self._stop()
            self._block = kind
            self._index += 1
            await self.event("content_block_start", index=self._index, content_block={"type": kind, **empty})
        await self.event("content_block_delta", index=self._index, delta=delta)

    async def _stop(self) -> None:
        if self._block is not None:
            await self.event("content_block_stop", index=self._index)
            self._block = None


class AnthropicServer(ModelServer):
    """`POST /v1/messages`."""

    provider = "anthropic"
    path = "/v1/messages"
    base = ""
    reply = AnthropicReply

    @staticmethod
    def key_of(headers: Mapping[str, str]) -> str | None:
        """In one of two headers: newer clients have the second one."""
        return headers.get("x-api-key") or ModelServer.key_of(headers)

    @staticmethod
    def heard(body: dict[str, Any]) -> Heard:
        """See `ModelServer.heard`."""
        if body.get("stream") is not True or "max_tokens" not in body:
            raise ValueError("only streams with a limit are answered here")
        turns = tuple(turn for each in body["messages"] for turn in _turns(each))
        return Heard(
            model=body["model"],
            system=_text(body.get("system", "")),
            turns=turns,
            tools={each["name"]: each["input_schema"] for each in body.get("tools", ())},
            temperature=body.get("temperature"),
            max_tokens=body["max_tokens"],
        )


def _turns(message: dict[str, Any]) -> list[Said]:
    """The results of tools are blocks of a user's message."""
    blocks = message["content"]
    if isinstance(blocks, str):
        blocks = [{"type": "text", "text": blocks}]
    results = [
        Said(role="tool", text=_text(each["content"]), of=each["tool_use_id"])
        for each in blocks
        if each["type"] == "tool_result"
    ]
    asked = tuple(
        Call(id=each["id"], name=each["name"], arguments=each["input"]) for each in blocks if each["type"] == "tool_use"
    )
    text = _text([each for each in blocks if each["type"] == "text"])
    return [*results, *([Said(role=message["role"], text=text, calls=asked)] if text or asked else [])]


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, list) and not all(each["text"] for each in content):
        raise ValueError("text content blocks must be non-empty")
    return content if isinstance(content, str) else "".join(each["text"] for each in content)
