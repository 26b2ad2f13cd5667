"""asyncio under simulation: a loop whose time jumps to the next timer, and whose ready tasks run in an order that a seed decides.

It reaches into private parts of the standard library's loop (`_ready`, `_scheduled`, `_run_once`), which have not changed since
Python 3.4; the tests of this package would notice. It ignores that asyncio promises first come, first served: a stricter
adversary than production.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any
from weakref import WeakKeyDictionary


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop without real time.

    `random` None runs what is ready first come, first served; only a cancelled group of tasks goes in the order of their
    addresses, which is anyio's.
    """

    keeps_its_own_time = True

    def __init__(self, random: Random | None) -> None:
        super().__init__()
        self._now = 0.0
        self._random = random
        self._births: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._birth = count()
        self._turn = 0
        self._actions: dict[int, Callable[[], object]] = {}
        self._settlers: list[asyncio.Future[None]] = []

    def time(self) -> float:
        """Virtual time, in seconds."""
        return self._now

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Number the task: its address differs from run to run."""
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self._births[task] = next(self._birth)
        return task

    def after_turns(self, turns: int, action: Callable[[], object]) -> None:
        """Call `action` when the loop has turned so many times more."""
        self._actions[self._turn + turns] = action

    async def settle(self) -> None:
        """Wait until nothing is ready to run, before time passes."""
        future: asyncio.Future[None] = self.create_future()
        self._settlers.append(future)
        await future

    def _run_once(self) -> None:
        self._turn += 1
        if action := self._actions.pop(self._turn, None):
            action()
        loop: Any = self  # typeshed knows nothing of the loop's private parts
        timers = loop._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False
            loop._timer_cancelled_count -= 1
        if not loop._ready and self._settlers:
            settled, self._settlers = self._settlers, []
            for future in settled:
                if not future.done():
                    future.set_result(None)
        if timers and not loop._ready:
            self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            if handle.cancelled():
                loop._timer_cancelled_count -= 1
            else:
                loop._ready.append(handle)
        if self._random is not None and len(loop._ready) > 1:
            self._shuffle(self._random)
        super()._run_once()  # type: ignore[misc]

    def _shuffle(self, random: Random) -> None:
        loop: Any = self
        ready = list(loop._ready)
        # anyio keeps the tasks of a cancel scope in a set and cancels them in the order of their addresses: undo that first.
        places = [place for place, handle in enumerate(ready) if self._number(handle) is not None]
        steps = sorted((ready[place] for place in places), key=self._number)  # type: ignore[arg-type]
        for place, handle in zip(places, steps, strict=True):
            ready[place] = handle
        random.shuffle(ready)
        loop._ready.clear()
        loop._ready.extend(ready)

    def _number(self, handle: Any) -> int | None:
        owner = getattr(handle._callback, "__self__", None)
        return self._births.get(owner) if isinstance(owner, asyncio.Task) else None


class AsyncioScheduler:
    """Simulates asyncio; see `Scheduler`."""

    def __init__(self, seed: int | None) -> None:
        self._loop: SimulatedLoop | None = None
        self._random = None if seed is None else Random(seed)
        self.options: dict[str, Any] = {"loop_factory": self._make_loop}

    def _make_loop(self) -> SimulatedLoop:
        self._loop = SimulatedLoop(self._random)
        return self._loop

    def after_turns(self, turns: int, action: Callable[[], object]) -> None:
        """See `Scheduler`."""
        assert self._loop is not None
        self._loop.after_turns(turns, action)

    async def settle(self) -> None:
        """See `Scheduler`."""
        assert self._loop is not None
        await self._loop.settle()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass
