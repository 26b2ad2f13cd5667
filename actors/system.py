"""The system: the root of one supervision tree, and its life."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import structlog

from actors.actor import Actor, check_handlers
from actors.backends import current_backend
from actors.cell import Limits
from actors.dead_letters import DeadLetters
from actors.exits import Backoff, Intensity, Restart
from actors.mailbox import Mailbox
from actors.ref import Ref
from actors.runtime import Runtime
from actors.supervisor import Supervisor, mailbox_of
from actors.tree import Node, node_of
from actors.virtual import Activation, VirtualActors

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)


class ActorSystem:
    """Actors under one root supervisor, as an async context manager.

        async with ActorSystem("gathering") as system:
            journal = await system.spawn(Journal, "journal")
            rooms = await system.virtual(Room, "rooms")
            ...

    What is started later depends on what was started before: leaving the block stops everything in reverse order. When an actor
    crashes more often than `intensity` allows, the block is cancelled and raises `RestartIntensityReached`. `clock` is
    monotonic, in seconds; `seed` makes jitter repeatable.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        seed: int | None = None,
        intensity: Intensity = Intensity(),
        backoff: Backoff = Backoff(),
        stop_grace: float = 5.0,
    ) -> None:
        self.name = name
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 - jitter, not secrets
        self._intensity = intensity
        self._backoff = backoff
        self._stop_grace = stop_grace
        self._order: list[str | VirtualActors[Any]] = []
        self._failure: Exception | None = None

    async def __aenter__(self) -> Self:
        self._runtime = Runtime(self._clock, self._random, current_backend())
        self._supervisor = Supervisor(
            self._runtime, self.name, intensity=self._intensity, backoff=self._backoff, failed=self._fail
        )
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._runtime.schedule.run)
        await self._group.start(self._supervisor.serve)
        # A scope of its own for the caller's block: a failing system cancels the block, then stops its actors in order.
        self._block = anyio.CancelScope()
        self._block.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        handled = bool(self._block.__exit__(kind, error, trace))
        if handled:
            kind = error = trace = None
        try:
            await self.stop(drain=False, grace=self._stop_grace)
        finally:
            self._group.cancel_scope.cancel()
            handled = bool(await self._group.__aexit__(kind, error, trace)) or handled
        if self._failure is not None:
            raise self._failure
        return handled

    @property
    def clock(self) -> Callable[[], float]:
        """Monotonic time, in seconds."""
        return self._clock

    @property
    def dead_letters(self) -> DeadLetters:
        """The messages that were not handled."""
        return self._runtime.dead_letters

    async def spawn(
        self,
        factory: Callable[[], A],
        name: str,
        *,
        restart: Restart = Restart.PERMANENT,
        mailbox: Mailbox | None = None,
        limits: Limits = Limits(),
    ) -> Ref[A]:
        """Start an actor under the root and wait until it has started. Raises `StartFailed`."""
        ref = await self._supervisor.start(factory, name, restart=restart, mailbox=mailbox, limits=limits)
        self._order.append(name)
        return ref

    async def virtual(
        self, factory: Callable[[str], A], name: str, *, mailbox: Mailbox | None = None, activation: Activation = Activation()
    ) -> VirtualActors[A]:
        """Add a family of virtual actors; `factory` makes the one for a key."""
        if isinstance(factory, type):
            check_handlers(factory)
        actors = VirtualActors(
            self._runtime, f"{self.name}/{name}", factory, mailbox or mailbox_of(factory), activation
        )
        await self._group.start(actors.serve)
        self._order.append(actors)
        return actors

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop everything in reverse order of starting, within `grace` seconds (and a second to cancel what is late).

        With `drain` each actor first handles what it has accepted; new messages get `ActorStopped`.
        """
        deadline = self._clock() + grace
        for unit in reversed(self._order):
            left = max(0.0, deadline - self._clock())
            if isinstance(unit, VirtualActors):
                await unit.stop(drain=drain, grace=left)
            else:
                await self._supervisor.stop(unit, drain=drain, grace=left)

    def tree(self) -> Node:
        """Everything that runs, now."""
        now = self._clock()
        children: list[Node] = []
        static = {cell.name: cell for cell in self._supervisor.cells}
        for unit in self._order:
            if isinstance(unit, VirtualActors):
                nodes = [node_of(cell, now) for cell in unit.cells]
                children.append(Node(path=unit.path, state="running", children=nodes))
            elif unit in static:
                children.append(node_of(static[unit], now))
        return Node(path=self.name, state="running" if self._failure is None else "failed", children=children)

    def _fail(self, error: Exception) -> None:
        log.error("system.failed", name=self.name, exc_info=error)
        self._failure = error
        self._block.cancel()
