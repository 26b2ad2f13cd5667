"""What leaves one end of the connection between a server and a process of its own."""

from contextlib import suppress

import anyio
import msgspec
from anyio.abc import ByteSendStream

from engine.processes.framing import encoded


class Sending:
    """One writer for everything: what gathers while the other side takes something leaves in one piece after it."""

    def __init__(self, stream: ByteSendStream) -> None:
        self._stream = stream
        self._unsent: list[bytes] = []
        self._something = anyio.Event()
        self.unsent = 0
        """Bytes that wait."""

    def put(self, message: msgspec.Struct) -> None:
        """Have something sent, without waiting."""
        data = encoded(message)
        self._unsent.append(data)
        self.unsent += len(data)
        self._something.set()

    def forget(self) -> None:
        """Send nothing of what waits."""
        self._unsent.clear()
        self.unsent = 0

    async def write(self) -> None:
        """Send what there is; returns when the other side has gone."""
        with suppress(anyio.BrokenResourceError):
            while True:
                await self._something.wait()
                self._something = anyio.Event()
                unsent, self._unsent, self.unsent = self._unsent, [], 0
                await self._stream.send(b"".join(unsent))
