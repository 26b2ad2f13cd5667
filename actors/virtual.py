"""Virtual actors: addressed by key, there when a message comes, asleep when none does (Orleans: grains)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
import msgspec
import structlog

from actors.actor import Actor
from actors.cell import Cell, Limits, Signal, State
from actors.child import SHUTDOWN
from actors.errors import ActorCrashed, ActorStopped, Unavailable
from actors.exits import Backoff, CrashRecord, Exit, ExitKind, Intensity
from actors.mailbox import Mailbox
from actors.nursery import Nursery, stop_cells
from actors.ref import Ref
from actors.runtime import Runtime
from actors.schedule import Appointment
from actors.tree import Node, node_of

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """How the actors of one kind come and go.

    `idle_after`: seconds without a message after which an actor is passivated. `max_active`: how many may be active; above it
    those idle longest are passivated early, and when none is idle new keys are `Unavailable`. `intensity`: how often one actor
    may crash before it alone is quarantined, for `quarantine` seconds.
    """

    idle_after: float = 120.0
    max_active: int = 50_000
    intensity: Intensity = Intensity(restarts=5, period=60.0)
    backoff: Backoff = Backoff()
    quarantine: float = 30.0
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.idle_after <= 0 or self.max_active < 1:
            msg = f"idle_after is more than 0 seconds and max_active at least 1, not {self.idle_after} and {self.max_active}"
            raise ValueError(msg)


class VirtualActors(Generic[A]):
    """A dynamic supervisor of actors that exist by key. At most one activation of a key at any moment.

    The first message to a key activates its actor; messages that come while it starts, restarts or goes to sleep wait in its
    mailbox, and the next activation handles them. An actor whose `started` refuses fails those who wait with that refusal; one
    whose `started` crashes fails them with `ActorCrashed`, and those who come while it backs off wait for the next try.
    """

    def __init__(
        self,
        runtime: Runtime,
        path: str,
        *,
        nursery: Nursery,
        factory: Callable[[str], A],
        mailbox: Mailbox,
        options: Activation,
    ) -> None:
        self.path = path
        self._runtime = runtime
        self._nursery = nursery
        self._factory = factory
        self._mailbox = mailbox
        self._options = options
        self._cells: dict[str, Cell[A]] = {}
        self._records: dict[str, CrashRecord] = {}
        """Of those that have crashed lately, active or not: asking for an actor again does not make its start less likely to fail."""
        self._retries: dict[str, Appointment] = {}
        """When those that rest come back."""
        self._stuck: dict[Cell[A], None] = {}
        """Those that were replaced and have not ended."""
        self._running = 0
        self._down = anyio.Event()
        self._held = False
        self._closing = False
        self._room_left = 0
        self._sweeping: Appointment | None = None

    def ref(self, key: str) -> Ref[A]:
        """The actor with this key, whether or not it is active."""
        return Ref(self._runtime, f"{self.path}/{key}", partial(self._find, key), partial(self._cells.get, key))

    @property
    def cells(self) -> list[Cell[Any]]:
        """The active actors, oldest activation first."""
        return list(self._cells.values())

    def node(self, now: float) -> Node:
        """The family with its active actors, at the moment `now`."""
        state = "stopping" if self._closing else "restarting" if self._held else "running"
        return Node(
            path=self.path, state=state, children=[node_of(cell, now) for cell in (*self._cells.values(), *self._stuck)]
        )

    def _find(self, key: str) -> Cell[A]:
        cell = self._cells.get(key)
        return cell if cell is not None else self._activate(key)

    def _activate(self, key: str) -> Cell[A]:
        if self._closing:
            raise Unavailable(f"{self.path} is stopping", retry_after=1.0)
        if len(self._cells) >= self._options.max_active:
            self._make_room()
        cell = Cell(
            self._runtime,
            self.path,
            key,
            factory=partial(self._factory, key),
            mailbox=self._mailbox,
            limits=self._options.limits,
        )
        self._cells[key] = cell
        if self._sweeping is None:
            self._sweep_later()
        if self._held:
            cell.state = State.RESTARTING
        else:
            self._run(cell)
        return cell

    def _run(self, cell: Cell[A]) -> None:
        self._cancel_retry(cell)
        self._running += 1
        self._nursery.run(cell, self._exited)

    # -- when an actor ends ----------------------------------------------------------------------------------------------

    def _exited(self, cell: Cell[A], exit_: Exit) -> None:
        if self._cells.get(cell.name) is not cell:
            self._stuck.pop(cell, None)
            return  # another has taken its place
        self._running -= 1
        if cell.has_more_to_drain(exit_):
            self._run(cell)
        elif self._closing:
            self._remove(cell, ActorStopped(cell.path), "stopped")
        elif exit_.kind is ExitKind.CRASHED:
            self._crashed(cell, exit_)
        elif exit_.kind is ExitKind.REFUSED:
            assert exit_.error is not None
            self._remove(cell, exit_.error, "refused")
        elif self._held:
            self._hold(cell)
        elif cell.depth and exit_.kind is not ExitKind.KILLED:
            self._run(cell)
        else:
            self._remove(cell, ActorStopped(cell.path), "stopped")
        if not self._running:
            self._down.set()

    def _crashed(self, cell: Cell[A], exit_: Exit) -> None:
        activated = cell.state is not State.STARTING
        if not activated:
            error = ActorCrashed(f"{cell.path} could not start: {exit_.error!r}")
            error.__cause__ = exit_.error
            cell.fail_waiting(error, "crashed")
        now = self._runtime.clock()
        record = self._records.setdefault(cell.name, CrashRecord(self._options.intensity, self._options.backoff))
        if not record.add(now):
            cell.retry_at = now + self._options.quarantine
            log.error("actor.quarantined", path=cell.path, seconds=self._options.quarantine)
            cell.close(State.QUARANTINED, cell.quarantined(), "quarantined")
            self._retries[cell.name] = self._runtime.schedule.at(cell.retry_at, partial(self._release, cell))
            return
        cell.state = State.RESTARTING
        cell.told = None
        cell.retry_at = now + record.delay(self._runtime.random.random())
        retry = partial(self._retry, cell, activated=activated)
        if cell.retry_at <= now:
            retry()
        else:
            self._retries[cell.name] = self._runtime.schedule.at(cell.retry_at, retry)

    def _retry(self, cell: Cell[A], *, activated: bool) -> None:
        if self._held:
            return
        if activated or cell.depth:
            self._run(cell)
        else:  # it could not start, and nobody waits for it now
            self._remove(cell, ActorStopped(cell.path), "stopped")

    def _release(self, cell: Cell[A]) -> None:
        self._records.pop(cell.name, None)
        self._remove(cell, cell.quarantined(), "quarantined")

    def _remove(self, cell: Cell[A], error: Exception, reason: str) -> None:
        self._cancel_retry(cell)
        del self._cells[cell.name]
        cell.close(State.STOPPED, error, reason)

    def _cancel_retry(self, cell: Cell[A]) -> None:
        if (retry := self._retries.pop(cell.name, None)) is not None:
            retry.cancel()

    # -- as a unit of its supervisor -------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """See `Unit`."""
        return self._held

    @property
    def gone(self) -> bool:
        """See `Unit`."""
        return self._closing and not self._cells

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop all of them in parallel under one time limit, in seconds. No key is activated any more."""
        self._closing = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._records.clear()
        for cell in self.cells:
            if cell.state is State.RESTARTING and drain and cell.depth:
                self._run(cell)
            elif cell.state in {State.RESTARTING, State.QUARANTINED}:
                self._remove(cell, ActorStopped(cell.path), "stopped")
        for cell in await self._go_down(drain=drain, grace=grace):
            cell.close(State.STUCK, ActorStopped(cell.path), "stopped")

    async def halt(self) -> None:
        """See `Unit`. Messages wait, also those to actors that are not active; those that do not end are replaced."""
        self._held = True
        for cell in await self._go_down(drain=False, grace=SHUTDOWN):
            self._running -= 1
            self._stuck[cell] = None
            self._cells[cell.name] = cell.replaced()
            self._hold(self._cells[cell.name])

    async def resume(self) -> None:
        """See `Unit`. Those for whom nothing waits are activated by their next message."""
        self._held = False
        now = self._runtime.clock()
        for cell in self.cells:
            if cell.state is State.RESTARTING and cell.retry_at <= now:
                self._retry(cell, activated=False)

    def _hold(self, cell: Cell[A]) -> None:
        cell.state = State.RESTARTING
        cell.told = None
        if not cell.depth:
            self._remove(cell, ActorStopped(cell.path), "stopped")

    async def _go_down(self, *, drain: bool, grace: float) -> list[Cell[Any]]:
        self._down = anyio.Event()
        return await stop_cells(self._running_cells, lambda: self._down, drain=drain, grace=grace)

    def _running_cells(self) -> list[Cell[Any]]:
        resting = {State.RESTARTING, State.QUARANTINED, State.STUCK}
        return [cell for cell in self._cells.values() if cell.state not in resting] if self._running else []

    # -- passivation ---------------------------------------------------------------------------------------------------

    def _sweep_later(self) -> None:
        self._sweeping = self._runtime.schedule.at(self._runtime.clock() + self._options.idle_after / 4, self._sweep)

    def _sweep(self) -> None:
        now = self._runtime.clock()
        for key in [key for key, record in self._records.items() if key not in self._cells and record.is_over(now)]:
            del self._records[key]
        before = now - self._options.idle_after
        self._passivate(cell for cell in self._idle() if cell.idle_since <= before)
        self._sweeping = None
        if self._cells or self._records:  # a family of which nobody is active wakes nobody
            self._sweep_later()

    def _make_room(self) -> None:
        """Passivate a twentieth of the actors, so that looking for the idlest is paid for by as many activations."""
        if self._room_left:
            self._room_left -= 1
            return
        share = max(1, self._options.max_active // 20)
        idle = heapq.nsmallest(share, self._idle(), key=lambda cell: cell.idle_since)
        if not idle:
            raise Unavailable(f"{self.path} has {len(self._cells)} active actors, and none is idle", retry_after=1.0)
        self._passivate(idle)
        self._room_left = len(idle) - 1

    def _idle(self) -> Iterable[Cell[A]]:
        return (
            cell for cell in self._cells.values() if cell.state is State.RUNNING and cell.told is None and not cell.busy
        )

    @staticmethod
    def _passivate(cells: Iterable[Cell[A]]) -> None:
        for cell in list(cells):
            cell.tell(Signal.PASSIVATE)
