"""The archivist: answers from what was said, without a model and without a key."""

from collections.abc import AsyncIterator

from engine.agents.agent import Agent
from engine.agents.turn import Turn


class Archivist(Agent):
    """Temp."""

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        """Temp."""
        turn.spend(0)
        yield "hello"
