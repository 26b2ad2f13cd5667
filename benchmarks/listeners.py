"""Those who read what is posted and translated, in a process of their own: `python -m benchmarks.listeners` is told by a line who they are.

It says `ready` when everybody listens, and at the next line how long after its post each translation was heard by each of its readers.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
import msgspec
from anyio.abc import Process

from benchmarks.audience import ARRIVING, Seat
from benchmarks.raw_socket import RawSocket

LOWEST: Final = 19
"""The priority of this process, the higher the lower: it stands for as many devices, and takes no core from the server."""


class Plan(msgspec.Struct):
    """Who listens, at which server."""

    address: str
    seats: list[Seat]


class Listeners:
    """The process, as whoever measures knows it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def tell(self, line: bytes) -> bytes:
        """What it says to a line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        await self._process.stdin.send(line + b"\n")
        said = b""
        while not said.endswith(b"\n"):
            said += await self._process.stdout.receive()
        return said

    async def heard(self) -> list[float]:
        """How long after its post each translation was heard, in seconds, by each of its readers."""
        return msgspec.json.decode(await self.tell(b"over"), type=list[float])


@asynccontextmanager
async def listening(address: str, seats: list[Seat]) -> AsyncIterator[Listeners]:
    """Everybody listens for as long as the block."""
    command = [sys.executable, "-m", "benchmarks.listeners"]
    async with await anyio.open_process(command, stderr=None) as process:
        listeners = Listeners(process)
        try:
            assert await listeners.tell(msgspec.json.encode(Plan(address, seats))) == b"ready\n"
            yield listeners
        finally:
            with suppress(ProcessLookupError):  # it ends by itself when it has said what it has heard
                process.kill()


async def _listen(plan: Plan) -> None:
    heard: list[float] = []
    limit = anyio.CapacityLimiter(ARRIVING)

    def push(data: bytes) -> None:
        if b'"type":"message.translated"' in data:
            mark = data.index(b'"text":"@')
            heard.append(time.perf_counter() - float(data[mark + 9 : data.index(b" ", mark)]))

    async def sit(seat: Seat) -> None:
        async with limit:
            sockets.append(await RawSocket.connect(plan.address, seat.token, seat.channels, push))

    sockets: list[RawSocket] = []
    async with anyio.create_task_group() as group:
        for seat in plan.seats:
            group.start_soon(sit, seat)
    print("ready", flush=True)
    await anyio.to_thread.run_sync(sys.stdin.buffer.readline)
    print(msgspec.json.encode(heard).decode(), flush=True)


def _main() -> None:
    os.nice(LOWEST)
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    anyio.run(_listen, plan, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    _main()
