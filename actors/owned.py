"""Owned tasks: what an actor does beside its turns. They end with the instance that has started them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import anyio
import structlog
from anyio import TaskHandle

from actors.call import Answer
from actors.cell import Asker, Cell, running

T = TypeVar("T")

Start: TypeAlias = Callable[..., TaskHandle[None]]
"""Starts a coroutine function with arguments as a task of the system's task group."""

log = structlog.get_logger(__name__)


class OwnedTask:
    """One task that an actor owns."""

    __slots__ = ("_cancelled", "_handle")

    def __init__(self) -> None:
        self._handle: TaskHandle[None] | None = None
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled: then nothing comes back from it, whatever it still does."""
        return self._cancelled

    def cancel(self) -> None:
        """Cancel it. The actor goes on at once; what the task has to clean up it does by itself."""
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel()

    def runs_in(self, handle: TaskHandle[None]) -> None:
        """Say which task of the event loop it is."""
        self._handle = handle


class OwnedTasks:
    """The tasks of one instance. They run in the system's flat task group, and none of their errors reaches it."""

    __slots__ = ("_cell", "_emptied", "_start", "_tasks")

    def __init__(self, cell: Cell[Any], start: Start) -> None:
        self._cell = cell
        self._start = start
        self._tasks: dict[OwnedTask, None] = {}
        self._emptied: anyio.Event | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self,
        work: Callable[..., Awaitable[T]],
        *args: Any,
        done: Callable[[Answer[T]], None],
        asker: Asker | None = None,
        over: Callable[[], None] | None = None,
    ) -> OwnedTask:
        """Start one. `done` gets the answer unless it is cancelled; what it asks others, it asks as `asker`.

        `over` is called last, when nothing of it runs any more, cancelled or not.
        """
        task = OwnedTask()
        self._tasks[task] = None
        task.runs_in(self._start(partial(self._run, task, work, args, done=done, asker=asker, over=over)))
        return task

    def cancel(self) -> None:
        """Cancel them all."""
        for task in list(self._tasks):
            task.cancel()

    async def end(self, seconds: float) -> None:
        """Cancel them all and wait for their end, at most so long. To be called under a shield."""
        if not self._tasks:
            return
        self._emptied = anyio.Event()
        self.cancel()
        with anyio.move_on_after(seconds):
            await self._emptied.wait()
        if self._tasks:
            log.error("actor.owned_tasks_stuck", path=self._cell.path, tasks=len(self._tasks))

    async def _run(
        self,
        task: OwnedTask,
        work: Callable[..., Awaitable[T]],
        args: tuple[Any, ...],
        *,
        done: Callable[[Answer[T]], None],
        asker: Asker | None,
        over: Callable[[], None] | None,
    ) -> None:
        running.set(asker)
        answer: Answer[Any] | None = None
        try:
            answer = Answer(await work(*args))
        except Exception as error:  # noqa: BLE001 - the boundary: it becomes a message to the owner
            answer = Answer.failed(error)
        except anyio.get_cancelled_exc_class():
            if anyio.current_effective_deadline() == float("-inf"):
                raise
            # As in Life.run: no cancel scope asked for this.
            self._cell.runtime.backend.forgive_cancellation()
            answer = Answer.failed(RuntimeError(f"a task of {self._cell.path} was cancelled by foreign code"))
        finally:
            del self._tasks[task]
            if answer is not None and not task.cancelled:
                done(answer)
            if over is not None:
                over()
            if self._emptied is not None and not self._tasks:
                self._emptied.set()
