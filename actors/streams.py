"""Streaming answers: an async generator on the actor's side, `async for` on the caller's, and demand in between.

class Generate(StreamMessage["Writer", str], frozen=True):
    prompt: str

class Writer(Actor):
    @handles(Generate, stream=True)
    async def generate(self, message: Generate) -> AsyncIterator[str]:
        async for token in self.model.complete(message.prompt):
            yield token

async for token in writer.stream(Generate("hello"), credit=16):
    ...
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import anyio

from actors.call import Answer, Call
from actors.errors import AskTimeout, CallerTimedOut
from actors.message import Message

if TYPE_CHECKING:
    from actors.runtime import Runtime

A_contra = TypeVar("A_contra", contravariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class OnlyStreamed:
    """Nobody: what a stream message would have to be sent to by `tell` or `ask`, so that a type checker refuses it."""


class StreamMessage(Message[OnlyStreamed, Any], Generic[A_contra, T_co], frozen=True):
    """The base of messages that are answered with many values: `class Generate(StreamMessage["Writer", str], frozen=True)`.

    The first parameter is the actor class that may receive it, the second the type of each value. Sent with `Ref.stream` only.
    """

    def _stream_protocol_(self, actor: A_contra, /) -> T_co:
        # Never called, as in Message: it pins the variance.
        raise NotImplementedError


class Channel(Generic[T]):
    """What stands between the two ends of one stream: the values that wait, and how many more are wanted.

    The producer spends one credit for each value and waits when it has none; the consumer gives credit back by the half, so
    that the two do not wake each other for each value.
    """

    __slots__ = (
        "_consumer",
        "_credit",
        "_demand",
        "_idle",
        "_items",
        "_message",
        "_producer",
        "_runtime",
        "_taken",
        "ending",
    )

    def __init__(self, runtime: Runtime, message: StreamMessage[Any, T], *, credit: int, idle: float) -> None:
        self._runtime = runtime
        self._message = message
        self._idle = idle
        self._credit = credit
        self._demand = credit
        self._taken = 0
        self._items: deque[T] = deque()
        self._consumer: Call[Any, None] | None = None
        self._producer: Call[Any, None] | None = None
        self.ending: Answer[Any] | None = None
        """How the stream ended; values that wait come before it."""

    def end(self, answer: Answer[Any]) -> None:
        """No more values: the call that asked for them has its answer."""
        if isinstance(answer.error, CallerTimedOut):  # so the actor calls it; the caller is the one who was late
            answer = Answer.failed(AskTimeout(str(answer.error)))
        self.ending = answer
        if self._consumer is not None:
            self._consumer.answer(None)

    async def take(self, wait: float) -> T:
        """The next value, after at most `wait` seconds. Raises what the stream ended with, `StopAsyncIteration` if well."""
        while not self._items:
            if self.ending is not None:
                self.ending.result()
                raise StopAsyncIteration
            self._consumer = Call(self._message, deadline=self._runtime.clock() + wait)
            try:
                await self._park(self._consumer, "no value")
            finally:
                self._consumer = None
        item = self._items.popleft()
        self._taken += 1
        if self._taken * 2 >= self._credit:
            self._demand += self._taken
            self._taken = 0
            if self._producer is not None:
                self._producer.answer(None)
        return item

    async def feed(self, values: AsyncGenerator[T, None]) -> None:
        """Drive a generator to its end, as fast as values are wanted.

        A cancellation that comes while the generator stands at a `yield` is raised there: it belongs to a cancel scope that the
        generator has open, or ends it.
        """
        step: Callable[[], Awaitable[T]] = values.__anext__
        try:
            while True:
                try:
                    item = await step()
                except StopAsyncIteration:
                    return
                step = values.__anext__
                self._push(item)
                try:
                    while self._demand <= 0:
                        self._producer = Call(self._message, deadline=self._runtime.clock() + self._idle)
                        try:
                            await self._park(self._producer, "nobody took a value")
                        except AskTimeout as late:
                            raise CallerTimedOut(str(late)) from None
                        finally:
                            self._producer = None
                except anyio.get_cancelled_exc_class() as cancelled:
                    step = partial(values.athrow, cancelled)
        finally:
            await values.aclose()

    def _push(self, item: T) -> None:
        self._items.append(item)
        self._demand -= 1
        if self._consumer is not None:
            self._consumer.answer(None)

    async def _park(self, call: Call[Any, None], what: str) -> None:
        """Wait until a call of one's own is answered, like any other with a deadline."""
        slot = self._runtime.backend.slot()
        call.reply = slot.settle
        self._runtime.deadlines.add(call)
        try:
            answer = await slot.wait()
        finally:
            call.abandon()
        if answer.error is not None:
            msg = f"{what} of {type(self._message).__name__} in time"
            raise AskTimeout(msg)


class StreamCall(Call[Any, None], eq=False, kw_only=True):
    """A call that is open for as long as its stream."""

    channel: Channel[Any]
    over: Callable[[], None] | None = None
    """Called when nothing of the generator runs any more, however it has ended."""


class Stream(Generic[T]):
    """The caller's end of a stream: an async iterator, made by `Ref.stream`. For one task at a time, and for one iteration.

    Leaving it ends the actor's generator, which sees a cancellation. `async for` over `ref.stream(...)` itself leaves it with the
    loop; a stream that is kept in a variable is to be closed: by `async with`, or `close()`.
    """

    def __init__(
        self,
        begin: Callable[[StreamCall], Awaitable[None]],
        runtime: Runtime,
        message: StreamMessage[Any, T],
        *,
        credit: int,
        timeout: float,
        first: float,
        idle: float,
    ) -> None:
        if credit < 1:
            msg = f"a stream has at least 1 credit, not {credit}"
            raise ValueError(msg)
        self._begin = begin
        self._runtime = runtime
        self._timeout = timeout
        self._wait = first
        self._idle = idle
        self._channel: Channel[T] = Channel(runtime, message, credit=credit, idle=idle)
        self._call = StreamCall(message, self._channel.end, channel=self._channel)
        self._begun = False
        self._inherits = False
        self._closed = False
        self._thread = threading.get_ident()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._closed:
            raise StopAsyncIteration
        try:
            if not self._begun:
                self._begun = True
                self._call.since = self._runtime.clock()
                due = self._call.deadline = self._call.since + self._timeout
                await self._begin(self._call)
                self._inherits = self._call.deadline < due
            item = await self._channel.take(self._wait)
        except AskTimeout as late:
            self.close()
            if self._inherits and self._call.deadline <= self._runtime.clock():
                raise CallerTimedOut(str(late)) from None
            raise
        except BaseException:
            self.close()
            raise
        self._wait = self._idle
        return item

    def wait_at_most(self, seconds: float) -> None:
        """Wait for each value that comes from now on no longer than this, whatever `first` and `idle` were."""
        self._wait = self._idle = seconds

    def close(self) -> None:
        """Leave: the generator is cancelled, values that wait are dropped. Does not wait for its end."""
        self._closed = True
        self._call.abandon()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # The garbage collector may run in any thread; there, the idle limit ends the stream.
        if getattr(self, "_begun", False) and threading.get_ident() == self._thread:
            self.close()
