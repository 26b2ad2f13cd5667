"""One life of an actor: an instance from `started` to `stopping`, and the loop between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import structlog
from anyio import TaskHandle
from anyio.lowlevel import checkpoint

from actors.actor import Actor
from actors.call import Answer, Call, Calls
from actors.cell import Cell, Signal, State, Timing, running
from actors.deadlines import expire
from actors.errors import ActorCrashed, ActorStopped, Refused, StartFailed
from actors.exits import Exit, ExitKind
from actors.mailbox import AnyCall
from actors.message import Message

if TYPE_CHECKING:
    from actors.ref import Ref

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)

BATCH = 64
"""How many messages an actor handles before it lets others run."""


DRAIN_INTERVAL = 0.05
"""How often an actor that drains looks whether the calls it has left open are settled, in seconds."""


class BrokenReply(Message[Any, None], frozen=True):
    """Stands for the answer to a request whose `then` raised: the requester crashes on it, in its own turn."""

    error: Any


class Life(Generic[A]):
    """One instance of an actor. What belongs to it ends with it: the calls in its hands, and its requests."""

    __slots__ = ("_farewell", "_open", "_over", "_requests", "cell", "current", "current_since", "handle")

    def __init__(self, cell: Cell[A]) -> None:
        self.cell = cell
        self.current: list[AnyCall] = []
        self.current_since = 0.0
        self.handle: TaskHandle[None] | None = None
        self._farewell: anyio.CancelScope | None = None
        self._open: Calls = {}
        self._requests = 0
        self._over = False

    @property
    def busy(self) -> bool:
        """Whether this instance owes or awaits an answer, or is handling a message."""
        return bool(self.current or self._open or self._requests)

    def stop(self) -> None:
        """See `Actor.stop`."""
        if not self._over:
            self.cell.tell(Signal.QUIT)

    def cancel(self) -> None:
        """Cancel the task that this instance runs in, and its farewell."""
        if self.handle is not None:
            self.handle.cancel()
        if self._farewell is not None:
            self._farewell.cancel()

    def request(
        self,
        ref: Ref[Any],
        message: Message[Any, Any],
        then: Callable[[Answer[Any]], Message[Any, Any]],
        timeout: float,
    ) -> None:
        """See `Actor.request`."""

        def deliver(answer: Answer[Any]) -> None:
            self._requests -= 1
            try:
                reply = then(answer)
            except Exception as error:  # noqa: BLE001 - raised again in the turn of the one whose `then` it is
                reply = BrokenReply(error)
            if self._over:
                self.cell.bury(Call(reply), "stale")
            else:
                self.cell.put_reply(Call(reply))

        self._requests += 1
        try:
            ref.request(message, deliver, timeout=timeout)
        except Exception as error:  # noqa: BLE001 - a refused request is answered like any other
            deliver(Answer.failed(error))

    async def run(self) -> Exit:
        """Live. Returns how it ended; only a genuine cancellation, or the end of the program, gets out."""
        cell = self.cell
        cell.begin(self)
        running.set(cell)
        exit_ = Exit(ExitKind.KILLED)
        actor: A | None = None
        try:
            actor = cell.factory()
            actor._life = self  # noqa: SLF001 - the runtime is what gives an actor its life
            exit_ = await self._live(actor)
        except Exception as error:  # noqa: BLE001 - the supervision boundary: every crash becomes an exit
            exit_ = Exit(ExitKind.CRASHED, error)
        except anyio.get_cancelled_exc_class():
            if anyio.current_effective_deadline() == float("-inf"):
                raise
            # No cancel scope asked for this: on asyncio it would silently cancel every sibling in the task group.
            cell.runtime.backend.forgive_cancellation()
            exit_ = Exit(ExitKind.CRASHED, RuntimeError(f"{cell.path} was cancelled by foreign code"))
        finally:
            self._over = True  # from here on an answer to a request of this instance is stale
            self._end_calls(exit_)
            if actor is not None:
                await self._stopping(actor, exit_)
            cell.life = None
        return exit_

    async def _live(self, actor: A) -> Exit:
        cell = self.cell
        try:
            await self._start(actor)
        except Refused as error:
            return Exit(ExitKind.REFUSED, error)
        cell.state = State.RUNNING
        if cell.announce is not None:
            cell.announce(Answer(None))
            cell.announce = None
        calls = cell.queue.calls
        clock = cell.runtime.clock
        waiter = cell.waiter
        budget = BATCH
        now = clock()
        while True:
            if cell.told is not None and (exit_ := self._heed(actor)) is not None:
                return exit_
            if calls:
                now = await self._handle(actor, now)
                budget -= 1
                if budget == 0:
                    await checkpoint()
                    budget = BATCH
                    now = clock()
            else:
                cell.idle_since = now
                # While it drains it looks again now and then: an open call may also end elsewhere.
                if cell.draining:
                    with anyio.move_on_after(DRAIN_INTERVAL):
                        await waiter.park()
                else:
                    await waiter.park()
                budget = BATCH
                now = clock()

    async def _start(self, actor: A) -> None:
        # Apart from the loop, whose frame would keep the scope for as long as the actor lives.
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
            case Signal.DRAIN:
                cell.state = State.DRAINING
                return None if cell.busy else Exit(ExitKind.SHUTDOWN)
            case _:
                cell.told = None
                if cell.busy or not actor.may_passivate():
                    return None
                cell.state = State.PASSIVATING
                return Exit(ExitKind.PASSIVATED)

    async def _handle(self, actor: A, now: float) -> float:
        """Handle the first waiting call, or the batch at the head of the mailbox; the time afterwards.

        Raises what the handler does not declare.
        """
        cell = self.cell
        call = cell.queue.take()
        message = call.message
        kind = type(message)
        if call.deadline <= now or call.settled:
            self._skip(call, now)
            return now
        entry = actor._table.get(kind)  # noqa: SLF001 - the runtime's half of the actor class
        if entry is None:
            self._unhandled(call)
            return now
        method, batch = entry
        self.current_since = now
        current = self.current
        current.append(call)
        if batch:
            self._take_more(kind, batch, now)
        if cell.blocked:
            cell.make_room()
        try:
            if batch:
                await method(actor, current)
            else:
                call.answer(await method(actor, message))
        except Refused as refusal:
            for each in current:
                each.refuse(refusal)
        for each in current if batch else ():
            if each.expects_answer and not each.settled:
                each.kept_by = self._open
                self._open[each] = None
        handled = len(current)
        self.current = []
        cell.handled += handled
        timing = cell.timings.get(kind)
        if timing is None:
            timing = cell.timings[kind] = Timing()
        after = cell.runtime.clock()
        timing.count += handled
        timing.seconds += after - now
        return after

    def _take_more(self, kind: type[Message[Any, Any]], batch: int, now: float) -> None:
        queue = self.cell.queue
        while queue.calls and len(self.current) < batch and type(queue.peek().message) is kind:
            call = queue.take()
            if call.deadline <= now or call.settled:
                self._skip(call, now)
            else:
                self.current.append(call)

    def _skip(self, call: AnyCall, now: float) -> None:
        self.cell.bury(call, "expired" if call.deadline <= now else "abandoned")
        self.cell.make_room()
        expire(call)

    def _unhandled(self, call: AnyCall) -> None:
        if isinstance(call.message, BrokenReply):
            self.current.append(call)
            raise call.message.error
        error = ActorCrashed(f"{self.cell.path} does not handle {type(call.message).__name__}")
        self.cell.bury(call, "unhandled", error)
        self.cell.make_room()
        call.refuse(error)

    def _end_calls(self, exit_: Exit) -> None:
        """Fail the calls that this instance leaves behind: those in its hands, and those it has not settled yet."""
        crashed = exit_.kind is ExitKind.CRASHED
        error = ActorCrashed(f"{self.cell.path} crashed: {exit_.error!r}") if crashed else ActorStopped(self.cell.path)
        error.__cause__ = exit_.error
        for call in self.current:
            self.cell.bury(call, "crashed" if crashed else "killed", exit_.error)
            call.refuse(error)
        self.current = []
        for call in list(self._open):
            call.refuse(error)

    async def _stopping(self, actor: A, exit_: Exit) -> None:
        cell = self.cell
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
