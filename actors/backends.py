"""Parking a task and waking it, natively on each event loop.

The only module of the runtime that knows which loop is running (`actors.testing` replaces the loop's clock and scheduler).
A native slot costs a third to a half of an `anyio.Event`, and every message that finds its actor idle pays for one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
from sniffio import current_async_library

from actors.call import Answer

if TYPE_CHECKING:
    import trio


UVLOOP_ROUNDING: Final = 0.0005
"""Seconds. uvloop rounds a timer to the nearest millisecond, so that half of them come early. An anyio cancel scope whose deadline
comes early sets a timer for the rest, which is rounded to none, and again: it turns the loop hundreds of times until the moment."""


class Waiter(Protocol):
    """The parking place of one task. Used by one task at a time; `wake` may be called by anyone on the loop, at any time."""

    def park(self) -> Awaitable[None]:
        """Sleep until the next `wake`; to be awaited at once. Cancellable; a wake while nobody is parked is forgotten."""
        ...

    def wake(self) -> None:
        """Wake the parked task, if there is one. Never blocks."""
        ...


class Slot(Protocol):
    """Where one caller waits for one answer."""

    def wait(self) -> Awaitable[Answer[Any]]:
        """The answer. Cancellable."""
        ...

    def settle(self, answer: Answer[Any]) -> None:
        """Give the answer; only the first counts."""
        ...


class Backend(Protocol):
    """The few things that the event loops do differently."""

    clock: Callable[[], float]
    """Monotonic time in seconds; under simulation the simulated one."""

    def waiter(self) -> Waiter:
        """A parking place."""
        ...

    async def park(self, waiter: Waiter, seconds: float) -> None:
        """Park there until the next `wake`, and for so many seconds at most; not less, unless by the clock's resolution."""
        ...

    def slot(self) -> Slot:
        """A place to wait for one answer."""
        ...

    def forgive_cancellation(self) -> None:
        """Forget every native cancellation that no cancel scope asked for, so that the task can go on."""
        ...


def current_backend() -> Backend:
    """The backend of the running event loop; the portable one where there is no native one."""
    match current_async_library():
        case "asyncio":
            return AsyncioBackend()
        case "trio":
            return TrioBackend()
        case _:
            return PortableBackend()


class PortableBackend:
    """The same on anyio's own primitives: the reference that the native ones are tested against."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = anyio.current_time

    def waiter(self) -> Waiter:
        """See `Backend`."""
        return _PortableWaiter()

    async def park(self, waiter: Waiter, seconds: float) -> None:
        """See `Backend`."""
        with anyio.move_on_after(seconds):
            await waiter.park()

    def slot(self) -> Slot:
        """See `Backend`."""
        return _PortableSlot()

    def forgive_cancellation(self) -> None:
        """See `Backend`."""


class _PortableWaiter:
    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    async def park(self) -> None:
        self._event = anyio.Event()
        try:
            await self._event.wait()
        finally:
            self._event = None

    def wake(self) -> None:
        if self._event is not None:
            self._event.set()


class _PortableSlot:
    __slots__ = ("_answer", "_event")

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._answer: Answer[Any] | None = None

    async def wait(self) -> Answer[Any]:
        await self._event.wait()
        assert self._answer is not None
        return self._answer

    def settle(self, answer: Answer[Any]) -> None:
        if self._answer is None:
            self._answer = answer
            self._event.set()


class AsyncioBackend:
    """Futures of the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # uvloop's time() has milliseconds and stands still within a turn; a simulated loop says that it keeps its own time.
        simulated = getattr(self._loop, "keeps_its_own_time", False)
        self.clock: Callable[[], float] = self._loop.time if simulated else time.monotonic
        self._rounding = UVLOOP_ROUNDING if type(self._loop).__module__.startswith("uvloop") else 0.0

    def waiter(self) -> Waiter:
        """See `Backend`."""
        return _AsyncioWaiter(self._loop)

    async def park(self, waiter: Waiter, seconds: float) -> None:
        """See `Backend`."""
        timer = self._loop.call_later(seconds + self._rounding, waiter.wake)
        try:
            await waiter.park()
        finally:
            timer.cancel()

    def slot(self) -> Slot:
        """See `Backend`."""
        return _AsyncioSlot(self._loop)

    def forgive_cancellation(self) -> None:
        """See `Backend`."""
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()


class _AsyncioWaiter:
    __slots__ = ("_future", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._future: asyncio.Future[None] | None = None

    def park(self) -> Awaitable[None]:
        future = self._future = self._loop.create_future()
        return future

    def wake(self) -> None:
        future = self._future
        if future is not None:
            self._future = None
            if not future.done():
                future.set_result(None)


class _AsyncioSlot:
    __slots__ = ("_future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future: asyncio.Future[Answer[Any]] = loop.create_future()

    def wait(self) -> Awaitable[Answer[Any]]:
        return self._future

    def settle(self, answer: Answer[Any]) -> None:
        if not self._future.done():
            self._future.set_result(answer)


class TrioBackend:
    """Tasks of trio, rescheduled by hand."""

    def __init__(self) -> None:
        self._lowlevel: Any = sys.modules["trio"].lowlevel
        self.clock: Callable[[], float] = self._lowlevel.current_clock().current_time

    def waiter(self) -> Waiter:
        """See `Backend`."""
        return _TrioWaiter(self._lowlevel)

    async def park(self, waiter: Waiter, seconds: float) -> None:
        """See `Backend`."""
        with anyio.move_on_after(seconds):
            await waiter.park()

    def slot(self) -> Slot:
        """See `Backend`."""
        return _TrioSlot(self._lowlevel)

    def forgive_cancellation(self) -> None:
        """See `Backend`: trio has no cancellation outside its cancel scopes."""


class _TrioWaiter:
    __slots__ = ("_lowlevel", "_task")

    def __init__(self, lowlevel: Any) -> None:
        self._lowlevel = lowlevel
        self._task: trio.lowlevel.Task | None = None

    async def park(self) -> None:
        self._task = self._lowlevel.current_task()
        await self._lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: Any) -> trio.lowlevel.Abort:
        self._task = None
        return self._lowlevel.Abort.SUCCEEDED  # type: ignore[no-any-return]

    def wake(self) -> None:
        task = self._task
        if task is not None:
            self._task = None
            self._lowlevel.reschedule(task)


class _TrioSlot(_TrioWaiter):
    __slots__ = ("_answer",)

    def __init__(self, lowlevel: Any) -> None:
        super().__init__(lowlevel)
        self._answer: Answer[Any] | None = None

    async def wait(self) -> Answer[Any]:
        if self._answer is None:
            await self.park()
        assert self._answer is not None
        return self._answer

    def settle(self, answer: Answer[Any]) -> None:
        if self._answer is None:
            self._answer = answer
            self.wake()
