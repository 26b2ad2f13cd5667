"""Parking a task and waking it, natively on each event loop.

The only module of this package that knows which loop is running. A native slot costs a third to a half of an `anyio.Event`,
and every message that finds its actor idle pays for one.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from sniffio import current_async_library

from actors.call import Answer

if TYPE_CHECKING:
    import trio


class Waiter(Protocol):
    """The parking place of one task. Used by one task at a time; `wake` may be called by anyone on the loop, at any time."""

    async def park(self) -> None:
        """Sleep until the next `wake`. Cancellable; a wake that comes while nobody is parked is forgotten."""
        ...

    def wake(self) -> None:
        """Wake the parked task, if there is one. Never blocks."""
        ...


class Slot(Protocol):
    """Where one caller waits for one answer."""

    async def wait(self) -> Answer[Any]:
        """The answer. Cancellable."""
        ...

    def settle(self, answer: Answer[Any]) -> None:
        """Give the answer; only the first counts."""
        ...


class Backend(Protocol):
    """The few things that the event loops do differently."""

    def waiter(self) -> Waiter: ...
    def slot(self) -> Slot: ...
    def forgive_cancellation(self) -> None:
        """Forget a native cancellation that no cancel scope asked for, so that the task can go on."""
        ...


def current_backend() -> Backend:
    """The backend of the running event loop; the portable one where there is no native one."""
    match current_async_library():
        case "asyncio":
            return _AsyncioBackend()
        case "trio":
            return _TrioBackend()
        case _:
            return PortableBackend()


class PortableBackend:
    """The same on anyio's own primitives: the reference that the native ones are tested against."""

    def waiter(self) -> Waiter:
        """See `Backend`."""
        return _PortableWaiter()

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


class _AsyncioBackend:
    __slots__ = ("_loop",)

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def waiter(self) -> Waiter:
        return _AsyncioWaiter(self._loop)

    def slot(self) -> Slot:
        return _AsyncioSlot(self._loop)

    def forgive_cancellation(self) -> None:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            task.uncancel()


class _AsyncioWaiter:
    __slots__ = ("_future", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._future: asyncio.Future[None] | None = None

    async def park(self) -> None:
        self._future = self._loop.create_future()
        try:
            await self._future
        finally:
            self._future = None

    def wake(self) -> None:
        future = self._future
        if future is not None and not future.done():
            future.set_result(None)


class _AsyncioSlot:
    __slots__ = ("_future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future: asyncio.Future[Answer[Any]] = loop.create_future()

    async def wait(self) -> Answer[Any]:
        return await self._future

    def settle(self, answer: Answer[Any]) -> None:
        if not self._future.done():
            self._future.set_result(answer)


class _TrioBackend:
    __slots__ = ()

    def waiter(self) -> Waiter:
        return _TrioWaiter()

    def slot(self) -> Slot:
        return _TrioSlot()

    def forgive_cancellation(self) -> None:
        pass  # trio has no cancellation outside its cancel scopes


class _TrioWaiter:
    __slots__ = ("_lowlevel", "_task")

    def __init__(self) -> None:
        self._lowlevel = sys.modules["trio"].lowlevel
        self._task: trio.lowlevel.Task | None = None

    async def park(self) -> None:
        self._task = self._lowlevel.current_task()

        def abort(_: Any) -> trio.lowlevel.Abort:
            self._task = None
            return self._lowlevel.Abort.SUCCEEDED  # type: ignore[no-any-return]

        await self._lowlevel.wait_task_rescheduled(abort)

    def wake(self) -> None:
        task = self._task
        if task is not None:
            self._task = None
            self._lowlevel.reschedule(task)


class _TrioSlot:
    __slots__ = ("_answer", "_waiter")

    def __init__(self) -> None:
        self._waiter = _TrioWaiter()
        self._answer: Answer[Any] | None = None

    async def wait(self) -> Answer[Any]:
        if self._answer is None:
            await self._waiter.park()
        assert self._answer is not None
        return self._answer

    def settle(self, answer: Answer[Any]) -> None:
        if self._answer is None:
            self._answer = answer
            self._waiter.wake()
