"""Supervisors with a fixed list of children, started in order and stopped in reverse (OTP: one_for_one)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from actors.actor import Actor, check_handlers
from actors.call import Answer
from actors.cell import Cell, Limits, Signal, State
from actors.errors import ActorStopped, RestartIntensityReached, StartFailed
from actors.exits import Backoff, CrashRecord, Exit, ExitKind, Intensity, Restart
from actors.mailbox import Mailbox
from actors.ref import Ref
from actors.runtime import Runtime

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)

CANCEL_GRACE = 1.0
"""How long a cancelled actor may take to end before it is reported as stuck, in seconds."""


class Nursery:
    """Runs cells as tasks of one flat task group, and reports each end to `exited`, in that task, before anything else runs.

    No error of a child ever reaches the task group: it would cancel the siblings.
    """

    def __init__(self, exited: Callable[[Cell[Any], Exit], None]) -> None:
        self._exited = exited
        self._group: TaskGroup | None = None
        self._context = copy_context()

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Hold the task group open until cancelled, which cancels what is left in it."""
        self._context = copy_context()
        async with anyio.create_task_group() as self._group:
            task_status.started()
            await anyio.sleep_forever()

    def run(self, cell: Cell[Any]) -> None:
        """Start one life of a cell. Its task inherits the supervisor's context, not that of whoever happened to wake it."""
        assert self._group is not None, "the supervisor is not serving"
        _ = self._context.run(self._group.start_soon, self._life, cell)

    async def _life(self, cell: Cell[Any]) -> None:
        exit_ = Exit(ExitKind.KILLED)
        try:
            exit_ = await cell.run()
        finally:
            cell.last_exit = exit_
            log.debug("actor.exited", path=cell.path, generation=cell.generation, kind=exit_.kind)
            if exit_.kind is ExitKind.CRASHED:
                log.error("actor.crashed", path=cell.path, generation=cell.generation, exc_info=exit_.error)
            self._exited(cell, exit_)


async def stop_cells(cells: Callable[[], list[Cell[Any]]], emptied: Callable[[], anyio.Event], *, drain: bool, grace: float) -> None:
    """The stop ladder, for all cells at once under one timer: signal, wait `grace` seconds, cancel, wait, report as stuck."""
    for cell in cells():
        cell.signal(Signal.DRAIN if drain else Signal.STOP)
    with anyio.move_on_after(grace, shield=True):
        await emptied().wait()
    for cell in cells():
        log.warning("actor.stop_timed_out", path=cell.path, seconds=grace, waiting=cell.depth)
        cell.cancel()
    with anyio.move_on_after(CANCEL_GRACE, shield=True):
        await emptied().wait()
    for cell in cells():
        cell.state = State.STUCK
        log.error("actor.stuck", path=cell.path)


class Supervisor:
    """Keeps its children running: one that ends is restarted alone, by its restart type.

    More restarts than `intensity` allows make the supervisor itself fail with `RestartIntensityReached`, after it has stopped
    the other children in reverse order.
    """

    def __init__(
        self, runtime: Runtime, path: str, *, intensity: Intensity, backoff: Backoff, failed: Callable[[Exception], None]
    ) -> None:
        self.path = path
        self._runtime = runtime
        self._record = CrashRecord(intensity, backoff)
        self._failed = failed
        self._children: dict[str, tuple[Cell[Any], Restart]] = {}
        self._stopping: set[str] = set()
        self._gone: dict[str, anyio.Event] = {}
        self._nursery = Nursery(self._exited)
        self.serve = self._nursery.serve

    @property
    def cells(self) -> list[Cell[Any]]:
        """The children, in the order in which they were started."""
        return [cell for cell, _ in self._children.values()]

    async def start(
        self,
        factory: Callable[[], A],
        name: str,
        *,
        restart: Restart = Restart.PERMANENT,
        mailbox: Mailbox | None = None,
        limits: Limits = Limits(),
    ) -> Ref[A]:
        """Start a child and wait until its `started` has returned (OTP `start_link`). Raises `StartFailed` when it does not."""
        if name in self._children:
            msg = f"{self.path} has a child named {name} already"
            raise ValueError(msg)
        if isinstance(factory, type):
            check_handlers(factory)
        cell = Cell(self._runtime, self.path, name, factory, mailbox or mailbox_of(factory), limits)
        slot = self._runtime.backend.slot()
        cell.announce = partial(slot.settle, Answer(None))
        self._children[name] = (cell, restart)
        self._gone[name] = anyio.Event()
        gone = self._gone[name]
        self._nursery.run(cell)
        async with anyio.create_task_group() as group:
            group.start_soon(_first, slot.wait, group.cancel_scope)
            group.start_soon(_first, gone.wait, group.cancel_scope)
        cell.announce = None
        if gone.is_set():
            msg = f"{cell.path} did not start"
            raise StartFailed(msg) from (cell.last_exit.error if cell.last_exit else None)
        return Ref(self._runtime, cell.path, lambda: cell)

    async def stop(self, name: str, *, drain: bool, grace: float) -> None:
        """Stop one child; with `drain` after it has handled what it has accepted."""
        if name not in self._children:
            return
        cell, _ = self._children[name]
        self._stopping.add(name)
        gone = self._gone[name]
        if cell.state is State.RESTARTING:
            self._remove(cell)
            return
        await stop_cells(lambda: [] if gone.is_set() else [cell], lambda: gone, drain=drain, grace=grace)

    def _exited(self, cell: Cell[Any], exit_: Exit) -> None:
        _, restart = self._children[cell.name]
        starting = cell.announce is not None and cell.generation == 1
        if cell.name in self._stopping or starting or not restart.applies_to(exit_):
            self._remove(cell)
            return
        now = self._runtime.clock()
        if not self._record.add(now):
            self._remove(cell)
            error = RestartIntensityReached(f"{cell.path} ended once more than {self.path} allows")
            error.__cause__ = exit_.error
            self._failed(error)
            return
        cell.restarts += 1
        cell.state = State.RESTARTING
        cell.retry_at = now + self._record.delay(self._runtime.random.random())
        if cell.retry_at <= now:
            self._nursery.run(cell)
        else:
            self._runtime.schedule.at(cell.retry_at, partial(self._restart, cell))

    def _restart(self, cell: Cell[Any]) -> None:
        if cell.state is State.RESTARTING:
            self._nursery.run(cell)

    def _remove(self, cell: Cell[Any]) -> None:
        cell.state = State.STOPPED
        cell.fail_waiting(ActorStopped(cell.path), "stopped")
        del self._children[cell.name]
        self._stopping.discard(cell.name)
        self._gone.pop(cell.name).set()


def mailbox_of(factory: Callable[..., Any]) -> Mailbox:
    """The mailbox that an actor class declares; the default one for a factory that is not a class."""
    mailbox: Mailbox = getattr(factory, "mailbox", Actor.mailbox)
    return mailbox


async def _first(wait: Callable[[], Any], scope: anyio.CancelScope) -> None:
    await wait()
    scope.cancel()
