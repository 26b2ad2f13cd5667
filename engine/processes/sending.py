"""What leaves one end of the connection between a server and a process of its own."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
import msgspec
from anyio.abc import ByteSendStream

from engine.beside import beside
from engine.processes.framing import encoded

GATHER: Final = 0.05
"""Seconds for which what nobody waits for waits for company."""
NOT_MADE: Final = 1_000
"""Bytes for which it counts until it is made."""


class Sending:
    """One writer for everything: what gathers while the other side takes something leaves in one piece after it.

    To make something and to send it cost about the same, and both would be done while somebody is served. So what nobody waits for is made
    and leaves a moment later, or with the next thing that somebody does wait for.
    """

    def __init__(self, stream: ByteSendStream) -> None:
        self._stream = stream
        self._unsent: list[bytes | Callable[[], msgspec.Struct]] = []
        self._urgent = anyio.Event()
        self._patient = anyio.Event()
        self.unsent = 0
        """Bytes that wait, about."""

    def put(self, message: msgspec.Struct) -> None:
        """Have something sent, without waiting."""
        data = encoded(message)
        self._unsent.append(data)
        self.unsent += len(data)
        self._urgent.set()

    def put_later(self, make: Callable[[], msgspec.Struct]) -> None:
        """Have something made and sent in a moment, without waiting."""
        self._unsent.append(make)
        self.unsent += NOT_MADE
        self._patient.set()

    def forget(self) -> None:
        """Send nothing of what waits."""
        self._unsent.clear()
        self.unsent = 0

    async def write(self) -> None:
        """Send what there is; returns when the other side has gone."""
        async with beside() as tasks:
            tasks.start_soon(self._hasten)
            with suppress(anyio.BrokenResourceError):
                while True:
                    await self._urgent.wait()
                    self._urgent = anyio.Event()
                    unsent, self._unsent, self.unsent = self._unsent, [], 0
                    if unsent:
                        made = (each if isinstance(each, bytes) else encoded(each()) for each in unsent)
                        await self._stream.send(b"".join(made))

    async def _hasten(self) -> None:
        """Have what waits for company wait no longer."""
        while True:
            await self._patient.wait()
            await anyio.sleep(GATHER)
            self._patient = anyio.Event()
            self._urgent.set()
