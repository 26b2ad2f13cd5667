"""The timelines of a process where somebody is answering."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import anyio

from actors import AskFailed, Ref
from engine.timelines.answer_commands import StopAnswers

_LIMIT: Final = 1.0


class Underway:
    """Their channels. Once it is `stopping`, nobody begins to answer any more."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        self.stopping = False

    async def stop(self, timeline: Callable[[str], Ref[Any] | None]) -> None:
        """End every answer; returns when their readers have been told, after a second at most."""
        self.stopping = True

        async def stop(ref: Ref[Any]) -> None:
            with suppress(AskFailed):
                await ref.ask(StopAnswers(), timeout=_LIMIT)

        async with anyio.create_task_group() as tasks:
            for channel in sorted(self.channels):
                ref = timeline(channel)
                if ref is not None:
                    tasks.start_soon(stop, ref)
