"""The cell: what stays of an actor across its restarts. Its mailbox, its state, its numbers."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from contextvars import ContextVar
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import anyio
import msgspec

from actors.actor import Actor
from actors.backends import Slot
from actors.call import NEVER, Answer
from actors.dead_letters import DeadLetter
from actors.errors import ActorStopped, MailboxFull, Unavailable
from actors.exits import Exit, ExitKind
from actors.mailbox import AnyCall, Dropped, Mailbox, Queue, Rejected
from actors.message import Message
from actors.poison import Poisons

if TYPE_CHECKING:
    from actors.life import Life
    from actors.runtime import Runtime

A = TypeVar("A", bound=Actor)


class Asker(Protocol):
    """In whose name a task asks: an actor's own, or that of a call which is worked on beside the actor's turns."""

    @property
    def chain(self) -> tuple[Cell[Any], ...]:
        """Every actor that waits for what this task does."""
        ...

    @property
    def deadline(self) -> float:
        """When nobody waits for it any more, on the system's clock."""
        ...


running: ContextVar[Asker | None] = ContextVar("running", default=None)
"""In whose name this task asks; None outside the actors."""


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


class Signal(IntEnum):
    """What an actor is told on the runtime's own lane, ahead of every message. A stronger signal replaces a weaker one."""

    HIBERNATE = 0
    """Give back the task, if idle."""
    PASSIVATE = 1
    """Sleep, if idle."""
    DRAIN = 2
    """Handle what has been accepted, then end."""
    QUIT = 3
    """End after the message being handled: the actor's own wish."""
    FAIL = 4
    """Crash after the message being handled: one that it is linked with has crashed."""
    STOP = 5
    """End after the message being handled: the supervisor's order."""


GONE = frozenset({State.STOPPED, State.QUARANTINED, State.STUCK})

