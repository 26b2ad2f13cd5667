"""Booths at the other end of a link, as in the process for them, but in this process: so in virtual time, on every event loop."""

from collections.abc import Callable
from typing import Any, Self

import anyio
import pytest

from actors import Actor, ActorSystem, Ref
from engine.interpreting import opening
from engine.interpreting.memory import TranslationMemory
from engine.interpreting.process.distant import Server
from engine.interpreting.process.inside import keep_booths
from engine.interpreting.process.remote import RemoteBooths
from engine.interpreting.process.serving import Serving
from engine.traffic import Traffic
from engine.translation import Translators
from tests.support.ends import ends


def link_booths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have engines made with their booths at the other end."""
    monkeypatch.setattr(opening, "LocalBooths", LinkedBooths)


class LinkedBooths(RemoteBooths):
    """Started like `LocalBooths`, in whose place it is put."""

    @classmethod
    async def start(  # type: ignore[override]
        cls,
        system: ActorSystem,
        memory: TranslationMemory,
        translators: Translators,
        traffic: Traffic,
        *,
        timeline: Callable[[str], Ref[Any] | None],
        start_limit: float,
    ) -> Self:
        del start_limit
        elsewhere = Elsewhere(memory, translators)

        async def run(seconds: float) -> None:
            with anyio.move_on_after(seconds):
                await elsewhere.runs.wait()

        async def end() -> None:
            await system.stop_child("elsewhere")
            await translators.close()

        booths = cls(Serving(timeline, None, traffic), tuple, run, end)
        elsewhere.booths = booths
        await system.spawn(lambda: elsewhere, "elsewhere")
        return booths


class Elsewhere(Actor):
    """Has both ends, for as long as the system runs."""

    booths: LinkedBooths

    def __init__(self, memory: TranslationMemory, translators: Translators) -> None:
        self._memory = memory
        self._translators = translators
        self._here, self._there = ends()
        self.runs = anyio.Event()

    async def started(self) -> None:
        self.spawn(self._keep_booths)
        self.spawn(self._carry)

    async def _keep_booths(self) -> None:
        async def start(system: ActorSystem, server: Server) -> Translators:
            del system, server
            return self._translators

        async with self._there, ActorSystem("elsewhere") as system:
            await keep_booths(self._there, system, self._memory, start, traffic=Traffic(), gone=lambda: None)

    async def _carry(self) -> None:
        async with self._here:
            await self._here.receive()  # that it is ready
            link = self.booths.open_line(self._here)
            self.runs.set()
            await link.carry()
