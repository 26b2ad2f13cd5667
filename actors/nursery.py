"""The one task group that all actors of a system run in, and the ladder by which they are stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

import anyio
import structlog
from anyio import TaskHandle
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from actors.carriers import Carriers
from actors.cell import Cell, Signal, State, running
from actors.exits import Exit, ExitKind
from actors.life import Life
from actors.runtime import Runtime

log = structlog.get_logger(__name__)

CANCEL_GRACE = 1.0
"""How long a cancelled actor may take to end before it is reported as stuck, in seconds."""


class Nursery:
    """Runs cells as tasks of one flat task group, and reports each end in that task, before anything else runs.

    No error of a child reaches the task group: it would cancel the siblings. The group is shielded: whoever cancels the
    system's block does not reach the actors, which are then stopped in order. `fatal` is told of an error that must end the
    program (`KeyboardInterrupt`, `SystemExit`), so that it, too, ends it in order.
    """

    def __init__(self, runtime: Runtime, fatal: Callable[[BaseException], None]) -> None:
        self.serving = anyio.Event()
        self._schedule = runtime.schedule
        self._backend = runtime.backend
        self._fatal = fatal
        self._scope = anyio.CancelScope(shield=True)
        self._group: TaskGroup | None = None
        self._context = copy_context()

    async def serve(self) -> None:
        """Hold the task group open until `close`."""
        running.set(None)
        self._context = copy_context()
        self._carriers = Carriers(self._backend, self._context, self._begin, self._fatal)
        with self._scope:
            async with anyio.create_task_group() as self._group:
                self._group.start_soon(self._schedule.run)
                self.serving.set()
                await anyio.sleep_forever()

    def close(self) -> None:
        """Cancel whatever is left."""
        self._scope.cancel()

    def run(self, cell: Cell[Any], exited: Callable[[Cell[Any], Exit], None]) -> None:
        """Start one life of a cell. Its task inherits the system's context, not that of whoever happened to wake it."""
        if cell.state is State.RESTARTING:
            cell.restarts += 1
            log.info("actor.restarted", path=cell.path, restarts=cell.restarts)
            if cell.hooks is not None:
                cell.hooks.actor_restarted(cell.path, cell.restarts)
        cell.state = State.STARTING
        self._go_on(Life(cell, self.start), exited)

    def start(self, work: Callable[..., Awaitable[None]], *args: Any) -> TaskHandle[None]:
        """Run a coroutine function beside the actors, in the system's context. It must not raise an `Exception`."""
        return self._begin(self._guard, work, args)

    def _begin(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> TaskHandle[None]:
        assert self._group is not None, "the system is not running"
        return self._context.run(self._group.start_soon, work, *args)

    async def _guard(self, work: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
        try:
            await work(*args)
        except (KeyboardInterrupt, SystemExit) as error:
            self._fatal(error)

    def _go_on(self, life: Life[Any], exited: Callable[[Cell[Any], Exit], None]) -> None:
        self._carriers.carry(life, partial(self._ended, life, exited))

    def _ended(self, life: Life[Any], exited: Callable[[Cell[Any], Exit], None], exit_: Exit | None) -> None:
        life.carrier = None
        if exit_ is None:
            life.hibernate(partial(self._go_on, life, exited))
            return
        cell = life.cell
        cell.last_exit = exit_
        with suppress(Exception):  # a log that cannot be written must not end every actor
            _report(cell, exit_)
        exited(cell, exit_)


def _report(cell: Cell[Any], exit_: Exit) -> None:
    hooks = cell.hooks
    if hooks is not None:
        match exit_.kind:
            case ExitKind.CRASHED:
                hooks.actor_crashed(cell.path, exit_.error)
            case ExitKind.PASSIVATED:
                hooks.actor_passivated(cell.path)
            case _:
                hooks.actor_stopped(cell.path, exit_)
    log = cell.runtime.log
    match exit_.kind:
        case ExitKind.CRASHED:
            log.error("actor.crashed", path=cell.path, generation=cell.generation, exc_info=exit_.error)
        case ExitKind.PASSIVATED:
            log.debug("actor.passivated", path=cell.path, generation=cell.generation)
        case kind:
            log.debug("actor.stopped", path=cell.path, generation=cell.generation, why=kind)


async def stop_cells(
    cells: Callable[[], list[Cell[Any]]], emptied: Callable[[], anyio.Event], *, drain: bool, grace: float
) -> list[Cell[Any]]:
    """The stop ladder, for all cells at once under one timer: signal, wait `grace` seconds, cancel, wait.

    Returns those that are stuck. Takes at most `grace` and `CANCEL_GRACE`; cancelled, it leaves the cells to their signal.
    """
    told = cells()
    if not told:
        return told
    for cell in told:
        cell.tell(Signal.DRAIN if drain else Signal.STOP)
    await checkpoint()
    if not cells():
        return []  # they were idle: no need of a time limit, which costs more than their end
    with anyio.move_on_after(grace):
        await emptied().wait()
    late = cells()
    if not late:
        return late
    for cell in late:
        log.warning("actor.stop_timed_out", path=cell.path, seconds=grace, waiting=cell.depth)
        cell.tell(Signal.STOP)
        cell.cancel()
    with anyio.move_on_after(CANCEL_GRACE):
        await emptied().wait()
    stuck = cells()
    for cell in stuck:
        log.error("actor.stuck", path=cell.path)
    return stuck
