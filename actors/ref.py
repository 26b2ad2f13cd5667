"""References: how one talks to an actor without holding it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from actors.bonds import ended
from actors.call import NEVER, Answer, Call, nobody
from actors.cell import Asker, Cell, running
from actors.dead_letters import DeadLetter
from actors.errors import AskCycle, AskTimeout, CallerTimedOut, Unavailable
from actors.mailbox import Block
from actors.message import Message
from actors.streams import Stream, StreamCall, StreamMessage

if TYPE_CHECKING:
    from actors.runtime import Runtime

A_co = TypeVar("A_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")


class Requestable(Protocol[A_co]):
    """What an actor can request from: a reference, a pool, a pool as one key sees it."""

    def request(
        self, message: Message[A_co, R], callback: Callable[[Answer[R]], None], /, *, timeout: float = 5.0
    ) -> None:
        """See `Ref.request`."""
        ...


class Ref(Generic[A_co]):
    """An actor's address. Stays good across restarts; for a virtual actor also across passivation.

    Order: messages from one sender to one actor are handled in the order of sending. Delivery is at most once.
    """

    __slots__ = ("_find", "path", "peek", "runtime")

    def __init__(
        self,
        runtime: Runtime,
        path: str,
        find: Callable[[], Cell[Any]],
        peek: Callable[[], Cell[Any] | None] | None = None,
    ) -> None:
        self.runtime = runtime
        self.path = path
        self._find = find
        self.peek: Callable[[], Cell[Any] | None] = peek or find
        """The actor as it is, without activating it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.path == self.path and other.runtime is self.runtime

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"Ref({self.path})"

    @property
    def key(self) -> str:
        """The last part of the path: a virtual actor's key."""
        return self.path.rpartition("/")[2]

    async def terminated(self) -> None:
        """Wait until the actor is gone, as `Actor.watch` means it; returns at once if it is. For the edge: an actor watches."""
        await ended(self)

    def tell(self, message: Message[A_co, Any], /) -> None:
        """Send and forget.

        Raises `MailboxFull`, `ActorStopped` or `Unavailable` when the message is refused at once; what happens to it later is
        known only to the dead letters.
        """
        try:
            cell = self._find()
        except Unavailable as error:
            self._bury(message, error)
            raise
        cell.put(Call(message, nobody, NEVER, self.runtime.clock()))

    async def ask(self, message: Message[A_co, R], /, *, timeout: float = 5.0) -> R:
        """Send and wait for the answer, at most `timeout` seconds.

        Raises what the handler refuses with (`Refused`), or an `AskFailed`: `AskTimeout`, `ActorCrashed`, `ActorStopped`,
        `MailboxFull`, `Unavailable`, and `AskCycle` at once when this actor waits, through others, for the one who asks.
        Cancelling the caller leaves the actor untouched: a message that has not been begun is skipped. An actor that asks while it
        handles a message waits no longer than its own caller does, and then gets `CallerTimedOut`.
        """
        runtime = self.runtime
        slot = runtime.backend.slot()
        now = runtime.clock()
        due = now + timeout
        call: Call[Any, R] = Call(message, slot.settle, due, now)
        asker = running.get()
        if asker is not None:
            cell = self._locate_for(asker, call)
        else:
            cell = self._locate(message)
            if cell.queue.full and type(cell.queue.overflow) is Block:
                cell = await self._room(call)
        cell.put(call)
        runtime.deadlines.add(call)
        try:
            answer: Answer[R] = await slot.wait()
        except BaseException:
            call.abandon()
            raise
        if answer.error is None:
            return answer.value
        del slot  # it holds the answer; an error would hold this frame, and so itself
        if call.deadline < due and type(answer.error) is AskTimeout:
            raise _caller_timed_out(message)
        try:
            return answer.result()
        finally:
            del answer

    def stream(
        self,
        message: StreamMessage[A_co, T],
        /,
        *,
        credit: int = 16,
        timeout: float = NEVER,
        first: float = 30.0,
        idle: float = 30.0,
    ) -> Stream[T]:
        """Send and iterate over the values of the answer, in their order.

        At most `credit` values wait for the caller; then the actor's generator waits for it. In seconds: `timeout` for the whole
        stream, `first` to the first value, `idle` between two, on either side: a caller who takes none for so long ends
        the stream, too. Nothing is sent before the iteration begins; it raises like `ask`, after the values that came before.
        """
        return Stream(self._begin, self.runtime, message, credit=credit, timeout=timeout, first=first, idle=idle)

    async def _begin(self, call: StreamCall) -> None:
        asker = running.get()
        if asker is not None:
            cell = self._locate_for(asker, call)
        else:
            cell = self._locate(call.message)
            if cell.queue.full and type(cell.queue.overflow) is Block:
                cell = await self._room(call)
        cell.put(call)
        self.runtime.deadlines.add(call)

    def _locate_for(self, asker: Asker, call: Call[Any, Any]) -> Cell[Any]:
        """Find the actor for someone who asks while others wait for him: for no longer than they do, and not one of them."""
        cell = self._locate(call.message)
        call.chain = asker.chain
        if cell in call.chain:
            raise AskCycle(" -> ".join(each.path for each in (*call.chain, cell)))
        if asker.deadline < call.deadline:
            call.deadline = asker.deadline
            if call.deadline <= self.runtime.clock():
                raise _caller_timed_out(call.message)
        return cell

    def request(
        self, message: Message[A_co, R], callback: Callable[[Answer[R]], None], /, *, timeout: float = 5.0
    ) -> None:
        """Send; `callback` gets the answer, exactly once, within `timeout` seconds.

        No task and no waiting: for doors that serve thousands of connections. The callback runs inside the actor's turn, or
        the deadline sweeper's: it must neither block nor raise. Raises like `tell`; the callback is then not called.
        """
        now = self.runtime.clock()
        call: Call[Any, R] = Call(message, callback, now + timeout, now)
        self._locate(message).put(call)
        self.runtime.deadlines.add(call)

    def _locate(self, message: Message[Any, Any]) -> Cell[Any]:
        try:
            return self._find()
        except Unavailable as error:
            self._bury(message, error)
            raise

    def _bury(self, message: Message[Any, Any], error: Unavailable) -> None:
        self.runtime.dead_letters.add(DeadLetter(self.path, message, "unavailable", error))

    async def _room(self, call: Call[Any, Any]) -> Cell[Any]:
        """Wait until the mailbox has room; whose it is may change meanwhile."""
        while (cell := self._locate(call.message)).queue.full and not cell.closed:
            if self.runtime.clock() >= call.deadline:
                cell.bury(call, "expired")
                msg = f"no room in the mailbox of {self.path} before the deadline"
                raise AskTimeout(msg)
            try:
                await cell.room(call.deadline)
            except BaseException:
                cell.bury(call, "abandoned")
                raise
        return cell


def _caller_timed_out(message: Message[Any, Any]) -> CallerTimedOut:
    return CallerTimedOut(f"no answer to {type(message).__name__} before the deadline of the call that it was for")
