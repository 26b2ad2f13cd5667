"""Carriers: the tasks that actors run in. One that has nothing left to carry takes the next, so that few tasks serve many actors.

A new task costs some 20 to 50 us and 5 KiB, waking one that is there a tenth of that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
from anyio import TaskHandle

from actors.backends import Backend
from actors.cell import running
from actors.exits import KILLED, Exit

if TYPE_CHECKING:
    from actors.life import Life

Load: TypeAlias = "tuple[Life[Any], Callable[[Exit | None], None]]"

SPARE = 256
"""How many tasks at most are kept for whoever comes next: some 1 MiB."""


class Carrier:
    """One task, and what it carries now."""

    __slots__ = ("_handle", "load", "waiter")

    def __init__(self, backend: Backend, load: Load) -> None:
        self.load: Load | None = load
        self.waiter = backend.waiter()
        self._handle: TaskHandle[None] | None = None

    def runs_in(self, handle: TaskHandle[None]) -> None:
        """Say which task of the event loop it is."""
        self._handle = handle

    def cancel(self) -> None:
        """Cancel the task, with what it carries."""
        if self._handle is not None:
            self._handle.cancel()


class Carriers:
    """The tasks of one system.

    `start` starts a coroutine function with arguments as a task of the system's task group, in the system's `context`. `fatal` is
    told of an error that must end the program.
    """

    def __init__(
        self,
        backend: Backend,
        context: Context,
        start: Callable[..., TaskHandle[None]],
        fatal: Callable[[BaseException], None],
    ) -> None:
        self._backend = backend
        self._start = start
        self._fatal = fatal
        self._context = context
        self._spare: list[Carrier] = []

    def carry(self, life: Life[Any], ended: Callable[[Exit | None], None]) -> None:
        """Run a life in a task that is free, or in a new one. `ended` is told how it ended, in that task, and must not raise."""
        if self._spare:
            carrier = self._spare.pop()
            carrier.load = life, ended
            carrier.waiter.wake()
        else:
            carrier = Carrier(self._backend, (life, ended))
            carrier.runs_in(self._start(self._run, carrier))
        life.carrier = carrier

    async def _run(self, carrier: Carrier) -> None:
        while carrier.load is not None:
            life, ended = carrier.load
            exit_: Exit | None = KILLED
            try:
                exit_ = await life.run()
            except (KeyboardInterrupt, SystemExit) as error:
                self._fatal(error)
            finally:
                carrier.load = None
                ended(exit_)
                del life, ended, exit_
            running.set(None)
            # What an actor has left in the context is not for the next one.
            if len(self._spare) < SPARE and self._is_clean(copy_context()):
                await self._wait(carrier)

    async def _wait(self, carrier: Carrier) -> None:
        self._spare.append(carrier)
        try:
            await carrier.waiter.park()
        except anyio.get_cancelled_exc_class():
            if carrier.load is not None:  # the cancellation was not meant for this one
                self.carry(*carrier.load)
                carrier.load = None
            else:
                self._spare.remove(carrier)
            if anyio.current_effective_deadline() == float("-inf"):
                raise
            self._backend.forgive_cancellation()  # as in Life.run

    def _is_clean(self, context: Context) -> bool:
        clean = self._context
        return len(context) == len(clean) and all(context.get(variable) is clean[variable] for variable in clean)
