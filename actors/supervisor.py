"""The supervisor at the root: a list of children, started in order and stopped in reverse (OTP: one_for_one)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from actors.actor import Actor, check_handlers
from actors.cell import Cell, Limits
from actors.child import Child
from actors.errors import RestartIntensityReached, Unavailable
from actors.exits import Backoff, CrashRecord, Exit, Intensity, Restart
from actors.mailbox import Mailbox
from actors.nursery import Nursery
from actors.ref import Ref
from actors.runtime import Runtime
from actors.tree import Node

A = TypeVar("A", bound=Actor)

LEAST_GRACE = 1.0
"""What is left to each child, in seconds, when those stopped before it have used up the time."""


class Unit(Protocol):
    """What a supervisor starts and stops as one: an actor, or a family of virtual actors."""

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop it, within about `grace` seconds."""
        ...

    def node(self, now: float) -> Node:
        """What it looks like at the moment `now`."""
        ...


class Supervisor:
    """Keeps its children running: one that ends is restarted alone, by its restart type and with its own backoff.

    More restarts than `intensity` allows, of all children together, make the supervisor itself fail with
    `RestartIntensityReached`; `failed` is told, and then has to stop the others.
    """

    def __init__(
        self,
        runtime: Runtime,
        path: str,
        *,
        nursery: Nursery,
        intensity: Intensity,
        backoff: Backoff,
        failed: Callable[[BaseException], None],
    ) -> None:
        self.path = path
        self._runtime = runtime
        self._nursery = nursery
        self._intensity = intensity
        self._backoff = backoff
        self._record = CrashRecord(intensity, backoff)
        self._failed = failed
        self._units: dict[str, Unit] = {}
        self._stopping = False

    async def start(
        self, factory: Callable[[], A], name: str, *, restart: Restart, mailbox: Mailbox | None, limits: Limits
    ) -> Ref[A]:
        """Start an actor and wait until it has started (OTP `start_link`). Raises `StartFailed`, and as `adopt`."""
        if isinstance(factory, type):
            check_handlers(factory)
        cell = Cell(
            self._runtime, self.path, name, factory=factory, mailbox=mailbox or mailbox_of(factory), limits=limits
        )
        record = CrashRecord(self._intensity, self._backoff)
        child = Child(cell, restart=restart, record=record, nursery=self._nursery, parent=self)
        self.adopt(name, child)
        await child.start()
        return Ref(self._runtime, cell.path, lambda: cell)

    def adopt(self, name: str, unit: Unit) -> None:
        """Add a child. Raises `ValueError` when there is one of this name, `Unavailable` when the supervisor stops."""
        if self._stopping:
            msg = f"{self.path} is stopping"
            raise Unavailable(msg, retry_after=1.0)
        if name in self._units:
            msg = f"{self.path} has a child named {name} already"
            raise ValueError(msg)
        self._units[name] = unit

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop the children in reverse order of starting, within about `grace` seconds."""
        self._stopping = True
        deadline = self._runtime.clock() + grace
        for unit in reversed(list(self._units.values())):
            left = deadline - self._runtime.clock()
            await unit.stop(drain=drain, grace=max(left, min(grace, LEAST_GRACE)))

    def nodes(self, now: float) -> list[Node]:
        """The children, in the order in which they were started."""
        return [unit.node(now) for unit in self._units.values()]

    def allows_restart(self, child: Child, exit_: Exit) -> bool:
        """See `Parent`."""
        if self._record.add(self._runtime.clock()):
            return True
        error = RestartIntensityReached(f"{child.cell.path} ended once more than {self.path} allows")
        error.__cause__ = exit_.error
        self._failed(error)
        return False

    def forget(self, child: Child) -> None:
        """See `Parent`."""
        self._units.pop(child.cell.name, None)


def mailbox_of(factory: Callable[..., Any]) -> Mailbox:
    """The mailbox that an actor class declares; the default one for a factory that is not a class."""
    mailbox: Mailbox = getattr(factory, "mailbox", Actor.mailbox)
    return mailbox
