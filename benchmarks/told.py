"""A module of the benchmarks in a process of its own, which is told things by lines and answers by lines."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import msgspec
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
from anyio.abc import Process

READY = b"ready\n"


class Told:
    """The process, as whoever measures knows it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.cpu = psutil.Process(process.pid)

    async def tell(self, line: bytes) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        await self._process.stdin.send(line + b"\n")

    async def line(self) -> bytes:
        """What it says next."""
        assert self._process.stdout is not None
        said = b""
        while not said.endswith(b"\n"):
            said += await self._process.stdout.receive()
        return said


@asynccontextmanager
async def told(module: str, plan: msgspec.Struct) -> AsyncIterator[Told]:
    """It has been told its plan, and is ready, for as long as the block."""
    async with await anyio.open_process([sys.executable, "-m", module], stderr=None) as process:
        each = Told(process)
        try:
            await each.tell(msgspec.json.encode(plan))
            assert await each.line() == READY
            yield each
        finally:
            with suppress(ProcessLookupError):  # it ends by itself when it has said what it has heard
                process.kill()
