"""What an engineer writes: an agent is one async generator. The engine does the rest.

    class Greeter(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[str]:
            yield f"Hello {turn.message.author.name}"

When it speaks is said by its definition, not by the class: see `policies`.
"""

from collections.abc import AsyncIterator
from typing import ClassVar

from engine.agents.turn import Turn


class Agent:
    """The base of every agent. One instance is made, without arguments, for each timeline in which it speaks.

    So what `self` holds belongs to one timeline; it is lost when the timeline falls asleep or the agent crashes. One turn at a
    time: the next begins when the generator of the last one has ended.
    """

    remembers: ClassVar[bool] = True
    """Whether its turns have what it remembers; False for one that would not look, so that readers are not told that it does."""

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        """Answer `turn.message`, in pieces of text as they come; together they become one message.

        Cancelled (someone stops the answer, the question is edited or deleted, the agent is sent away), the generator is closed at
        its next await. What it raises fails this answer and nothing else, as does saying nothing.
        """
        raise NotImplementedError
        yield ""  # makes this an async generator, as its overrides are