Watchers: TypeAlias = dict[Callable[[], object], None]
"""What is to be called when an actor is gone, in the order in which it was asked for."""


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
    """One actor as the runtime sees it. The instance inside comes and goes: each is one `Life`."""

    __slots__ = (
        "announce",
        "blocked",
        "clock",
        "closed",
        "draining",
        "factory",
        "generation",
        "hooks",
        "idle_since",
        "last_exit",
        "life",
        "limits",
        "name",
        "path",
        "poisons",
        "queue",
        "restarts",
        "retry_at",
        "runtime",
        "state",
        "timings",
        "told",
        "waiter",
        "watchers",
    )

    def __init__(
        self,
        runtime: Runtime,
        parent: str,
        name: str,
        *,
        factory: Callable[[], A],
        mailbox: Mailbox,
        limits: Limits,
    ) -> None:
        self.runtime = runtime
        self.hooks = runtime.hooks
        self.clock = runtime.clock
        self.name = name
        self.path = f"{parent}/{name}"
        self.factory = factory
        self.queue = Queue(mailbox)
        self.limits = limits
        self.state = State.STARTING
        self.closed = False
        self.draining = False
        self.told: Signal | None = None
        self.waiter = runtime.backend.waiter()
        self.life: Life[A] | None = None
        self.generation = 0
        self.restarts = 0
        self.timings: defaultdict[type[Message[Any, Any]], Timing] = defaultdict(Timing)
        self.idle_since = runtime.clock()
        self.poisons: Poisons | None = None
        """The types of message that have crashed it lately."""
        self.last_exit: Exit | None = None
        self.retry_at = 0.0
        self.announce: Callable[[Answer[None]], None] | None = None
        self.watchers: Watchers | None = None
        """To be called when it is gone."""
        self.blocked: deque[Slot] | None = None
        """Callers that wait for room."""

    # -- messages ------------------------------------------------------------------------------------------------------

    def put(self, call: AnyCall) -> None:
        """Take a message. Raises `MailboxFull`, `ActorStopped` or `Unavailable` when it is refused; it is a dead letter then."""
        if self.closed:
            quarantined = self.state is State.QUARANTINED
            self.bury(call, "quarantined" if quarantined else "stopped")
            raise self.quarantined() if quarantined else ActorStopped(self.path)
        queue = self.queue
        calls = queue.calls
        depth = len(calls)
        if depth < queue.room:
            calls.append(call)
            if depth >= queue.high_water:
                queue.high_water = depth + 1
        elif not self._put(call):
            return
        if self.hooks is not None:
            self.hooks.enqueued(self.path, call.message, len(queue.calls))
        if depth == 0:  # otherwise the message before this one has woken it
            self.waiter.wake()

    def _put(self, call: AnyCall) -> bool:
        """Take a message where that is not simply appending it; whether there was room."""
        queue = self.queue
        outcome = queue.put(call)
        if outcome is not None and not self._overflow(call, outcome):
            return False
        queue.high_water = max(queue.high_water, len(queue.calls))
        return True

    def put_own(self, call: AnyCall) -> None:
        """Take what the actor itself has caused: an answer that it waits for, a message from one of its timers or tasks."""
        call.since = self.clock()
        queue = self.queue
        queue.put_past_the_bound(call)
        queue.high_water = max(queue.high_water, len(queue.calls))
        if self.hooks is not None:
            self.hooks.enqueued(self.path, call.message, len(queue.calls))
        self.waiter.wake()

    def _overflow(self, call: AnyCall, outcome: Dropped | Rejected) -> bool:
        """End the call that has no room; whether the new one has found some."""
        if isinstance(outcome, Rejected):
            self.bury(call, "mailbox_full")
            msg = f"{self.path} holds {self.queue.capacity} messages already"
            raise MailboxFull(msg)
        self.bury(outcome.call, outcome.reason)
        outcome.call.refuse(MailboxFull(f"{self.path}: {outcome.reason}"))
        return outcome.call is not call

    def bury(self, call: AnyCall, reason: str, error: BaseException | None = None) -> None:
        """Count a message that is not handled."""
        self.runtime.dead_letters.add(DeadLetter(self.path, call.message, reason, error))

    def fail_waiting(self, error: Exception, reason: str) -> None:
        """End every message that waits: its caller gets `error`, the message is a dead letter."""
        while self.queue.calls:
            call = self.queue.take()
            self.bury(call, reason, error)
            call.refuse(error)
        self.make_room()

    def close(self, state: State, error: Exception, reason: str) -> None:
        """Take no message any more, and end those that wait."""
        self.state = state
        self.closed = True
        self.fail_waiting(error, reason)
        watchers, self.watchers = self.watchers, None
        for tell in list(watchers or ()):
            tell()

    # -- callers that wait for room --------------------------------------------------------------------------------------

    async def room(self, deadline: float) -> None:
        """Wait until there may be room in the full mailbox, at most until `deadline`."""
        slot = self.runtime.backend.slot()
        if self.blocked is None:
            self.blocked = deque()
        self.blocked.append(slot)
        try:
            with anyio.move_on_after(deadline - self.runtime.clock()):
                await slot.wait()
        except BaseException:
            self.make_room()  # if the room was ours, it is the next one's now
            raise
        finally:
            if slot in self.blocked:
                self.blocked.remove(slot)

    def make_room(self) -> None:
        """Wake as many of the callers that wait for room as there is room for."""
        blocked = self.blocked
        if blocked:
            room = len(blocked) if self.closed else self.queue.capacity - len(self.queue)
            for _ in range(min(room, len(blocked))):
                blocked.popleft().settle(Answer(None))

    # -- signals ---------------------------------------------------------------------------------------------------------

    def tell(self, signal: Signal) -> None:
        """Tell the instance something; `DRAIN` and `STOP` also those that follow it."""
        if signal is Signal.DRAIN:
            self.draining = self.closed = True
            self.make_room()
        if self.told is None or signal > self.told:
            self.told = signal
        self.waiter.wake()

    def begin(self, life: Life[A]) -> None:
        """Let a new instance in."""
        self.life = life
        self.generation += 1
        self.state = State.STARTING
        if self.told is not Signal.STOP:
            self.told = Signal.DRAIN if self.draining else None

    def replaced(self) -> Cell[A]:
        """A cell that takes this one's place, with its mailbox and its numbers: what this one still does concerns nobody."""
        parent = self.path.removesuffix(f"/{self.name}")
        cell = Cell(self.runtime, parent, self.name, factory=self.factory, mailbox=Mailbox(), limits=self.limits)
        cell.queue, self.queue = self.queue, cell.queue
        cell.generation, cell.restarts = self.generation, self.restarts
        cell.timings, cell.last_exit = self.timings, self.last_exit
        cell.watchers, self.watchers = self.watchers, None
        if self.life is not None:
            self.life.disown()
        self.close(State.STUCK, ActorStopped(self.path), "stopped")
        return cell

    def cancel(self) -> None:
        """Cancel the instance's task: the step after a stop signal that was not heeded in time."""
        if self.life is not None:
            self.life.cancel()

    def has_more_to_drain(self, exit_: Exit) -> bool:
        """Whether an instance that ended so while draining has left something for another one to handle."""
        lived = self.state is not State.STARTING and exit_.kind not in {ExitKind.KILLED, ExitKind.SHUTDOWN}
        return self.draining and self.told is not Signal.STOP and lived and bool(self.queue.calls)

    def watched_by(self) -> Watchers:
        """Where one adds what is to be called when it is gone."""
        if self.watchers is None:
            self.watchers = {}
        return self.watchers

    # -- what others see -------------------------------------------------------------------------------------------------

    @property
    def gone(self) -> bool:
        """Whether it has ended for good, or is given up: for this cell there will not be another instance."""
        return self.state in GONE

    @property
    def depth(self) -> int:
        """How many messages wait."""
        return len(self.queue)

    @property
    def handled(self) -> int:
        """How many messages it has handled, over all its restarts."""
        return sum(timing.count for timing in self.timings.values())

    @property
    def busy(self) -> bool:
        """Whether there is work that a stop would cut off: waiting messages, open calls, requests under way."""
        return bool(self.queue.calls) or (self.life is not None and self.life.busy)

    @property
    def chain(self) -> tuple[Cell[Any], ...]:
        """Every actor that waits, through this one, for the message being handled; this one last."""
        current = self.life.turns.current if self.life is not None else ()
        return (*dict.fromkeys(cell for call in current for cell in call.chain), self)

    @property
    def deadline(self) -> float:
        """When the last of those who wait for the message being handled gives up."""
        current = self.life.turns.current if self.life is not None else ()
        return max((call.deadline for call in current), default=NEVER)

    def quarantined(self) -> Unavailable:
        """The answer to those who ask a quarantined actor."""
        seconds = max(0.0, self.retry_at - self.runtime.clock())
        return Unavailable(f"{self.path} keeps crashing and rests for {seconds:.1f} s", retry_after=seconds)
