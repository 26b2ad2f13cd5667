"""The limits that actors are held against: the least that the event loop itself needs for the same thing.

Each measure takes how many operations to do and gives what one costs, in seconds (memory: in bytes).
"""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import anyio
import psutil  # type: ignore[import-untyped]
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

Measure: TypeAlias = Callable[[int], Awaitable[float]]

BURST = 500
"""How many messages are sent before the sender waits for them."""
FAN = 1_000
"""How many receive each message of a fan-out."""
RING = 1_000
"""How many stand in the ring."""
CALLERS = 100


async def stream_hop(count: int) -> float:
    """A memory object stream with room for 100, `send` and `receive`."""
    sending, receiving = anyio.create_memory_object_stream[int](100)

    async def receive() -> None:
        async with receiving:
            async for _ in receiving:
                pass

    async with anyio.create_task_group() as group, sending:
        group.start_soon(receive)
        await checkpoint()
        started = time.perf_counter()
        for number in range(count):
            await sending.send(number)
        return (time.perf_counter() - started) / count
    raise AssertionError


class Parked:
    """A deque, and a task that is woken by an event only when it had found the deque empty."""

    def __init__(self, handle: Callable[[int], None]) -> None:
        self._waiting: deque[int] = deque()
        self._handle = handle
        self._event: anyio.Event | None = None

    def put(self, number: int) -> None:
        """Send."""
        self._waiting.append(number)
        if self._event is not None:
            self._event.set()

    async def run(self) -> None:
        """Handle what is sent, in order, until cancelled."""
        waiting, handle = self._waiting, self._handle
        while True:
            while waiting:
                handle(waiting.popleft())
            self._event = anyio.Event()
            await self._event.wait()
            self._event = None


async def parked_hop(count: int) -> float:
    """A deque and a parked event, in bursts."""
    done = anyio.Event()

    def handle(number: int) -> None:
        if number == BURST - 1:
            done.set()

    async with anyio.create_task_group() as group:
        parked = Parked(handle)
        group.start_soon(parked.run)
        started = time.perf_counter()
        for _ in range(max(1, count // BURST)):
            done = anyio.Event()
            for number in range(BURST):
                parked.put(number)
            await done.wait()
        elapsed = time.perf_counter() - started
        group.cancel_scope.cancel()
    return elapsed / (max(1, count // BURST) * BURST)


async def queue_hop(count: int) -> float:
    """An `asyncio.Queue`, `put` and `get`."""
    queue: asyncio.Queue[int] = asyncio.Queue(BURST)

    async def receive() -> None:
        for _ in range(count):
            await queue.get()

    async with anyio.create_task_group() as group:
        group.start_soon(receive)
        await checkpoint()
        started = time.perf_counter()
        for number in range(count):
            await queue.put(number)
    return (time.perf_counter() - started) / count


async def queue_ask(count: int, callers: int = 1) -> float:
    """An `asyncio.Queue` of futures: no deadline, no types, no supervision."""
    queue: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def serve() -> None:
        while True:
            (await queue.get()).set_result(1)

    async def call() -> None:
        for _ in range(count // callers):
            future = loop.create_future()
            await queue.put(future)
            await future

    return await _served(serve, call, count, callers)


async def event_ask(count: int, callers: int = 1) -> float:
    """A deque of events, with a parked event for the server: what the event loops have in common."""
    waiting: deque[anyio.Event] = deque()
    wake: anyio.Event | None = None

    async def serve() -> None:
        nonlocal wake
        while True:
            while waiting:
                waiting.popleft().set()
            wake = anyio.Event()
            await wake.wait()
            wake = None

    async def call() -> None:
        for _ in range(count // callers):
            answered = anyio.Event()
            waiting.append(answered)
            if wake is not None:
                wake.set()
            await answered.wait()

    return await _served(serve, call, count, callers)


async def queue_ask_crowd(count: int) -> float:
    """The same from many callers at once."""
    return await queue_ask(count, CALLERS)


async def event_ask_crowd(count: int) -> float:
    """The same from many callers at once."""
    return await event_ask(count, CALLERS)


async def _served(
    serve: Callable[[], Coroutine[Any, Any, None]],
    call: Callable[[], Coroutine[Any, Any, None]],
    count: int,
    callers: int,
) -> float:
    async with anyio.create_task_group() as serving:
        serving.start_soon(serve)
        await checkpoint()
        started = time.perf_counter()
        async with anyio.create_task_group() as calling:
            for _ in range(callers):
                calling.start_soon(call)
        elapsed = time.perf_counter() - started
        serving.cancel_scope.cancel()
    return elapsed / (count // callers * callers)


async def parked_fan_out(count: int) -> float:
    """Each message to a thousand parked tasks."""
    missing = 0
    done = anyio.Event()

    def handle(_: int) -> None:
        nonlocal missing
        missing -= 1
        if not missing:
            done.set()

    async with anyio.create_task_group() as group:
        members = [_start(group, handle) for _ in range(FAN)]
        await checkpoint()
        started = time.perf_counter()
        for number in range(max(1, count // FAN)):
            missing, done = FAN, anyio.Event()
            for member in members:
                member.put(number)
            await done.wait()
        elapsed = time.perf_counter() - started
        group.cancel_scope.cancel()
    return elapsed / (max(1, count // FAN) * FAN)


async def parked_ring(count: int) -> float:
    """One message that goes round a thousand parked tasks."""
    done = anyio.Event()
    members: list[Parked] = []

    def pass_on(at: int) -> Callable[[int], None]:
        def handle(left: int) -> None:
            if left:
                members[(at + 1) % RING].put(left - 1)
            else:
                done.set()

        return handle

    async with anyio.create_task_group() as group:
        members += [_start(group, pass_on(at)) for at in range(RING)]
        await checkpoint()
        started = time.perf_counter()
        members[0].put(count)
        await done.wait()
        elapsed = time.perf_counter() - started
        group.cancel_scope.cancel()
    return elapsed / count


def _start(group: TaskGroup, handle: Callable[[int], None]) -> Parked:
    parked = Parked(handle)
    group.start_soon(parked.run)
    return parked


async def empty_task(count: int) -> float:
    """`start_soon` and the run of a task that does nothing, one after another."""

    async def nothing() -> None:
        pass

    async with anyio.create_task_group() as group:
        started = time.perf_counter()
        for _ in range(count):
            group.start_soon(nothing)
            await checkpoint()
    return (time.perf_counter() - started) / count


async def parked_bytes(count: int) -> float:
    """The memory of a parked task with its deque."""
    async with anyio.create_task_group() as group:
        kept = [_start(group, lambda _: None) for _ in range(100)]
        await anyio.sleep(0.1)
        before = resident()
        kept += [_start(group, lambda _: None) for _ in range(count)]
        await anyio.sleep(0.1)
        used = resident() - before
        group.cancel_scope.cancel()
    return used / count


def resident() -> int:
    """The memory of this process, in bytes, after a garbage collection."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)
