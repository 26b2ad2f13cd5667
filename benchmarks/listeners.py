"""Those who read what is posted and translated, in a process of their own: `python -m benchmarks.listeners` is told by a line who they are.

It says `ready` when everybody listens, and at the next line how long after its post each translation was heard by each of its readers.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec

from benchmarks.audience import ARRIVING, Seat
from benchmarks.cores import last_in_line
from benchmarks.raw_socket import RawSocket
from benchmarks.told import Told, told


class Plan(msgspec.Struct):
    """Who listens, at which server."""

    address: str
    seats: list[Seat]


class Listeners:
    """The process, as whoever measures knows it."""

    def __init__(self, process: Told) -> None:
        self.cpu = process.cpu
        self._process = process

    async def heard(self) -> list[float]:
        """How long after its post each translation was heard, in seconds, by each of its readers."""
        await self._process.tell(b"over")
        return msgspec.json.decode(await self._process.line(), type=list[float])


@asynccontextmanager
async def listening(address: str, seats: list[Seat]) -> AsyncIterator[Listeners]:
    """Everybody listens for as long as the block."""
    async with told("benchmarks.listeners", Plan(address, seats)) as process:
        yield Listeners(process)


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
    last_in_line()
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    anyio.run(_listen, plan, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    _main()
