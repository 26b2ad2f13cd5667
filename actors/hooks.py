"""Hooks: where metrics and traces attach, without the runtime knowing of either.

    class Metrics(NoHooks):
        def handled(self, path: str, message: Message[Any, Any], seconds: float) -> None:
            HANDLED.labels(type(message).__name__).observe(seconds)

    async with ActorSystem("gathering", hooks=Metrics()) as system:
        ...

A system without hooks pays for them with one comparison per message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol

import structlog

from actors.dead_letters import DeadLetter
from actors.exits import Exit
from actors.message import Message

P = ParamSpec("P")

log = structlog.get_logger(__name__)


class Hooks(Protocol):
    """What happens in a system, as it happens.

    They are called from inside the runtime, synchronously: they must not block, nor send messages. What they raise is logged and
    goes no further. `path` is the actor's: use its family, not its key, for the labels of a metric. Times are in seconds.
    """

    def enqueued(self, path: str, message: Message[Any, Any], depth: int) -> None:
        """An actor's mailbox has taken a message; `depth` messages wait now."""
        ...

    def started(self, path: str, message: Message[Any, Any], waited: float) -> None:
        """An actor begins with a message that has waited so long."""
        ...

    def handled(self, path: str, message: Message[Any, Any], seconds: float) -> None:
        """An actor has handled a message, or refused it. A crash is `dropped` and `actor_crashed` instead."""
        ...

    def dropped(self, letter: DeadLetter) -> None:
        """A message is a dead letter."""
        ...

    def actor_started(self, path: str, generation: int) -> None:
        """An actor's `started` has returned; `generation` counts its instances from 1."""
        ...

    def actor_stopped(self, path: str, exit_: Exit) -> None:
        """An instance of an actor has ended, neither by a crash nor by passivation."""
        ...

    def actor_crashed(self, path: str, error: BaseException | None) -> None:
        """An instance of an actor has ended by an error."""
        ...

    def actor_restarted(self, path: str, restarts: int) -> None:
        """An actor is started again, for the so-many-th time."""
        ...

    def actor_passivated(self, path: str) -> None:
        """An idle virtual actor sleeps."""
        ...


class NoHooks:
    """Hooks that do nothing: to be subclassed, with those of interest overridden."""

    def enqueued(self, path: str, message: Message[Any, Any], depth: int) -> None:
        """See `Hooks`."""

    def started(self, path: str, message: Message[Any, Any], waited: float) -> None:
        """See `Hooks`."""

    def handled(self, path: str, message: Message[Any, Any], seconds: float) -> None:
        """See `Hooks`."""

    def dropped(self, letter: DeadLetter) -> None:
        """See `Hooks`."""

    def actor_started(self, path: str, generation: int) -> None:
        """See `Hooks`."""

    def actor_stopped(self, path: str, exit_: Exit) -> None:
        """See `Hooks`."""

    def actor_crashed(self, path: str, error: BaseException | None) -> None:
        """See `Hooks`."""

    def actor_restarted(self, path: str, restarts: int) -> None:
        """See `Hooks`."""

    def actor_passivated(self, path: str) -> None:
        """See `Hooks`."""


class GuardedHooks:
    """Hooks whose errors end here: whatever a metric does, no actor crashes by it."""

    def __init__(self, hooks: Hooks) -> None:
        self.enqueued = _guarded(hooks.enqueued)
        self.started = _guarded(hooks.started)
        self.handled = _guarded(hooks.handled)
        self.dropped = _guarded(hooks.dropped)
        self.actor_started = _guarded(hooks.actor_started)
        self.actor_stopped = _guarded(hooks.actor_stopped)
        self.actor_crashed = _guarded(hooks.actor_crashed)
        self.actor_restarted = _guarded(hooks.actor_restarted)
        self.actor_passivated = _guarded(hooks.actor_passivated)


def _guarded(hook: Callable[P, None]) -> Callable[P, None]:
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception:  # someone else's code, inside every message
            log.exception("hooks.failed", hook=getattr(hook, "__name__", repr(hook)))

    return call
