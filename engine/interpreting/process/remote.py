"""Booths in a process of their own: to the rest of the engine, booths like any other."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import ByteStream, TaskGroup

from actors import Activation, ActorSystem, AskFailed, Limits
from engine.domain.fields import MessageId
from engine.domain.messages import Translation
from engine.errors import Overloaded
from engine.interpreting.commands import Consider, Demand, Review
from engine.interpreting.process.serving import Serving
from engine.interpreting.process.wire import AskBooth, Hello, LookThrough, ReadStatus, ToBooth, ToServer, error_of
from engine.interpreting.status import TranslationReport
from engine.processes.link import Failed, Link, LinkEnded, Side
from engine.processes.owner import START, Line, LineBroken, OwnedProcess, Program, Run

PROCESS: Final = "interpreters"
"""The family of the actor that owns the process; there is one."""
FIRST_START: Final = 5.0
"""Seconds for which the start of a server waits for the process; it goes on without it then."""
STATUS: Final = 5.0
"""Seconds within which the process says how it is doing."""


class RemoteBooths:
    """See `Booths`. While the process is away nothing is translated; a new one looks through every timeline that is in memory.

    `channels` are those timelines. `run` has the process run, and waits for it no longer than so many seconds; `end` ends it.
    """

    def __init__(
        self,
        serving: Serving,
        channels: Callable[[], Iterable[str]],
        run: Callable[[float], Awaitable[None]],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self._channels = channels
        self._side = Side(questions=ToServer, notes=None, answer=serving.answer, hear=_hear_nothing, take=serving.take)
        self._run = run
        self._end = end
        self._link: Link | None = None

    @classmethod
    async def start(
        cls,
        system: ActorSystem,
        serving: Serving,
        channels: Callable[[], Iterable[str]],
        hello: Hello,
        tasks: TaskGroup,
    ) -> "RemoteBooths":
        """Have an actor of this system own the process; `ready` starts it. `tasks` is where what waits for it runs."""

        async def run(seconds: float) -> None:
            with suppress(AskFailed):
                await process.ask(Run(), timeout=seconds)

        async def end() -> None:
            await system.stop_child(PROCESS)

        def broken(line: Line) -> None:
            with suppress(AskFailed):  # the system is stopping
                process.tell(LineBroken(line))

        booths = cls(serving, channels, run, end)
        program = Program(
            module="engine.interpreting.process", hello=lambda: hello, open_line=booths.open_line, spare=True
        )
        family = await system.virtual(
            lambda _: OwnedProcess(tasks, program, broken), PROCESS, activation=Activation(limits=Limits(start=START))
        )
        process = family.ref("1")
        return booths

    def open_line(self, stream: ByteStream) -> Link:
        """The process listens."""
        self._link = Link(stream, self._side)
        self._link.note(lambda: LookThrough(tuple(self._channels())))
        return self._link

    async def ready(self) -> None:
        """See `Booths`."""
        await self._run(FIRST_START)

    def consider(self, channel: str, commit: Callable[[], Consider]) -> None:
        """See `Booths`."""
        self._note(lambda: ToBooth(channel, commit()))

    def review(self, channel: str) -> None:
        """See `Booths`."""
        self._note(lambda: ToBooth(channel, Review()))

    def _note(self, make: Callable[[], ToBooth]) -> None:
        if self._link is not None:
            with suppress(LinkEnded):
                self._link.note(make)

    async def demand(self, channel: str, demand: Demand) -> Mapping[MessageId, Translation]:
        """See `Booths`."""
        if self._link is None:
            return {}
        try:
            return await self._link.ask(AskBooth(channel, demand))
        except (Failed, LinkEnded):
            return {}

    async def remind(self) -> None:
        """The process reminds its booths itself. Here it is started again in case its supervisor has given up for a while."""
        if self._link is None or self._link.closed:
            await self._run(START)

    async def status(self) -> TranslationReport:
        """See `Booths`."""
        await self._run(STATUS)
        try:
            with anyio.fail_after(STATUS):
                if self._link is not None:
                    return await self._link.ask(ReadStatus())
        except Failed as error:
            raise error_of(error.failure) from None
        except (LinkEnded, TimeoutError):
            pass
        raise Overloaded("the process that translates is away")

    async def close(self) -> None:
        """See `Booths`: it ends the process."""
        await self._end()


def _hear_nothing(note: object) -> None:
    del note
