"""The one task group that all actors of a system run in, and the ladder by which they are stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from actors.cell import Cell, Signal, State
from actors.errors import ActorStopped
from actors.exits import Exit, ExitKind
from actors.life import Life
from actors.schedule import Schedule

log = structlog.get_logger(__name__)

CANCEL_GRACE = 1.0
"""How long a cancelled actor may take to end before it is reported as stuck, in seconds."""


class Nursery:
    """Runs cells as tasks of one flat task group, and reports each end in that task, before anything else runs.

    No error of a child reaches the task group: it would cancel the siblings. The group is shielded: whoever cancels the
    system's block does not reach the actors, which are then stopped in order. `fatal` is told of an error that must end the
    program (`KeyboardInterrupt`, `SystemExit`), so that it, too, ends it in order.
    """

    def __init__(self, schedule: Schedule, fatal: Callable[[BaseException], None]) -> None:
        self.serving = anyio.Event()
        self._schedule = schedule
        self._fatal = fatal
        self._scope = anyio.CancelScope(shield=True)
        self._group: TaskGroup | None = None
        self._context = copy_context()

    async def serve(self) -> None:
        """Hold the task group open until `close`."""
        self._context = copy_context()
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
        assert self._group is not None, "the system is not running"
        cell.state = State.STARTING
        life = Life(cell)
        life.handle = self._context.run(self._group.start_soon, self._run, life, exited)

    async def _run(self, life: Life[Any], exited: Callable[[Cell[Any], Exit], None]) -> None:
        cell = life.cell
        exit_ = Exit(ExitKind.KILLED)
        try:
            exit_ = await life.run()
        except (KeyboardInterrupt, SystemExit) as error:
            self._fatal(error)
        finally:
            cell.last_exit = exit_
            if exit_.kind is ExitKind.CRASHED:
                log.error("actor.crashed", path=cell.path, generation=cell.generation, exc_info=exit_.error)
            exited(cell, exit_)


async def stop_cells(
    cells: Callable[[], list[Cell[Any]]], emptied: Callable[[], anyio.Event], *, drain: bool, grace: float
) -> None:
    """The stop ladder, for all cells at once under one timer: signal, wait `grace` seconds, cancel, wait, report as stuck.

    Shielded, and bounded by `grace` and `CANCEL_GRACE`.
    """
    for cell in cells():
        cell.tell(Signal.DRAIN if drain else Signal.STOP)
    with anyio.move_on_after(grace, shield=True):
        await emptied().wait()
    for cell in cells():
        log.warning("actor.stop_timed_out", path=cell.path, seconds=grace, waiting=cell.depth)
        cell.tell(Signal.STOP)
        cell.cancel()
    with anyio.move_on_after(CANCEL_GRACE, shield=True):
        await emptied().wait()
    for cell in cells():
        log.error("actor.stuck", path=cell.path)
        cell.close(State.STUCK, ActorStopped(cell.path), "stopped")
