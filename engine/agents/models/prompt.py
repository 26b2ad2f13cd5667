"""What a chat model is given, and what it gives back piece by piece: the contract between agents and models."""

from collections.abc import AsyncGenerator
from typing import Any, Final, Literal, Protocol

import msgspec


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model may ask for. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class Text(msgspec.Struct, frozen=True, tag=True):
    """The next words, as they come: usually a token or a few."""

    text: str


SIGN_OF_LIFE: Final = Text("")
"""No words: the model thinks, or composes a call."""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model asks for a tool; complete, never in parts. `id` is the model's name for this call."""

    id: str
    name: str
    arguments: dict[str, Any]


class Usage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What an answer has cost, in tokens. `estimated`: the provider did not say, and `estimate` has guessed."""

    input_tokens: int
    output_tokens: int
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.input_tokens + self.output_tokens


Piece = Text | ToolCall | Usage


class Spoken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One turn of a conversation. `calls` are the tools that the assistant asked for in this turn.

    `name` is who spoke. Few providers take it beside the text, so the text has to say it, too.
    """

    role: Literal["user", "assistant"]
    text: str
    name: str | None = None
    calls: tuple[ToolCall, ...] = ()


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What came of a tool call: an answer to the `ToolCall` with this id, which stands before it in an assistant's turn."""

    call_id: str
    name: str
    text: str


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked, oldest first. `system` is the engine's own; the words of participants are only in `messages`."""

    system: str
    messages: tuple[Spoken | ToolResult, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[ToolSpec, ...] = ()


class ChatModel(Protocol):
    """One model of one provider."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Answer, piece by piece. `Usage` comes at most once, last.

        An empty `Text` is a sign of life: the model thinks, or composes a call; it moves the deadline for what comes next.
        Raises `ModelFailed`. Cancelled, or closed, it ends the request to the provider: its connection is closed, or free again.
        """
        ...


def estimate(prompt: Prompt, written: int) -> Usage:
    """A guess at what a prompt and an answer of `written` UTF-8 bytes cost: 4 bytes a token.

    That is about right for English, and for Chinese and Japanese (3 bytes a character, 0.7 to 1 tokens); for scripts that
    tokenizers know less well it is too low.
    """
    given = len(prompt.system.encode())
    for each in prompt.messages:
        given += len(each.text.encode()) + 16  # what frames a turn: its role and its name
    given += len(msgspec.json.encode(prompt.tools)) if prompt.tools else 0
    return Usage(input_tokens=-(-given // 4), output_tokens=-(-written // 4), estimated=True)
