"""A server that speaks Ollama's own protocol.

From https://github.com/ollama/ollama/blob/main/docs/api.md, "Generate a chat completion".
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.model_server import NUMBERS, Call, Heard, ModelServer, Reply, Said


class OllamaReply(Reply):
    """A line of JSON for each part; the last one is `done`."""

    content_type = "application/x-ndjson"
    reasons: ClassVar[Mapping[str, str]] = {"stop": "stop", "tools": "stop", "filter": "stop"}

    async def line(self, **data: object) -> None:
        """One line."""
        known = {"model": self.asked.heard.model, "created_at": "2026-01-02T03:04:05.678901234Z"}
        await self.raw(json.dumps({**known, "done": False, **data}).encode() + b"\n")

    def error(self, code: int, kind: str | None = None) -> object:
        """See `Reply.error`."""
        return {"error": kind or f"no: {code}"}

    async def begin(self) -> None:
        """A line without a word."""
        await self.word("")

    async def word(self, text: str) -> None:
        """See `Reply.word`."""
        await self.line(message={"role": "assistant", "content": text})

    async def think(self, text: str) -> None:
        """See `Reply.think`."""
        await self.line(message={"role": "assistant", "content": "", "thinking": text})

    async def call(self, name: str, arguments: Mapping[str, object]) -> None:
        """Whole, in one line."""
        asked = {"id": f"call_{next(NUMBERS)}", "function": {"index": 0, "name": name, "arguments": arguments}}
        await self.line(message={"role": "assistant", "content": "", "tool_calls": [asked]})

    async def finish(self, reason: str = "stop", usage: tuple[int, int] | None = None) -> None:
        """The end. What was in the cache already is not always counted."""
        counts = {} if usage is None else dict(zip(("prompt_eval_count", "eval_count"), usage, strict=True))
        times = {"total_duration": 5_000_000, "load_duration": 1_000_000, "eval_duration": 3_000_000}
        message = {"role": "assistant", "content": ""}
        await self.line(message=message, done=True, done_reason=self.reasons.get(reason, reason), **times, **counts)

    async def fail(self) -> None:
        """See `Reply.fail`."""
        await self.raw(b'{"error": "an error was encountered while running the model"}\n')

    async def garbage(self) -> None:
        """See `Reply.garbage`."""
        await self.raw(b"{nonsense\n")

    async def odd(self) -> None:
        """See `Reply.odd`."""
        await self.raw(b'{"message": "none", "done": 5}\n')


class OllamaServer(ModelServer):
    """`POST /api/chat`."""

    provider = "ollama"
    path = "/api/chat"
    base = ""
    reply = OllamaReply

    @property
    def model(self) -> str:
        """Models have tags there, so their names have a colon too."""
        return f"{self.provider}:any:3b"

    @staticmethod
    def heard(body: dict[str, Any]) -> Heard:
        """See `ModelServer.heard`."""
        if body.get("stream") is not True:
            raise ValueError("only streams are answered here")
        turns = tuple(_turn(each) for each in body["messages"])
        options = body.get("options", {})
        return Heard(
            model=body["model"],
            system="".join(each.text for each in turns if each.role == "system"),
            turns=tuple(each for each in turns if each.role != "system"),
            tools={each["function"]["name"]: each["function"]["parameters"] for each in body.get("tools") or ()},
            temperature=options.get("temperature"),
            max_tokens=options.get("num_predict"),
        )


def _turn(message: dict[str, Any]) -> Said:
    asked = [each["function"] for each in message.get("tool_calls") or ()]
    return Said(
        role=message["role"],
        text=message.get("content") or "",
        calls=tuple(Call(id=None, name=each["name"], arguments=each["arguments"]) for each in asked),
    )
