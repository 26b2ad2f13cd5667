"""Those who read answers, in a process of their own: `python -m benchmarks.audience` is told by a line what to read.

It says `ready` when everybody listens, and what they have heard when every answer has ended, or the time is over.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import anyio
import msgspec

from benchmarks.cores import last_in_line
from benchmarks.raw_socket import RawSocket
from benchmarks.told import Told, told

ARRIVING = 20
"""Connections that are opened at the same time."""
SLOW = 250_000.0
"""Bytes a second for a slow reader, as long as no answer has ended."""
COMPLETED = "answer.completed"


class Seat(msgspec.Struct):
    """Somebody who reads some answers over one connection. `rate`: so many bytes a second."""

    token: str
    channels: list[str]
    rate: float | None = None


class Plan(msgspec.Struct):
    """Who reads what, at which server, and for how many seconds at most. `tokens` is how long each answer is."""

    address: str
    seats: list[Seat]
    tokens: int
    seconds: float


class Heard(msgspec.Struct):
    """What one reader has heard of one answer; times on the clock that all processes of a machine share."""

    asked_at: float = 0.0
    """When the question came."""
    first_at: float = 0.0
    first_sent: float = 0.0
    deltas: int = 0
    wrong: int = 0
    """Deltas out of order."""
    missing: int = 0
    """Tokens that have not come, or not in their order."""
    ended: str = ""
    ended_at: float = 0.0


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    length: int = 0
    text: str = ""
    code: str = ""


class _Publication(msgspec.Struct):
    data: _Event


class _Push(msgspec.Struct):
    channel: str
    pub: _Publication | None = None


class _Frame(msgspec.Struct):
    push: _Push


_DECODER = msgspec.json.Decoder(_Frame)


class Reader:
    """Reads one answer, and checks that nothing of it is missing. `completed` is called when it is."""

    def __init__(self, completed: Callable[[], object]) -> None:
        self.heard = Heard()
        self._completed = completed
        self._parts: list[str] = []
        self._length = 0
        self._index = -1

    def hear(self, event: _Event, now: float) -> None:
        """Something has come."""
        heard = self.heard
        if event.type == "message.posted" and not heard.asked_at:
            heard.asked_at = now
        elif event.type == "answer.delta":
            if not heard.deltas:
                heard.first_at, heard.first_sent = now, float(event.text.split()[0].partition("@")[2])
            self._parts.append(event.text)
            self._length += len(event.text)
            heard.wrong += event.index <= self._index or event.length != self._length
            self._index = event.index
            heard.deltas += 1
        elif event.type in {COMPLETED, "answer.failed", "answer.cancelled"}:
            heard.ended, heard.ended_at = event.code or event.type, now
            if event.type == COMPLETED:
                self._completed()

    def check(self, tokens: int) -> Heard:
        """What it has heard, counted."""
        numbers = [int(word.partition("@")[0]) for word in "".join(self._parts).split()]
        disordered = sum(later <= sooner for sooner, later in pairwise(numbers))
        self.heard.missing = tokens - len(set(numbers)) + disordered
        return self.heard


class Audience:
    """The process, as whoever measures knows it."""

    def __init__(self, process: Told) -> None:
        self._process = process
        self.cpu = process.cpu

    async def heard(self) -> list[list[Heard]]:
        """What everybody has heard, seat by seat, when it is over."""
        return msgspec.json.decode(await self._process.line(), type=list[list[Heard]])


@asynccontextmanager
async def seated(plan: Plan) -> AsyncIterator[Audience]:
    """Everybody listens for as long as the block."""
    async with told("benchmarks.audience", plan) as process:
        yield Audience(process)


async def _listen(plan: Plan) -> None:
    readers: list[list[Reader]] = []
    sockets: list[RawSocket] = []
    limit = anyio.CapacityLimiter(ARRIVING)

    def hurry() -> None:  # what comes then is the messages: to be too slow for those is to be sent away
        for socket in sockets:
            socket.hurry()

    async def sit(seat: Seat, here: dict[str, Reader]) -> None:
        async with limit:
            socket = await RawSocket.connect(plan.address, seat.token, seat.channels, _telling(here), rate=seat.rate)
            sockets.append(socket)

    async with anyio.create_task_group() as group:
        for seat in plan.seats:
            here = {channel: Reader(hurry) for channel in seat.channels}
            readers.append(list(here.values()))
            group.start_soon(sit, seat, here)
    print("ready", flush=True)
    with anyio.move_on_after(plan.seconds):
        while not all(reader.heard.ended for each in readers for reader in each):  # noqa: ASYNC110 - it depends on many
            await asyncio.sleep(0.2)
    heard = [[reader.check(plan.tokens) for reader in seat] for seat in readers]
    print(msgspec.json.encode(heard).decode(), flush=True)


def _telling(here: dict[str, Reader]) -> Callable[[bytes], None]:
    def push(data: bytes) -> None:
        if b'"pub"' in data:
            now = time.monotonic()
            pushed = _DECODER.decode(data).push
            if pushed.pub is not None and pushed.channel in here:  # else it is one's own: what has become unread
                here[pushed.channel].hear(pushed.pub.data, now)

    return push


def _main() -> None:
    last_in_line()
    plan: Any = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    anyio.run(_listen, plan, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    _main()
