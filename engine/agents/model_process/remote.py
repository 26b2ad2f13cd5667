"""Models that are read in the process: to whoever asks them, models like any other."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from anyio.abc import ByteStream

from actors import Activation, ActorSystem, AskFailed, CallerTimedOut, Limits, Ref, Unavailable
from engine.agents.model_process.line import Line
from engine.agents.model_process.wire import Access, Hello
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.models import Opener
from engine.agents.models.prompt import ChatModel, Piece, Prompt
from engine.beside import beside
from engine.processes import owner
from engine.processes.owner import START, LineBroken, OwnedProcess, Program, Run
from engine.settings import LogFormat, LogLevel
from engine.traffic import Traffic

ONE: Final = "1"
"""The key of the process that there is. Several, on more cores, would be further keys of their family."""
WITHHELD: Final = ("LANGSMITH_GATEWAY",)
"""LangSmith's gateway, through which LangChain would send what people write to the providers."""


class Distance:
    """The process with the models, and the line to it as long as it runs."""

    def __init__(self, process: Ref[OwnedProcess], traffic: Traffic) -> None:
        self._process = process
        self._traffic = traffic
        self._line: Line | None = None

    def open_line(self, stream: ByteStream) -> Line:
        """The process listens."""
        self._line = Line(stream, self._traffic)
        return self._line

    def broken(self, line: owner.Line) -> None:
        """The process has gone."""
        with suppress(AskFailed):  # the system is stopping
            self._process.tell(LineBroken(line))

    async def connect(self) -> Line:
        """The line to the process, which is started if it does not run. Raises `ModelFailed`."""
        try:
            await self._process.ask(Run(), timeout=START)
        except CallerTimedOut:
            raise
        except AskFailed as error:
            rest = error.retry_after if isinstance(error, Unavailable) else None
            raise ModelFailed(
                FailureCode.INTERRUPTED, f"the process that reads the models is away: {error}", rest
            ) from None
        assert self._line is not None  # it runs
        return self._line


class RemoteModel:
    """One model over there."""

    def __init__(self, name: str, distance: Distance) -> None:
        self._name = name
        self._distance = distance

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """See `ChatModel.stream`. When the process ends, so does the answer, as interrupted."""
        line = await self._distance.connect()
        async with aclosing(line.ask(self._name, prompt).pieces()) as pieces:
            async for piece in pieces:
                yield piece


@asynccontextmanager
async def open_process(
    system: ActorSystem, access: Access, traffic: Traffic, *, log_level: LogLevel, log_format: LogFormat
) -> AsyncIterator[Opener]:
    """Makes models by name, read in a process that the first of them starts. It ends with the block, or before, with the system.

    What they say gives way to `traffic`.
    """
    names: dict[str, None] = {}

    def hello() -> Hello:
        return Hello(access=access, log_level=log_level, log_format=log_format, models=tuple(names))

    async def open_model(name: str) -> ChatModel:
        line = await distance.connect()
        async with aclosing(line.ask(name, None).pieces()) as pieces:
            async for _ in pieces:
                pass
        names[name] = None
        return RemoteModel(name, distance)

    async with beside() as tasks:
        processes = await system.virtual(
            lambda _: OwnedProcess(tasks, program, distance.broken),
            "processes",
            activation=Activation(limits=Limits(start=START)),
        )
        distance = Distance(processes.ref(ONE), traffic)
        program = Program(
            module="engine.agents.model_process", hello=hello, open_line=distance.open_line, withheld=WITHHELD
        )
        yield open_model
