"""An agent that takes its time: for servers that are killed while it speaks."""

from collections.abc import AsyncIterator

import anyio

from engine.agents import Agent, Turn


class Slow(Agent):
    """Says the question again, with a pause before the end."""

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        yield f"You said: {turn.message.text}"
        await anyio.sleep(1.5)
        yield f" ({len(turn.history)})"
