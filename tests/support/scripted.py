"""An actor that does what it is told, and writes down what happens to it."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import anyio

from actors import Actor, Answer, Call, Exit, Message, Poison, Ref, Refused, handles


class No(Refused):
    """A refusal that the actor declares."""


class Say(Message["Scripted", str], frozen=True):
    """Answered with the same text."""

    text: str


class Fail(Message["Scripted", None], frozen=True):
    """Raises."""

    error: BaseException


class Do(Message["Scripted", Any], frozen=True):
    """Runs anything, inside the actor."""

    step: Callable[["Scripted"], Awaitable[Any]]


class Hold(Message["Scripted", None], frozen=True):
    """Keeps the actor busy until the gate opens."""

    gate: anyio.Event


class Relay(Message["Scripted", Any], frozen=True):
    """Asks another."""

    to: Ref[Any]
    message: Message[Any, Any]


class Quit(Message["Scripted", None], frozen=True):
    """Ends the actor."""


class Fetch(Message["Scripted", None], frozen=True):
    """Requests from another; the answer comes back as `Fetched`."""

    of: Ref[Any]
    message: Message[Any, Any]
    timeout: float = 5.0


class Fetched(Message["Scripted", None], frozen=True):
    """The answer to a request."""

    answer: Any


class Put(Message["Scripted", int], frozen=True):
    """Handled in batches."""

    number: int


class Scripted(Actor):
    """Writes into a log that outlives it: `started`, texts, `stopping <kind>`. May crash on one type of message for ever."""

    poison: ClassVar[Poison | None] = None

    def __init__(
        self,
        log: list[str] | None = None,
        *,
        starting: Callable[["Scripted"], Awaitable[None]] | None = None,
        ending: Callable[["Scripted"], Awaitable[None]] | None = None,
        batched: Callable[["Scripted", list[Call[Put, int]]], Awaitable[None]] | None = None,
    ) -> None:
        self.log = [] if log is None else log
        self.starting = starting
        self.ending = ending
        self.batched = batched
        self.passivates = True
        self.said = 0

    async def started(self) -> None:
        if self.starting is not None:
            await self.starting(self)
        self.log.append("started")

    async def stopping(self, why: Exit) -> None:
        self.log.append(f"stopping {why.kind}")
        if self.ending is not None:
            await self.ending(self)

    def may_passivate(self) -> bool:
        return self.passivates

    @handles(Say)
    async def say(self, message: Say) -> str:
        self.said += 1
        self.log.append(message.text)
        return message.text

    @handles(Fail)
    async def fail(self, message: Fail) -> None:
        raise message.error

    @handles(Do)
    async def do(self, message: Do) -> Any:
        return await message.step(self)

    @handles(Hold)
    async def hold(self, message: Hold) -> None:
        await message.gate.wait()

    @handles(Relay)
    async def relay(self, message: Relay) -> Any:
        return await message.to.ask(message.message)

    @handles(Quit)
    async def quit(self, message: Quit) -> None:
        del message
        self.stop()

    @handles(Fetch)
    async def fetch(self, message: Fetch) -> None:
        def fetched(answer: Answer[Any]) -> Fetched:
            return Fetched(answer)

        self.request(message.of, message.message, fetched, timeout=message.timeout)

    @handles(Fetched)
    async def fetched(self, message: Fetched) -> None:
        answer = message.answer
        self.log.append(f"fetched {answer.error!r}" if answer.error else f"fetched {answer.result()}")

    @handles(Put, batch=4)
    async def put(self, calls: list[Call[Put, int]]) -> None:
        self.log.append("+".join(str(call.message.number) for call in calls))
        if self.batched is not None:
            await self.batched(self, calls)
            return
        for call in calls:
            call.answer(call.message.number)
