"""The actor that owns the process in which models are read: it starts it, watches it, and is restarted with it."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import structlog
from anyio.abc import ByteStream, Process, TaskGroup, TaskStatus, UNIXSocketStream

from actors import Actor, Exit, Message, handles
from engine.agents.model_process.line import Line
from engine.agents.model_process.wire import Hello, encoded, first, reports
from engine.traffic import Traffic

START: Final = 30.0
"""Seconds that it may take to start."""
FAREWELL: Final = 2.0
"""Seconds for it to end when it is not needed any more; then it is killed."""
HEARTBEAT: Final = 5.0
"""Seconds between two questions whether it is there."""
UNANSWERED: Final = 3
"""After so many in a row without an answer it is replaced."""
COMMAND: Final = (sys.executable, "-P", "-m", "engine.agents.model_process")

log = structlog.get_logger(__name__)


class ProcessEnded(Exception):
    """The process has ended by itself, or has been killed."""


class ProcessHung(Exception):
    """The process is there and does not answer."""


class Connect(Message["ModelProcess", Line], frozen=True):
    """The line to the process, which runs."""


class LineBroken(Message["ModelProcess", None], frozen=True):
    """A process has gone."""

    line: Line


class Beat(Message["ModelProcess", None], frozen=True):
    """Sent by its own timer."""


class ModelProcess(Actor):
    """One process. Started, it runs; when it ends before its time, so does this instance, and its supervisor starts both anew.

    `tasks` is where what waits for the process runs, `hello` what it is told first, `broken` tells this actor that a line has broken.
    What the process says gives way to `traffic`.
    """

    def __init__(
        self, tasks: TaskGroup, hello: Callable[[], Hello], broken: Callable[[Line], None], traffic: Traffic
    ) -> None:
        self._tasks = tasks
        self._hello = hello
        self._broken = broken
        self._traffic = traffic
        self._line: Line | None = None

    async def started(self) -> None:
        """Start the process, and wait until it listens."""
        self._line = await self._tasks.start(_run, self._hello(), self._broken, self._traffic)
        self.every(HEARTBEAT, Beat())

    async def stopping(self, why: Exit) -> None:
        """Let it end."""
        if self._line is not None:
            self._line.close()

    @handles(Connect)
    async def connect(self, message: Connect) -> Line:
        """Give its line to whoever wants something of it."""
        assert self._line is not None
        return self._line

    @handles(LineBroken)
    async def broke(self, message: LineBroken) -> None:
        """Start anew."""
        if message.line is self._line:
            raise ProcessEnded

    @handles(Beat)
    async def beat(self, message: Beat) -> None:
        """Look whether it is there."""
        assert self._line is not None
        if self._line.ping() >= UNANSWERED:
            raise ProcessHung


async def _run(
    hello: Hello, broken: Callable[[Line], None], traffic: Traffic, *, task_status: TaskStatus[Line]
) -> None:
    """One process from its start to its end. It ends with this task."""
    ours, theirs = socket.socketpair()
    async with await UNIXSocketStream.from_socket(ours) as stream:
        with theirs:
            process = await _start(theirs)
        try:
            await _greet(stream, hello)
            line = Line(stream, traffic)
            log.info("model_process.started", pid=process.pid)
            task_status.started(line)
            await line.carry()
            broken(line)
        finally:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
                await _end(process)


async def _greet(stream: ByteStream, hello: Hello) -> None:
    """Say hello, and wait until the process is ready."""
    try:
        await stream.send(encoded(hello))
        await first(stream, reports())
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        raise ProcessEnded from None


async def _start(theirs: socket.socket) -> Process:
    return await anyio.open_process(
        COMMAND, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=None, env=_environment()
    )


def _environment() -> dict[str, str]:
    """It finds the modules that this process finds, and is told nothing of the server's own settings.

    Nor of LangSmith's gateway, through which LangChain would send what people write to the providers.
    """
    withheld = ("GATHERING_", "LANGSMITH_GATEWAY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(withheld)}
    return environment | {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}


async def _end(process: Process) -> None:
    with anyio.move_on_after(FAREWELL):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    log.info("model_process.ended", pid=process.pid, code=process.returncode)
