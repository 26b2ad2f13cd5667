"""A program of its own that speaks for an agent outside of the server: asked to `count to 7`, it does, slowly.

GATHERING_API_KEY=... python -m tests.support.counting_agent http://127.0.0.1:8080
"""

import os
import re
import sys
from collections.abc import AsyncIterator

import anyio

from engine.agents.agent import Agent
from engine.agents.turn import Turn
from gateway.client.serving import serve

PAUSE = 0.05


class Counter(Agent):
    """Says what it was asked by whom, and counts."""

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        yield f"{turn.asker.name} in {turn.title}, {len(turn.members)} here, {len(turn.history)} said:"
        asked = re.search(r"\d+", turn.message.text)
        if asked is None:
            raise ValueError("how far?")
        for number in range(1, int(asked[0]) + 1):
            await anyio.sleep(PAUSE)
            yield f" {number}"


if __name__ == "__main__":
    anyio.run(serve, sys.argv[1], os.environ["GATHERING_API_KEY"], Counter)
