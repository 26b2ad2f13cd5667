"""An actor's turns: how it handles what waits in its mailbox, message by message or batch by batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import structlog
from anyio.lowlevel import checkpoint

from actors.actor import Actor, Handler, Table
from actors.call import Answer, Call, Calls, nobody
from actors.cell import Cell
from actors.deadlines import expire
from actors.errors import ActorCrashed, ActorStopped, CallerTimedOut, Refused, Unavailable
from actors.exits import Exit, ExitKind
from actors.mailbox import AnyCall
from actors.message import Message
from actors.poison import Poison, Poisons
from actors.streams import StreamCall

if TYPE_CHECKING:
    from actors.owned import OwnedTasks

log = structlog.get_logger(__name__)

BATCH = 64
"""How many messages an actor handles before it lets others run."""


class Failure(Message[Any, None], frozen=True):
    """Stands for what failed outside the actor's turns: the actor crashes on it, in its own turn."""

    error: Any
    kind: Any = None
    """The type of message that was worked on, if it was one."""


class Turns:
    """The calls in the hands of one instance: those of the present turn, and those that it has left open.

    `tasks` gives the tasks of the instance, for what is worked on beside its turns.
    """

    __slots__ = ("_cell", "_open", "_others", "_tasks", "begun_at", "call")

    def __init__(self, cell: Cell[Any], tasks: Callable[[], OwnedTasks]) -> None:
        self._cell = cell
        self._tasks = tasks
        self._open: Calls = {}
        self.call: AnyCall | None = None
        """The call being handled, or the first of a batch of them."""
        self.begun_at = 0.0
        """When that began, on the system's clock."""
        self._others: list[AnyCall] = []

    @property
    def busy(self) -> bool:
        """Whether this instance is handling a message, or owes an answer."""
        return self.call is not None or bool(self._open)

    @property
    def current(self) -> list[AnyCall]:
        """The calls of the present turn."""
        return [] if self.call is None else [self.call, *self._others]

    def table(self, actor: Actor) -> Table:
        """The handlers of the actor, without those of messages that are poison to it."""
        table = actor._table  # noqa: SLF001 - the runtime's half of the actor class
        if poisons := self._cell.poisons:
            now = self._cell.runtime.clock()
            # Left out of the table, so that the others pay nothing for the question.
            table = {kind: entry for kind, entry in table.items() if not poisons.rests(kind, now)}
        return table

    async def work(self, actor: Actor, table: Table) -> None:
        """Handle what comes, and wait for it, until a signal comes; after one, a single message.

        Raises what a handler does not declare.
        """
        cell = self._cell
        clock = cell.clock
        watched = cell.hooks is not None
        timings = cell.timings
        calls = cell.queue.unfold()
        take = calls.popleft if cell.queue.room else cell.queue.take
        waiter = cell.waiter
        budget = BATCH
        now = clock()
        while True:
            if not calls:
                cell.idle_since = now
                await waiter.park()
                if cell.told is not None:
                    return
                now = clock()
                continue
            call = take()
            kind = type(message := call.message)
            entry = table.get(kind)
            if entry is None or call.deadline <= now or call.reply is None:
                self._pass_over(call, actor, table, now)
            else:
                self.begun_at = now
                self.call = call
                method, how = entry
                timing = timings[kind]
                if how is not None or watched or cell.blocked:
                    timing.count += await self._handle(call, actor, method, how, now)
                else:
                    try:
                        answer = await method(actor, message)
                    except (Refused, CallerTimedOut) as error:
                        call.refuse(error)
                    else:
                        if call.reply is not nobody:
                            call.answer(answer)
                    timing.count += 1
                self.call = None
                after = clock()
                timing.seconds += after - now
                now = after
            budget -= 1
            if not budget:
                await checkpoint()
                budget = BATCH
                now = clock()
            if cell.told is not None:
                cell.idle_since = now
                return

    def _begun(self, now: float) -> None:
        cell = self._cell
        if cell.hooks is not None:
            for call in self.current:
                cell.hooks.started(cell.path, call.message, now - call.since)
        cell.make_room()

    def _ended(self, begun: float) -> None:
        cell = self._cell
        if cell.hooks is not None:
            seconds = cell.runtime.clock() - begun
            for call in self.current:
                cell.hooks.handled(cell.path, call.message, seconds)

    async def _handle(
        self, call: AnyCall, actor: Actor, method: Callable[[Any, Any], Any], how: Handler | None, now: float
    ) -> int:
        """Handle a call in the way that its handler says, with all that belongs to it; how many there were."""
        if how is not None and how.batch:
            self._take_more(type(call.message), how.batch, now)
        self._begun(now)
        if how is None:
            await self._plain(call, method(actor, call.message))
        elif how.stream:
            self._stream(call, actor, method)
        elif how.interleave:
            self._beside(call, partial(method, actor, call.message))
        elif how.cancel_with_caller:
            await self._with_caller(call, method(actor, call.message))
        else:
            await self._batch(self.current, actor, method)
        self._ended(now)
        handled = 1 + len(self._others)
        self._others.clear()
        return handled

    @staticmethod
    async def _plain(call: AnyCall, handling: Awaitable[Any]) -> None:
        try:
            call.answer(await handling)
        except (Refused, CallerTimedOut) as error:
            call.refuse(error)

    async def _batch(self, calls: list[AnyCall], actor: Actor, method: Callable[[Any, Any], Any]) -> None:
        try:
            await method(actor, list(calls))
        except (Refused, CallerTimedOut) as error:
            for each in calls:
                each.refuse(error)
        for each in calls:
            if each.expects_answer:
                self._keep(each)

    async def _with_caller(self, call: AnyCall, handling: Awaitable[Any]) -> None:
        answer: Answer[Any] | None = None
        with anyio.CancelScope() as scope:
            call.ended = scope.cancel
            try:
                answer = Answer(await handling)
            except (Refused, CallerTimedOut) as error:
                answer = Answer.failed(error)
            finally:
                call.ended = None
        if answer is not None:
            call.settle(answer)

    def _stream(self, call: AnyCall, actor: Actor, method: Callable[[Any, Any], Any]) -> None:
        if isinstance(call, StreamCall):
            self._beside(call, partial(call.channel.feed, method(actor, call.message)), call.over)
        else:
            error = ActorCrashed(f"{type(call.message).__name__} is to be sent with Ref.stream")
            self._cell.bury(call, "unhandled", error)
            call.refuse(error)

    def _beside(
        self, call: AnyCall, work: Callable[[], Awaitable[Any]], over: Callable[[], None] | None = None
    ) -> None:
        """Work on a call in a task of its own. The call stays open until that ends; when its caller leaves, so does the task."""

        def done(answer: Answer[Any]) -> None:
            call.ended = None
            error = answer.error
            if error is None or isinstance(error, Refused | CallerTimedOut):
                call.settle(answer)
            else:
                self._cell.put_own(Call(Failure(error, type(call.message))))  # the crash fails the call
            self._cell.waiter.wake()

        self._keep(call)
        call.ended = self._tasks().start(work, done=done, asker=call, over=over).cancel

    def _keep(self, call: AnyCall) -> None:
        call.kept_by = self._open
        self._open[call] = None

    def _take_more(self, kind: type[Message[Any, Any]], batch: int, now: float) -> None:
        queue = self._cell.queue
        while queue.calls and len(self._others) + 1 < batch and type(queue.peek().message) is kind:
            call = queue.take()
            if call.deadline <= now or call.settled:
                self._skip(call, now)
            else:
                self._others.append(call)

    def _pass_over(self, call: AnyCall, actor: Actor, table: Table, now: float) -> None:
        if call.deadline <= now or call.settled:
            self._skip(call, now)
        else:
            self._unhandled(call, actor, table, now)

    def _skip(self, call: AnyCall, now: float) -> None:
        self._cell.bury(call, "expired" if call.deadline <= now else "abandoned")
        self._cell.make_room()
        expire(call)

    def _unhandled(self, call: AnyCall, actor: Actor, table: Table, now: float) -> None:
        cell = self._cell
        kind = type(call.message)
        if isinstance(call.message, Failure):
            self.call = call
            raise call.message.error
        error: Exception
        known = actor._table.get(kind)  # noqa: SLF001 - as in table()
        if known is None:
            error = ActorCrashed(f"{cell.path} does not handle {kind.__name__}")
            cell.bury(call, "unhandled", error)
        elif cell.poisons and (seconds := cell.poisons.rests(kind, now)):
            error = Unavailable(f"{cell.path} crashed on {kind.__name__} again and again", retry_after=seconds)
            cell.bury(call, "quarantined", error)
        else:
            table[kind] = known  # it has rested
            cell.queue.calls.appendleft(call)
            return
        cell.make_room()
        call.refuse(error)

    def end(self, exit_: Exit, rule: Poison | None) -> None:
        """Fail the calls that this instance leaves behind: those in its hands, and those it has not settled yet."""
        crashed = exit_.kind is ExitKind.CRASHED
        if crashed and rule is not None and self.call is not None:
            self._blame(self.call.message, rule)
        error = (
            ActorCrashed(f"{self._cell.path} crashed: {exit_.error!r}") if crashed else ActorStopped(self._cell.path)
        )
        error.__cause__ = exit_.error
        for call in self.current:
            self._cell.bury(call, "crashed" if crashed else "killed", exit_.error)
            call.refuse(error)
        self.call = None
        for call in list(self._open):
            call.refuse(error)

    def _blame(self, message: Message[Any, Any], rule: Poison) -> None:
        kind = message.kind if isinstance(message, Failure) else type(message)
        if kind is None:
            return
        cell = self._cell
        if cell.poisons is None:
            cell.poisons = Poisons(rule)
        if cell.poisons.add(kind, cell.runtime.clock()):
            log.error("actor.message_quarantined", path=cell.path, message=kind.__name__, seconds=rule.rest)
