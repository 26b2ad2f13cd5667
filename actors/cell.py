"""The cell: what stays of an actor across its restarts, and the loop that runs one instance of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import msgspec
import structlog
from anyio.lowlevel import checkpoint

from actors.actor import Actor
from actors.backends import Slot
from actors.call import Answer, Call
from actors.dead_letters import DeadLetter
from actors.deadlines import expire
from actors.errors import ActorCrashed, ActorStopped, MailboxFull, Refused, StartFailed, Unavailable
from actors.exits import Exit, ExitKind
from actors.mailbox import AnyCall, Dropped, Mailbox, Queue, Rejected
from actors.message import Message

if TYPE_CHECKING:
    from actors.ref import Ref
    from actors.runtime import Runtime

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)

BATCH = 64
"""How many messages an actor handles before it lets others run."""

running: ContextVar[Cell[Any] | None] = ContextVar("running", default=None)
"""The cell whose task this is; None outside the actors."""


class State(StrEnum):
    """Where a cell is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    DRAINING = "draining"
    PASSIVATING = "passivating"
    STOPPED = "stopped"
    QUARANTINED = "quarantined"
    STUCK = "stuck"


class Signal(Enum):
    """What the runtime tells an actor on its own lane, ahead of every message."""

    STOP = "stop"
    DRAIN = "drain"
    PASSIVATE = "passivate"


class Limits(msgspec.Struct, frozen=True):
    """Time limits of one actor's hooks, in seconds."""

    start: float = 10.0
    stop: float = 5.0


