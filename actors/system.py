"""The system: the root of one supervision tree, and its life."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random
from types import TracebackType
from typing import Self

import anyio
import structlog

from actors.backends import current_backend
from actors.branch import Branch
from actors.dead_letters import DeadLetters
from actors.exits import Backoff, Intensity, Strategy
from actors.hooks import Hooks
from actors.nursery import Nursery
from actors.runtime import HIBERNATE_AFTER, Runtime
from actors.supervisor import Supervisor
from actors.tree import Node

log = structlog.get_logger(__name__)


class ActorSystem(Supervisor):
    """Actors under one root supervisor, as an async context manager.

        async with ActorSystem("gathering") as system:
            journal = await system.spawn(Journal, "journal")
            rooms = await system.virtual(Room, "rooms")
            ...

    The root supervisor, with all that a `Supervisor` does. What is started later depends on what was started before: leaving the
    block stops everything in reverse order. When its children crash more often than `intensity` allows, the block is cancelled and
    raises `RestartIntensityReached`, whose causes lead down, supervisor by supervisor, to the first error. Cancelling the block
    from outside ends it; the actors are then stopped in the same order, shielded, within `stop_grace` seconds. An actor that
    swallows its cancellation for ever cannot be ended: it is reported as stuck, and the block waits for it. `clock` is monotonic,
    in seconds, by default the event loop's; `seed` makes jitter repeatable. An actor without a message for `hibernate_after` seconds
    keeps its instance and gives back its task, until the next one comes.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float] | None = None,
        seed: int | None = None,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity = Intensity(),
        backoff: Backoff = Backoff(),
        stop_grace: float = 5.0,
        hibernate_after: float = HIBERNATE_AFTER,
        hooks: Hooks | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 - jitter, not secrets
        self._strategy = strategy
        self._intensity = intensity
        self._backoff = backoff
        self._stop_grace = stop_grace
        self._hibernate_after = hibernate_after
        self._hooks = hooks
        self._failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        backend = current_backend()
        self._runtime = Runtime(
            self._clock or backend.clock,
            self._random,
            backend,
            hibernate_after=self._hibernate_after,
            hooks=self._hooks,
        )
        self._nursery = Nursery(self._runtime, self._fail)
        self._branch = Branch(
            self._runtime,
            self.name,
            nursery=self._nursery,
            strategy=self._strategy,
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

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop everything in reverse order of starting, within about `grace` seconds (and a second to cancel what is late).

        With `drain` each actor first handles what it has accepted; new messages get `ActorStopped`. Shielded from cancellation.
        """
        with anyio.CancelScope(shield=True):
            await self._branch.stop(drain=drain, grace=grace)

    def tree(self) -> Node:
        """Everything that runs, now."""
        state = "running" if self._failure is None else "failed"
        return Node(path=self.name, state=state, children=self._branch.nodes(self._runtime.clock()))

    def _fail(self, error: BaseException) -> None:
        log.error("system.failed", name=self.name, exc_info=error)
        self._failure = self._failure or error
        self._block.cancel()
