"""One life of an actor: an instance from `started` to `stopping`, and the loop between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import structlog
from anyio.lowlevel import checkpoint

from actors.actor import Actor
from actors.bonds import Bonds
from actors.call import Answer, Call
from actors.carriers import Carrier
from actors.cell import Cell, Signal, State, running
from actors.errors import ActorStopped, Refused, StartFailed
from actors.exits import KILLED, Exit, ExitKind
from actors.hibernation import Asleep
from actors.message import Message
from actors.owned import OwnedTask, OwnedTasks, Start
from actors.timers import Timers
from actors.turns import Failure, Turns

if TYPE_CHECKING:
    from actors.ref import Requestable

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)

DRAIN_INTERVAL = 0.05
"""How often an actor that drains looks whether the calls it has left open are settled, in seconds."""


class Life(Generic[A]):
    """One instance of an actor. What belongs to it ends with it: the calls in its hands, its requests, timers and tasks."""

    __slots__ = (
        "_actor",
        "_bonds",
        "_farewell",
        "_fault",
        "_over",
        "_requests",
        "_start_task",
        "_tasks",
        "_timers",
        "carrier",
        "cell",
        "turns",
    )

    def __init__(self, cell: Cell[A], start_task: Start) -> None:
        self.cell = cell
        self.carrier: Carrier | None = None
        """What it runs in; None while it hibernates."""
        self._start_task = start_task
        self._actor: A | None = None
        self._farewell: anyio.CancelScope | None = None
        self._requests = 0
        self._tasks: OwnedTasks | None = None
        self._timers: Timers | None = None
        self._bonds: Bonds | None = None
        self._fault: Exception | None = None
        self._over = False
        self.turns = Turns(cell, self._own_tasks)

    @property
    def busy(self) -> bool:
        """Whether this instance owes or awaits an answer, or is handling a message."""
        return self.turns.busy or bool(self._requests or self._tasks)

    def _own_tasks(self) -> OwnedTasks:
        if self._tasks is None:
            self._tasks = OwnedTasks(self.cell, self._start_task)
        return self._tasks

    @property
    def timers(self) -> Timers:
        """The timers of this instance. Raises `ActorStopped` when it is over: nobody would end them."""
        if self._over:
            raise ActorStopped(self.cell.path)
        if self._timers is None:
            self._timers = Timers(self.cell)
        return self._timers

    def stop(self) -> None:
        """See `Actor.stop`."""
        if not self._over:
            self.cell.tell(Signal.QUIT)

    def disown(self) -> None:
        """Another instance has taken over though this one has not ended: whatever still comes for it is stale."""
        self._over = True
        if self._timers is not None:
            self._timers.end()
        if self._tasks is not None:
            self._tasks.cancel()
        if self._bonds is not None:
            self._bonds.end(KILLED)

    @property
    def over(self) -> bool:
        """Whether it has ended, or another instance has taken over."""
        return self._over

    @property
    def bonds(self) -> Bonds:
        """What ties this instance to other actors. Raises `ActorStopped` when it is over."""
        if self._over:
            raise ActorStopped(self.cell.path)
        if self._bonds is None:
            self._bonds = Bonds(self)
        return self._bonds

    def fail(self, error: Exception) -> None:
        """Make it crash with `error` after the message being handled."""
        self._fault = error
        self.cell.tell(Signal.FAIL)

    @property
    def idle_since(self) -> float:
        """Since when there has been nothing to do, on the system's clock."""
        return float("inf") if self.cell.busy else self.cell.idle_since

    def suggest_hibernation(self) -> None:
        """Have the task end, if it still has nothing to do when it hears of it."""
        if self.cell.told is None:
            self.cell.tell(Signal.HIBERNATE)

    def hibernate(self, wake: Callable[[], None]) -> None:
        """The task is over, the instance is not: `wake` is to start another one."""
        self.cell.queue.fold()
        self.cell.waiter = Asleep(self.cell, wake)

    def cancel(self) -> None:
        """Cancel the task that this instance runs in, and its farewell."""
        if self.carrier is not None:
            self.carrier.cancel()
        if self._farewell is not None:
            self._farewell.cancel()

    def request(
        self,
        ref: Requestable[Any],
        message: Message[Any, Any],
        then: Callable[[Answer[Any]], Message[Any, Any]],
        timeout: float,
    ) -> None:
        """See `Actor.request`."""

        def answered(answer: Answer[Any]) -> None:
            self._requests -= 1
            self._deliver(then, answer)

        self._requests += 1
        try:
            ref.request(message, answered, timeout=timeout)
        except Exception as error:  # noqa: BLE001 - a refused request is answered like any other
            answered(Answer.failed(error))

    def spawn(
        self,
        work: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        then: Callable[[Answer[Any]], Message[Any, Any]] | None,
    ) -> OwnedTask:
        """See `Actor.spawn`."""
        if self._over:
            raise ActorStopped(self.cell.path)
        return self._own_tasks().start(work, *args, done=partial(self._deliver, then))

    def _deliver(self, then: Callable[[Answer[Any]], Message[Any, Any]] | None, answer: Answer[Any]) -> None:
        """Bring the actor what it has waited for, in a turn of its own."""
        reply: Message[Any, Any]
        if then is None:
            if answer.error is None:
                self.cell.waiter.wake()  # it may have been the last thing that a draining actor waited for
                return
            reply = Failure(answer.error)
        else:
            try:
                reply = then(answer)
            except Exception as error:  # noqa: BLE001 - raised again in the turn of the one whose `then` it is
                reply = Failure(error)
        if self._over:
            self.cell.bury(Call(reply), "stale")
        else:
            self.cell.put_own(Call(reply))

    async def run(self) -> Exit | None:
        """Live, or live on after hibernation. Returns how it ended, None: it hibernates.

        Only a genuine cancellation, or the end of the program, gets out.
        """
        cell = self.cell
        running.set(cell)
        exit_: Exit | None = KILLED
        try:
            exit_ = await self._live()
        except Exception as error:  # noqa: BLE001 - the supervision boundary: every crash becomes an exit
            exit_ = Exit(ExitKind.CRASHED, error)
        except anyio.get_cancelled_exc_class():
            if anyio.current_effective_deadline() == float("-inf"):
                raise
            # No cancel scope asked for this: on asyncio it would silently cancel every sibling in the task group.
            cell.runtime.backend.forgive_cancellation()
            exit_ = Exit(ExitKind.CRASHED, RuntimeError(f"{cell.path} was cancelled by foreign code"))
        finally:
            cell.runtime.hibernation.forget(self)
            if exit_ is not None:
                await self._end(exit_)
        return exit_

    async def _live(self) -> Exit | None:
        cell = self.cell
        if (actor := self._actor) is None:
            cell.begin(self)
            actor = self._actor = cell.factory()
            actor._life = self  # noqa: SLF001 - the runtime is what gives an actor its life
            try:
                await self._start(actor)
            except Refused as error:
                return Exit(ExitKind.REFUSED, error)
            self._started()
        if cell.told is None and not cell.busy:
            return None  # its task is for others until there is something to do
        cell.runtime.hibernation.watch(self)
        table = self.turns.table(actor)
        while True:
            if cell.told is not None:
                if cell.told is Signal.HIBERNATE:
                    cell.told = None
                    if not cell.busy:
                        return None
                elif (exit_ := self._heed(actor)) is not None:
                    return exit_
            if cell.draining and not cell.queue.calls:
                # It looks again now and then: an open call may also end elsewhere.
                with anyio.move_on_after(DRAIN_INTERVAL):
                    await cell.waiter.park()
                continue
            await self.turns.work(actor, table)
            if cell.told is not None:
                await checkpoint()  # one that drains takes a message at a time

    def _started(self) -> None:
        cell = self.cell
        cell.state = State.RUNNING
        cell.runtime.log.debug("actor.started", path=cell.path, generation=cell.generation)
        if cell.hooks is not None:
            cell.hooks.actor_started(cell.path, cell.generation)
        if cell.announce is not None:
            cell.announce(Answer(None))
            cell.announce = None

    async def _start(self, actor: A) -> None:
        # Apart from the loop, whose frame would keep the scope for as long as the actor lives.
        if getattr(actor.started, "__func__", None) is Actor.started:
            return  # a scope costs as much as all the rest of a start
        limit = self.cell.limits.start
        with anyio.move_on_after(limit) as scope:
            await actor.started()
        if scope.cancelled_caught:
            msg = f"{self.cell.path}: started() took longer than {limit} s"
            raise StartFailed(msg)

    def _heed(self, actor: A) -> Exit | None:
        cell = self.cell
        match cell.told:
            case Signal.STOP:
                return Exit(ExitKind.SHUTDOWN)
            case Signal.QUIT:
                return Exit(ExitKind.NORMAL)
            case Signal.FAIL:
                return Exit(ExitKind.CRASHED, self._fault)
            case Signal.DRAIN:
                cell.state = State.DRAINING
                return None if cell.busy else Exit(ExitKind.SHUTDOWN)
            case _:
                cell.told = None
                if cell.busy or not actor.may_passivate():
                    return None
                cell.state = State.PASSIVATING
                return Exit(ExitKind.PASSIVATED)

    async def _end(self, exit_: Exit) -> None:
        cell = self.cell
        actor, self._actor = self._actor, None
        self._over = True  # from here on an answer to a request of this instance is stale
        self.turns.end(exit_, actor.poison if actor is not None else None)
        if self._timers is not None:
            self._timers.end()
        if self._bonds is not None:
            self._bonds.end(exit_)
        if self._tasks:
            with anyio.move_on_after(cell.limits.stop, shield=True) as self._farewell:
                await self._tasks.end(cell.limits.stop)
        if actor is not None:
            await self._stopping(actor, exit_)
        if cell.life is self:
            cell.life = None

    async def _stopping(self, actor: A, exit_: Exit) -> None:
        cell = self.cell
        if getattr(actor.stopping, "__func__", None) is Actor.stopping:
            return  # as in _start()
        with anyio.move_on_after(cell.limits.stop, shield=True) as self._farewell:
            try:
                await actor.stopping(exit_)
            except Exception:  # the supervision boundary: a failing farewell must not hide how the actor ended
                log.exception("actor.stopping_failed", path=cell.path)
            except anyio.get_cancelled_exc_class():
                if self._farewell.cancel_called:
                    raise
                cell.runtime.backend.forgive_cancellation()  # as in run()
                log.exception("actor.stopping_failed", path=cell.path)
        if self._farewell.cancelled_caught:
            log.warning("actor.stopping_timed_out", path=cell.path, seconds=cell.limits.stop)
