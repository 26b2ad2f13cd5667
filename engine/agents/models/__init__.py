"""Chat models, shared fairly: one request for each answer, streamed piece by piece, within deadlines.

    async with aclosing(models.stream("openai:gpt-5-mini", prompt, group=channel)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Text):
                yield piece.text

`prompt` is what goes in and what comes out, `models` the pools and what surrounds a request (deadlines, retries, the fallback),
`speaker` the worker that holds one request, `provider` one provider with its pool and its circuit breaker, `accounts` what has been
used, `failures` what can go wrong.
"""

from engine.agents.models.accounts import ModelsStatus
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.models import Models, ModelsSettings
from engine.agents.models.prompt import (
    ChatModel,
    Piece,
    Prompt,
    Spoken,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
    Usage,
    estimate,
)

__all__ = [
    "ChatModel",
    "FailureCode",
    "ModelFailed",
    "Models",
    "ModelsSettings",
    "ModelsStatus",
    "Piece",
    "Prompt",
    "Spoken",
    "Text",
    "ToolCall",
    "ToolResult",
    "ToolSpec",
    "Usage",
    "estimate",
]
