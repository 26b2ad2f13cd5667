"""The worker that holds one request to a provider for as long as it streams."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec

from actors import Actor, StreamMessage, handles
from engine.agents.models.prompt import ChatModel, Piece, Prompt


class Begun(msgspec.Struct, frozen=True):
    """The first value of every stream: a worker has taken the request, and its deadlines begin."""


BEGUN: Final = Begun()


class Speak(StreamMessage["Speaker", "Begun | Piece"], frozen=True):
    """Have a model answer."""

    model: ChatModel
    prompt: Prompt


class Speaker(Actor):
    """Reads what a model answers. How long that may take is the caller's affair: leaving the stream cancels the model."""

    @handles(Speak, stream=True)
    async def speak(self, message: Speak) -> AsyncGenerator[Begun | Piece, None]:
        """Begin, and pass on what comes."""
        yield BEGUN
        async with aclosing(message.model.stream(message.prompt)) as pieces:
            async for piece in pieces:
                yield piece
