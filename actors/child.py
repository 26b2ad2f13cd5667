"""An actor with a name of its own: when it is started again, and how it is stopped."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import anyio

from actors.call import Answer
from actors.cell import Cell, State
from actors.errors import ActorStopped, StartFailed
from actors.exits import CrashRecord, Exit, Restart
from actors.nursery import Nursery, stop_cells
from actors.tree import Node, node_of


class Parent(Protocol):
    """What a child needs of its supervisor."""

    def allows_restart(self, child: Child, exit_: Exit) -> bool:
        """Whether one more restart is within the intensity. If not, the supervisor itself has failed."""
        ...

    def forget(self, child: Child) -> None:
        """The child has ended for good."""
        ...


class Child:
    """One actor under a supervisor, across its restarts."""

    def __init__(
        self, cell: Cell[Any], *, restart: Restart, record: CrashRecord, nursery: Nursery, parent: Parent
    ) -> None:
        self.cell = cell
        self._restart_type = restart
        self._record = record
        self._nursery = nursery
        self._parent = parent
        self._stopping = False
        self._gone = anyio.Event()

    async def start(self) -> None:
        """Run it and wait until its `started` has returned. Raises `StartFailed`; cancelled, it stops the child again."""
        started = self.cell.runtime.backend.slot()
        self.cell.announce = started.settle
        self._run()
        try:
            answer = await started.wait()
        except BaseException:
            await self.stop(drain=False, grace=0.0)
            raise
        answer.result()

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop it, within about `grace` seconds; with `drain` after it has handled what it has accepted."""
        self._stopping = True
        if self.cell.state is State.RESTARTING:  # nothing runs: it was waiting for its next try
            if drain and self.cell.depth:
                self._run()
            else:
                self._end()
        await stop_cells(
            lambda: [] if self._gone.is_set() else [self.cell], lambda: self._gone, drain=drain, grace=grace
        )

    def node(self, now: float) -> Node:
        """What it looks like at the moment `now`."""
        return node_of(self.cell, now)

    def _run(self) -> None:
        self._nursery.run(self.cell, self._exited)

    def _exited(self, cell: Cell[Any], exit_: Exit) -> None:
        if (announce := cell.announce) is not None:
            cell.announce = None
            error = StartFailed(f"{cell.path} did not start")
            error.__cause__ = exit_.error
            self._end()
            announce(Answer.failed(error))
        elif cell.has_more_to_drain(exit_):
            self._run()
        elif self._stopping or not self._restart_type.applies_to(exit_):
            self._end()
        else:
            self._run_again(exit_)

    def _run_again(self, exit_: Exit) -> None:
        cell = self.cell
        if not self._parent.allows_restart(self, exit_):
            self._end()
            return
        runtime = cell.runtime
        now = runtime.clock()
        self._record.add(now)
        cell.restarts += 1
        cell.state = State.RESTARTING
        cell.retry_at = now + self._record.delay(runtime.random.random())
        if cell.retry_at <= now:
            self._run()
        else:
            runtime.schedule.at(cell.retry_at, partial(self._try_again, cell.generation))

    def _try_again(self, generation: int) -> None:
        if self.cell.state is State.RESTARTING and self.cell.generation == generation:
            self._run()

    def _end(self) -> None:
        self.cell.close(State.STOPPED, ActorStopped(self.cell.path), "stopped")
        self._parent.forget(self)
        self._gone.set()
