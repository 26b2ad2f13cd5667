"""An actor with a name of its own: when it is started again, and how it is stopped."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec

from actors.call import Answer
from actors.cell import Cell, State
from actors.errors import ActorStopped, StartFailed
from actors.exits import KILLED, CrashRecord, Exit, ExitKind, Restart
from actors.nursery import Nursery, stop_cells
from actors.ref import Ref
from actors.schedule import Appointment
from actors.tree import Node, node_of
from actors.unit import Parent

SHUTDOWN = 5.0
"""How long a child that is to be restarted with its siblings may take to end, in seconds, unless it says (OTP: 5 s)."""


class Child:
    """One actor under a supervisor, across its restarts; see `Member`."""

    def __init__(
        self,
        cell: Cell[Any],
        *,
        restart: Restart,
        shutdown: float | None,
        record: CrashRecord,
        nursery: Nursery,
        parent: Parent,
    ) -> None:
        self.cell = cell
        self.name = cell.name
        self.path = cell.path
        self.record = record
        self._restart_type = restart
        self._shutdown = shutdown
        self._nursery = nursery
        self._parent = parent
        self._stopping = False
        self._halting = False
        self._resuming = False
        self.gone = False
        self._retry: Appointment | None = None
        self._stuck: dict[Cell[Any], None] | None = None
        """Those that were replaced and have not ended."""
        self._down: anyio.Event | None = None
        """Set when nothing runs, for whoever waits for that."""

    @property
    def held(self) -> bool:
        """See `Unit`."""
        return self.cell.state is State.RESTARTING

    def ref(self) -> Ref[Any]:
        """Its address, which stays good across restarts."""
        return Ref(self.cell.runtime, self.path, lambda: self.cell)

    # -- starting --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run it and wait until its `started` has returned. Raises `StartFailed`; cancelled, it stops the child again."""
        started = self.cell.runtime.backend.slot()
        self.cell.announce = started.settle
        self._run()
        try:
            answer = await started.wait()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.stop(drain=False, grace=0.0)
            raise
        answer.result()

    async def resume(self) -> Exit | None:
        """See `Unit`."""
        if not self.held:
            return None
        started = self.cell.runtime.backend.slot()
        self.cell.announce = started.settle
        self._resuming = True
        self._run()
        try:
            error = (await started.wait()).error
        finally:
            self.cell.announce = None
            self._resuming = False
        return None if error is None else Exit(ExitKind.CRASHED, error)

    def restart(self, when: float) -> None:
        """See `Member`."""
        runtime = self.cell.runtime
        self.cell.retry_at = when
        if when <= runtime.clock():
            self._run()
        else:
            self._retry = runtime.schedule.at(when, self._run)

    def _run(self) -> None:
        self._cancel_retry()
        self._nursery.run(self.cell, self._exited)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    # -- stopping --------------------------------------------------------------------------------------------------------

    async def stop(self, *, drain: bool, grace: float) -> None:
        """See `Unit`. One that does not end is reported as stuck, and stays until it does."""
        clock = self.cell.runtime.clock
        deadline = clock() + (grace if self._shutdown is None else min(grace, self._shutdown))
        if (
            drain and self._halting
        ):  # it was told to end at once: what it has accepted is for one more instance to handle
            await self._go_down(drain=False, grace=deadline - clock())
        self._stopping = True
        if self.held and drain and self.cell.depth:
            self._run()
        elif self.held:
            self._end()
        for cell in await self._go_down(drain=drain, grace=max(0.0, deadline - clock())):
            cell.close(State.STUCK, ActorStopped(cell.path), "stopped")

    async def halt(self) -> None:
        """See `Unit`. One that does not end is replaced, and its own end, if it ever comes, means nothing any more."""
        self._cancel_retry()
        if self.gone or self.held:
            return
        self._halting = True
        for cell in await self._go_down(drain=False, grace=SHUTDOWN if self._shutdown is None else self._shutdown):
            self._stuck = {**(self._stuck or {}), cell: None}
            self.cell = cell.replaced()
            self._settle(KILLED)

    async def _go_down(self, *, drain: bool, grace: float) -> list[Cell[Any]]:
        return await stop_cells(self._running_cells, self._when_down, drain=drain, grace=grace)

    def _running_cells(self) -> list[Cell[Any]]:
        return [] if self.gone or self.held else [self.cell]

    def _when_down(self) -> anyio.Event:
        if self._down is None:
            self._down = anyio.Event()
        return self._down

    # -- what follows an end ---------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """See `Member`."""
        self.cell.state = State.RESTARTING
        self.cell.told = None
        self._is_down()

    def node(self, now: float) -> Node:
        """See `Unit`."""
        node = node_of(self.cell, now)
        return msgspec.structs.replace(node, children=[node_of(cell, now) for cell in self._stuck or ()])

    def _exited(self, cell: Cell[Any], exit_: Exit) -> None:
        if cell is not self.cell:
            if self._stuck is not None:
                self._stuck.pop(cell, None)
            return  # it was stuck, and another has taken its place
        if (announce := cell.announce) is not None:
            cell.announce = None
            announce(self._not_started(exit_))
        elif cell.has_more_to_drain(exit_):
            self._run()
        else:
            self._settle(exit_)

    def _not_started(self, exit_: Exit) -> Answer[None]:
        error = StartFailed(f"{self.path} did not start")
        error.__cause__ = exit_.error
        if not self._resuming:
            self._end()
        elif self._stopping or not self._comes_back(exit_):
            self._end()
            return Answer(None)  # that is no failure of the group that it was to come back with
        else:
            self.hold()
        return Answer.failed(error)

    def _settle(self, exit_: Exit) -> None:
        if self._stopping or not self._comes_back(exit_):
            self._end()
        elif self._halting:
            self.hold()
        else:
            self._parent.ended(self, exit_)

    def _comes_back(self, exit_: Exit) -> bool:
        if self._halting and exit_.kind in {ExitKind.SHUTDOWN, ExitKind.KILLED}:
            return self._restart_type is not Restart.TEMPORARY
        return self._restart_type.applies_to(exit_)

    def _end(self) -> None:
        self.gone = True
        self._cancel_retry()
        self.cell.close(State.STOPPED, ActorStopped(self.cell.path), "stopped")
        self._parent.forget(self)
        self._is_down()

    def _is_down(self) -> None:
        self._halting = False
        if self._down is not None:
            self._down.set()
            self._down = None
