"""An actor's turns: how it handles what waits in its mailbox, message by message or batch by batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import structlog

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


class Failure(Message[Any, None], frozen=True):
    """Stands for what failed outside the actor's turns: the actor crashes on it, in its own turn."""

    error: Any
    kind: Any = None
    """The type of message that was worked on, if it was one."""


class Turns:
    """The calls in the hands of one instance: those of the present turn, and those that it has left open.

    `tasks` gives the tasks of the instance, for what is worked on beside its turns.
    """

    __slots__ = ("_cell", "_open", "_tasks", "current", "current_since")

    def __init__(self, cell: Cell[Any], tasks: Callable[[], OwnedTasks]) -> None:
        self._cell = cell
        self._tasks = tasks
        self._open: Calls = {}
        self.current: list[AnyCall] = []
        self.current_since = 0.0

    @property
    def busy(self) -> bool:
        """Whether this instance is handling a message, or owes an answer."""
        return bool(self.current or self._open)

    def table(self, actor: Actor) -> Table:
        """The handlers of the actor, without those of messages that are poison to it."""
        table = actor._table  # noqa: SLF001 - the runtime's half of the actor class
        if poisons := self._cell.poisons:
            now = self._cell.runtime.clock()
            # Left out of the table, so that the others pay nothing for the question.
            table = {kind: entry for kind, entry in table.items() if not poisons.rests(kind, now)}
        return table

    async def work(self, actor: Actor, table: Table, calls: deque[AnyCall], budget: int) -> int:
        """Handle what waits: until nothing does, at most `budget` messages, or until a signal comes. What is left of the budget.

        Raises what a handler does not declare.
        """
        cell = self._cell
        clock = cell.runtime.clock
        hooks = cell.hooks
        timings = cell.timings
        current = self.current
        take = calls.popleft if cell.queue.plain else cell.queue.take
        now = clock()
        while True:
            budget -= 1
            call = take()
            message = call.message
            kind = type(message)
            entry = table.get(kind)
            if call.deadline <= now or call.reply is None:
                self._skip(call, now)
            elif entry is None:
                self._unhandled(call, actor, table, now)
            else:
                method, how = entry
                self.current_since = now
                current.append(call)
                if how is not None:
                    await self._handle(actor, method, how, now)
                else:
                    if cell.blocked or hooks is not None:
                        self._begun(now)
                    try:
                        answer = await method(actor, message)
                    except (Refused, CallerTimedOut) as error:
                        call.refuse(error)
                    else:
                        if call.reply is not nobody:
                            call.answer(answer)
                if hooks is not None:
                    self._ended(now)
                handled = len(current)
                current.clear()
                cell.handled += handled
                timing = timings[kind]
                after = clock()
                timing.count += handled
                timing.seconds += after - now
                now = after
            if not calls or budget == 0 or cell.told is not None:
                cell.idle_since = now
                return budget

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

    async def _handle(self, actor: Actor, method: Callable[[Any, Any], Any], how: Handler, now: float) -> None:
        """Handle the call in its hands in a way that is not the plain one."""
        call = self.current[0]
        if how.batch:
            self._take_more(type(call.message), how.batch, now)
        self._begun(now)
        if how.stream:
            self._stream(call, actor, method)
        elif how.interleave:
            self._beside(call, partial(method, actor, call.message))
        elif how.cancel_with_caller:
            await self._with_caller(call, method(actor, call.message))
        else:
            calls = list(self.current)
            try:
                await method(actor, calls)
            except (Refused, CallerTimedOut) as error:
                for each in self.current:
                    each.refuse(error)
            for each in self.current:
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
            self._beside(call, partial(call.channel.feed, method(actor, call.message)))
        else:
            error = ActorCrashed(f"{type(call.message).__name__} is to be sent with Ref.stream")
            self._cell.bury(call, "unhandled", error)
            call.refuse(error)

    def _beside(self, call: AnyCall, work: Callable[[], Awaitable[Any]]) -> None:
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
        call.ended = self._tasks().start(work, done=done, asker=call).cancel

    def _keep(self, call: AnyCall) -> None:
        call.kept_by = self._open
        self._open[call] = None

    def _take_more(self, kind: type[Message[Any, Any]], batch: int, now: float) -> None:
        queue = self._cell.queue
        while queue.calls and len(self.current) < batch and type(queue.peek().message) is kind:
            call = queue.take()
            if call.deadline <= now or call.settled:
                self._skip(call, now)
            else:
                self.current.append(call)

    def _skip(self, call: AnyCall, now: float) -> None:
        self._cell.bury(call, "expired" if call.deadline <= now else "abandoned")
        self._cell.make_room()
        expire(call)

    def _unhandled(self, call: AnyCall, actor: Actor, table: Table, now: float) -> None:
        cell = self._cell
        kind = type(call.message)
        if isinstance(call.message, Failure):
            self.current.append(call)
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
        if crashed and rule is not None and self.current:
            self._blame(self.current[0].message, rule)
        error = (
            ActorCrashed(f"{self._cell.path} crashed: {exit_.error!r}") if crashed else ActorStopped(self._cell.path)
        )
        error.__cause__ = exit_.error
        for call in self.current:
            self._cell.bury(call, "crashed" if crashed else "killed", exit_.error)
            call.refuse(error)
        self.current.clear()
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
