"""The system: the root of one supervision tree, and its life."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random
from types import TracebackType
from typing import Self, TypeVar

import anyio
import structlog

from actors.actor import Actor, check_handlers
from actors.backends import current_backend
from actors.cell import Limits
from actors.dead_letters import DeadLetters
from actors.exits import Backoff, Intensity, Restart
from actors.mailbox import Mailbox
from actors.nursery import Nursery
from actors.ref import Ref
from actors.runtime import Runtime
from actors.supervisor import Supervisor, mailbox_of
from actors.tree import Node
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
    crashes more often than `intensity` allows, the block is cancelled and raises `RestartIntensityReached`. Cancelling the block
    from outside ends it; the actors are then stopped in the same order, shielded, within `stop_grace` seconds. An actor that
    swallows its cancellation for ever cannot be ended: it is reported as stuck, and the block waits for it. `clock` is monotonic,
    in seconds, by default the event loop's; `seed` makes jitter repeatable.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float] | None = None,
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
        self._failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        backend = current_backend()
        self._runtime = Runtime(self._clock or backend.clock, self._random, backend)
        self._nursery = Nursery(self._runtime.schedule, self._fail)
        self._supervisor = Supervisor(
            self._runtime,
            self.name,
            nursery=self._nursery,
            intensity=self._intensity,
            backoff=self._backoff,
            failed=self._fail,
        )
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(self._nursery.close)
            group.start_soon(self._nursery.serve)
            await self._nursery.serving.wait()
            self._exits = stack.pop_all()
        # A scope of its own for the caller's block: a failing system cancels the block, then stops its actors in order.
        self._block = anyio.CancelScope()
        self._block.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        handled = bool(self._block.__exit__(kind, error, trace))
        async with self._exits:
            await self.stop(drain=False, grace=self._stop_grace)
        if self._failure is not None:
            raise self._failure
        return handled

    @property
    def clock(self) -> Callable[[], float]:
        """Monotonic time, in seconds."""
        return self._runtime.clock

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
        """Start an actor under the root and wait until it has started. Raises `StartFailed`, and as `virtual`.

        Cancelled, it stops the actor again.
        """
        return await self._supervisor.start(factory, name, restart=restart, mailbox=mailbox, limits=limits)

    async def virtual(
        self,
        factory: Callable[[str], A],
        name: str,
        *,
        mailbox: Mailbox | None = None,
        activation: Activation = Activation(),
    ) -> VirtualActors[A]:
        """Add a family of virtual actors; `factory` makes the one for a key.

        Raises `ValueError` when the name is taken, `Unavailable` when the system is stopping.
        """
        if isinstance(factory, type):
            check_handlers(factory)
        family = VirtualActors(
            self._runtime,
            f"{self.name}/{name}",
            nursery=self._nursery,
            factory=factory,
            mailbox=mailbox or mailbox_of(factory),
            options=activation,
        )
        self._supervisor.adopt(name, family)
        return family

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop everything in reverse order of starting, within about `grace` seconds (and a second to cancel what is late).

        With `drain` each actor first handles what it has accepted; new messages get `ActorStopped`. Shielded from cancellation.
        """
        await self._supervisor.stop(drain=drain, grace=grace)

    def tree(self) -> Node:
        """Everything that runs, now."""
        state = "running" if self._failure is None else "failed"
        return Node(path=self.name, state=state, children=self._supervisor.nodes(self._runtime.clock()))

    def _fail(self, error: BaseException) -> None:
        log.error("system.failed", name=self.name, exc_info=error)
        self._failure = self._failure or error
        self._block.cancel()
