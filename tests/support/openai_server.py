"""A server that speaks the OpenAI chat-completions protocol.

From https://platform.openai.com/docs/api-reference/chat-streaming.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.support.model_server import NUMBERS, Asked, Call, Heard, ModelServer, Reply, Said


class OpenAIReply(Reply):
    """Server-sent events without names, the last of them `[DONE]`."""

    content_type = "text/event-stream"
    reasons: ClassVar[Mapping[str, str]] = {"stop": "stop", "tools": "tool_calls", "filter": "content_filter"}

    def __init__(self, request: web.Request, asked: Asked) -> None:
        super().__init__(request, asked)
        self._id = f"chatcmpl-{next(NUMBERS)}"

    async def chunk(self, delta: object, *, finish: str | None = None, **more: object) -> None:
        """One chunk with one choice."""
        await self.data([{"index": 0, "delta": delta, "finish_reason": finish}], **more)

    async def data(self, choices: list[dict[str, Any]], **more: object) -> None:
        """One chunk."""
        chunk = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": self.asked.heard.model,
            "choices": choices,
            **more,
        }
        await self.raw(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def error(self, code: int, kind: str | None = None) -> object:
        """See `Reply.error`."""
        return {"error": {"message": f"no: {code}", "type": kind or "some_error", "code": kind}}

    async def begin(self) -> None:
        """The chunk that comes before the words."""
        await self.chunk({"role": "assistant", "content": ""})

    async def word(self, text: str) -> None:
        """See `Reply.word`."""
        await self.chunk({"content": text})

    async def think(self, text: str) -> None:
        """As DeepSeek and others do, each in its own way."""
        await self.chunk({"reasoning_content": text, "content": None})
        await self.chunk({"reasoning": text})

    async def call(self, name: str, arguments: Mapping[str, object]) -> None:
        """The name first, the arguments in parts."""
        written = json.dumps(arguments)
        begin = {
            "index": 0,
            "id": f"call_{next(NUMBERS)}",
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        await self.chunk({"content": None, "tool_calls": [begin]})
        for part in (written[:5], written[5:]):
            await self.chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})

    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """The end, with the usage if it was asked for."""
        await self.chunk({}, finish=self.reasons.get(reason, reason))
        if usage is not None and self.asked.body.get("stream_options", {}).get("include_usage"):
            given, written = usage
            total = {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}
            await self.data([], usage=total)
        await self.raw(b"data: [DONE]\n\n")

    async def fail(self) -> None:
        """See `Reply.fail`."""
        await self.raw(b"data: " + json.dumps(self.error(500)).encode() + b"\n\n")

    async def garbage(self) -> None:
        """See `Reply.garbage`."""
        await self.raw(b"data: {nonsense\n\n")

    async def odd(self) -> None:
        """See `Reply.odd`."""
        await self.raw(b'data: {"choices": "none", "object": 5}\n\n')


class OpenAIServer(ModelServer):
    """`POST /v1/chat/completions`."""

    provider = "openai"
    path = "/v1/chat/completions"
    base = "/v1"
    reply = OpenAIReply

    @staticmethod
    def heard(body: dict[str, Any]) -> Heard:
        """See `ModelServer.heard`."""
        if body.get("stream") is not True:
            raise ValueError("only streams are answered here")
        turns = tuple(_turn(each) for each in body["messages"])
        return Heard(
            model=body["model"],
            system="".join(each.text for each in turns if each.role == "system"),
            turns=tuple(each for each in turns if each.role != "system"),
            tools={each["function"]["name"]: each["function"]["parameters"] for each in body.get("tools", ())},
            temperature=body.get("temperature"),
            max_tokens=body.get("max_completion_tokens"),
        )


def _turn(message: dict[str, Any]) -> Said:
    asked = [(each["id"], each["function"]) for each in message.get("tool_calls") or ()]
    return Said(
        role=message["role"],
        text=message["content"] or "",
        calls=tuple(
            Call(id=call, name=function["name"], arguments=json.loads(function["arguments"]))
            for call, function in asked
        ),
        of=message.get("tool_call_id"),
    )
