"""A chat model that does what it is told, on any event loop and in virtual time.

model = ScriptedModel(["to ", 1.0, "be"], [HANG])      # one script for each request, the last one again and again
"""

from collections.abc import AsyncGenerator, Sequence

import anyio

from engine.agents.models import Piece, Prompt, Spoken, Text, ToolCall, Usage

HANG = None
"""A step that never ends."""
CLING = object()
"""A step that never ends and does not heed its cancellation."""

Step = str | float | Piece | Exception | object
"""A text, seconds to wait, a piece, something to raise, `HANG`, or `CLING`."""


def prompt(text: str = "Hello") -> Prompt:
    """Somebody says this."""
    return Prompt(system="Be kind.", messages=(Spoken(role="user", text=text),))


class ScriptedModel:
    """Plays one script for each request; counts those that run, and keeps what it was asked."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.scripts = list(scripts)
        self.prompts: list[Prompt] = []
        self.times: list[float] = []
        """When each request came."""
        self.running = 0
        self.most = 0
        """As many at once."""
        self.gate = anyio.Event()
        """Opened, it lets go of those that cling."""

    async def stream(self, given: Prompt) -> AsyncGenerator[Piece, None]:
        self.prompts.append(given)
        self.times.append(anyio.current_time())
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for step in script:
                if isinstance(step, str):
                    yield Text(step)
                elif isinstance(step, Text | ToolCall | Usage):
                    yield step
                elif isinstance(step, float):
                    await anyio.sleep(step)
                elif isinstance(step, Exception):
                    raise step
                elif step is CLING:
                    with anyio.CancelScope(shield=True):
                        await self.gate.wait()
                else:
                    await anyio.sleep_forever()
        finally:
            self.running -= 1