class Timing:
    """How many messages of one type an actor has handled, and in how many seconds altogether."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0


class Cell(Generic[A]):
    """One actor as the runtime sees it: its mailbox, its state, its numbers. The instance inside comes and goes."""

    __slots__ = (
        "_blocked",
        "_open",
        "_requests",
        "_scope",
        "_waiter",
        "announce",
        "current",
        "current_since",
        "factory",
        "generation",
        "handled",
        "idle_since",
        "last_exit",
        "limits",
        "name",
        "path",
        "queue",
        "restarts",
        "retry_at",
        "runtime",
        "signals",
        "state",
        "stop_requested",
        "timings",
    )

    def __init__(
        self, runtime: Runtime, parent: str, name: str, factory: Callable[[], A], mailbox: Mailbox, limits: Limits
    ) -> None:
        self.runtime = runtime
        self.name = name
        self.path = f"{parent}/{name}"
        self.factory = factory
        self.queue = Queue(mailbox)
        self.limits = limits
        self.state = State.STARTING
        self.generation = 0
        self.restarts = 0
        self.handled = 0
        self.timings: dict[type[Message[Any, Any]], Timing] = {}
        self.signals: deque[Signal] = deque()
        self.current: list[AnyCall] = []
        self.current_since = 0.0
        self.idle_since = runtime.clock()
        self.last_exit: Exit | None = None
        self.retry_at = 0.0
        self.stop_requested = False
        self.announce: Callable[[], None] | None = None
        self._blocked: list[Slot] = []
        self._waiter = runtime.backend.waiter()
        self._open: set[AnyCall] = set()
        self._requests = 0
        self._scope: anyio.CancelScope | None = None

    # -- the sender's side ---------------------------------------------------------------------------------------------

    def put(self, call: AnyCall) -> None:
        """Take a message. Raises `MailboxFull`, `ActorStopped` or `Unavailable` when it is refused; it is a dead letter then."""
        state = self.state
        if state is State.STOPPED or state is State.DRAINING:
            self._bury(call, "stopped")
            raise ActorStopped(self.path)
        if state is State.QUARANTINED:
            self._bury(call, "quarantined")
            raise self.quarantined()
        outcome = self.queue.put(call)
        if outcome is not None:
            self._overflow(call, outcome)
        self._waiter.wake()

    async def room(self, deadline: float) -> None:
        """Wait until a message has been taken from the full mailbox, at most until `deadline`."""
        slot = self.runtime.backend.slot()
        self._blocked.append(slot)
        with anyio.move_on_after(deadline - self.runtime.clock()):
            await slot.wait()

    def _unblock(self) -> None:
        blocked, self._blocked = self._blocked, []
        for slot in blocked:
            slot.settle(Answer(None))

    def signal(self, signal: Signal) -> None:
        """Tell the instance something on the runtime's own lane."""
        self.signals.append(signal)
        self._waiter.wake()

    def cancel(self) -> None:
        """Cancel the instance's task: the step after a stop signal that was not heeded in time."""
        if self._scope is not None:
            self._scope.cancel()

    def request(
        self, ref: Ref[Any], message: Message[Any, Any], then: Callable[[Answer[Any]], Message[Any, Any]], timeout: float
    ) -> None:
        """See `Actor.request`."""
        generation = self.generation

        def deliver(answer: Answer[Any]) -> None:
            reply: AnyCall = Call(then(answer))
            if self.generation != generation or self.state is State.STOPPED:
                self._bury(reply, "stale")
                return
            self._requests -= 1
            self.queue.put_past_the_bound(reply)
            self._waiter.wake()

        self._requests += 1
        try:
            ref.request(message, deliver, timeout=timeout)
        except Exception as error:  # noqa: BLE001 - a refused request is answered like any other
            deliver(Answer.failed(error))

    @property
    def depth(self) -> int:
        """How many messages wait."""
        return len(self.queue)

    @property
    def busy(self) -> bool:
        """Whether the instance has work that a stop would cut off: waiting messages, open calls, requests under way."""
        return bool(self.queue.calls or self.current or self._open or self._requests)

    @property
    def chain(self) -> tuple[Cell[Any], ...]:
        """Every actor that waits, through this one, for the message being handled; this one last."""
        return (*dict.fromkeys(cell for call in self.current for cell in call.chain), self)

    def quarantined(self) -> Unavailable:
        """The answer to those who ask a quarantined actor."""
        seconds = max(0.0, self.retry_at - self.runtime.clock())
        return Unavailable(f"{self.path} keeps crashing and rests for {seconds:.1f} s", retry_after=seconds)

    def fail_waiting(self, error: Exception, reason: str) -> None:
        """End every message that waits: its caller gets `error`, the message is a dead letter."""
        while self.queue.calls:
            call = self.queue.take()
            self._bury(call, reason, error)
            call.refuse(error)

    def _overflow(self, call: AnyCall, outcome: Dropped | Rejected) -> None:
        if isinstance(outcome, Rejected):
            self._bury(call, "mailbox_full")
            msg = f"{self.path} holds {self.queue.mailbox.capacity} messages already"
            raise MailboxFull(msg)
        self._bury(outcome.call, outcome.reason)
        outcome.call.refuse(MailboxFull(f"{self.path}: {outcome.reason}"))

    def _bury(self, call: AnyCall, reason: str, error: BaseException | None = None) -> None:
        self.runtime.dead_letters.add(DeadLetter(self.path, call.message, reason, error))

    # -- one life of the instance --------------------------------------------------------------------------------------

    async def run(self) -> Exit:
        """Run one instance from `started` to `stopping`. Returns how it ended; only a genuine cancellation gets out."""
        self.generation += 1
        self._requests = 0
        self.stop_requested = False
        self.state = State.STARTING
        running.set(self)
        exit_ = Exit(ExitKind.KILLED)
        actor: A | None = None
        try:
            with anyio.CancelScope() as self._scope:
                try:
                    actor = self.factory()
                    actor._cell = self  # noqa: SLF001 - the runtime is what gives an actor its cell
                    exit_ = await self._live(actor)
                except Exception as error:  # noqa: BLE001 - the supervision boundary: every crash becomes an exit
                    exit_ = Exit(ExitKind.CRASHED, error)
                except anyio.get_cancelled_exc_class():
                    if anyio.current_effective_deadline() == float("-inf"):
                        raise
                    # No cancel scope asked for this: on asyncio it would silently cancel every sibling in the task group.
                    self.runtime.backend.forgive_cancellation()
                    exit_ = Exit(ExitKind.CRASHED, RuntimeError(f"{self.path} was cancelled by foreign code"))
        finally:
            self._scope = None
            self._end_calls(exit_)
            if actor is not None:
                await self._stopping(actor, exit_)
        return exit_

    async def _live(self, actor: A) -> Exit:
        try:
            with anyio.fail_after(self.limits.start):
                await actor.started()
        except Refused as error:
            return Exit(ExitKind.REFUSED, error)
        except TimeoutError as error:
            msg = f"{self.path}: started() took longer than {self.limits.start} s"
            raise StartFailed(msg) from error
        self.state = State.RUNNING
        if self.announce is not None:
            self.announce()
        table = {
            kind: (getattr(actor, handler.method), handler.batch) for kind, handler in actor.handlers.items()
        }
        calls = self.queue.calls
        signals = self.signals
        budget = BATCH
        while True:
            while signals:
                if (exit_ := self._heed(signals.popleft(), actor)) is not None:
                    return exit_
            if self.stop_requested:
                return Exit(ExitKind.NORMAL)
            if calls:
                await self._handle(table)
                budget -= 1
                if budget == 0:
                    await checkpoint()
                    budget = BATCH
            elif self.state is State.DRAINING and not self.busy:
                return Exit(ExitKind.SHUTDOWN)
            else:
                self.idle_since = self.runtime.clock()
                await self._waiter.park()
                budget = BATCH

    def _heed(self, signal: Signal, actor: A) -> Exit | None:
        if signal is Signal.STOP:
            return Exit(ExitKind.SHUTDOWN)
        if signal is Signal.DRAIN:
            self.state = State.DRAINING
        elif not self.busy and actor.may_passivate():
            self.state = State.PASSIVATING
            return Exit(ExitKind.PASSIVATED)
        return None

    async def _handle(self, table: dict[type[Message[Any, Any]], tuple[Any, int]]) -> None:
        """Handle the first waiting call, or the batch at the head of the mailbox. Raises what the handler does not declare."""
        call = self.queue.take()
        if self._blocked:
            self._unblock()
        kind = type(call.message)
        now = self.runtime.clock()
        if call.settled or call.deadline <= now:
            self._skip(call)
            return
        entry = table.get(kind)
        if entry is None:
            error = ActorCrashed(f"{self.path} does not handle {kind.__name__}")
            self._bury(call, "unhandled", error)
            call.refuse(error)
            return
        method, batch = entry
        self.current_since = now
        if batch:
            self.current = self._take_more(call, kind, batch, now)
            handled = len(self.current)
            await method(self.current)
            for each in self.current:
                if each.expects_answer and not each.settled:
                    each.owner = self._open
                    self._open.add(each)
        else:
            self.current = [call]
            handled = 1
            try:
                answer = await method(call.message)
            except Refused as refusal:
                call.refuse(refusal)
            else:
                call.answer(answer)
        self.current = []
        self.handled += handled
        timing = self.timings.get(kind)
        if timing is None:
            timing = self.timings[kind] = Timing()
        timing.count += handled
        timing.seconds += self.runtime.clock() - now

    def _take_more(self, first: AnyCall, kind: type[Message[Any, Any]], batch: int, now: float) -> list[AnyCall]:
        taken = [first]
        calls = self.queue.calls
        while calls and len(taken) < batch and type(calls[0].message) is kind:
            call = self.queue.take()
            if call.settled or call.deadline <= now:
                self._skip(call)
            else:
                taken.append(call)
        return taken

    def _skip(self, call: AnyCall) -> None:
        expired = call.deadline <= self.runtime.clock()
        self._bury(call, "expired" if expired else "abandoned")
        expire(call)

    def _end_calls(self, exit_: Exit) -> None:
        """Fail the calls that this instance leaves behind: the one in its hands, and those it has not settled yet."""
        crashed = exit_.kind is ExitKind.CRASHED
        error = ActorCrashed(f"{self.path} crashed: {exit_.error!r}") if crashed else ActorStopped(self.path)
        error.__cause__ = exit_.error
        for call in self.current:
            self._bury(call, "crashed" if crashed else "killed", exit_.error)
            call.refuse(error)
        self.current = []
        for call in list(self._open):
            call.refuse(error)
        self._open.clear()

    async def _stopping(self, actor: A, exit_: Exit) -> None:
        with anyio.move_on_after(self.limits.stop, shield=True) as scope:
            try:
                await actor.stopping(exit_)
            except Exception:  # the supervision boundary: a failing farewell must not hide how the actor ended
                log.exception("actor.stopping_failed", path=self.path)
        if scope.cancelled_caught:
            log.warning("actor.stopping_timed_out", path=self.path, seconds=self.limits.stop)
