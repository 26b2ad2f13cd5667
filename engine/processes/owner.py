"""The actor that owns a process: it starts it, watches it, and is restarted with it."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias

import anyio
import msgspec
import structlog
from anyio.abc import ByteStream, Process, TaskGroup, TaskStatus

from actors import Actor, Exit, Message, handles
from engine.processes.framing import Messages, encoded, first
from engine.processes.sockets import stream_over
from engine.processes.spare_cores import SpareCores

START: Final = 30.0
"""Seconds that one may take to start."""
FAREWELL: Final = 2.0
"""Seconds for it to end when it is not needed any more; then it is killed."""
HEARTBEAT: Final = 5.0
"""Seconds between two questions whether it is there, and two looks at how it fares."""
UNANSWERED: Final = 3
"""After so many in a row without an answer it is replaced."""

log = structlog.get_logger(__name__)


class ProcessEnded(Exception):
    """The process has ended by itself, or has been killed."""


class ProcessHung(Exception):
    """The process is there and does not answer."""


class ProcessStarved(Exception):
    """The process finds no core on which to do its work."""


class Line(Protocol):
    """This end of the connection to a process."""

    async def carry(self) -> None:
        """Carry what is said in both directions, until the process has gone or `close`."""
        ...

    def close(self) -> None:
        """Say and hear nothing any more."""
        ...

    def ping(self) -> int:
        """Ask whether the process is there: how often that was asked before without an answer."""
        ...


OpenLine: TypeAlias = Callable[[ByteStream], Line]


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What runs in a process.

    `module` is run as `python -m`. It hears `hello` first and says one thing, whatever it is, when it is ready; then `open_line` makes
    the line. Environment variables that begin with one of `withheld` are kept from it. With `spare` it takes no core from anybody, see
    `SpareCores`.
    """

    module: str
    hello: Callable[[], msgspec.Struct]
    open_line: OpenLine
    withheld: Collection[str] = ()
    spare: bool = False


class Started(NamedTuple):
    """A process that listens at the other end of its line."""

    line: Line
    pid: int


class Run(Message["OwnedProcess", None], frozen=True):
    """Have it run; the answer comes when it does."""


class LineBroken(Message["OwnedProcess", None], frozen=True):
    """A process has gone."""

    line: Line


class Beat(Message["OwnedProcess", None], frozen=True):
    """Sent by its own timer."""


class OwnedProcess(Actor):
    """One process. Started, it runs; when it ends before its time, so does this instance, and its supervisor starts both anew.

    `tasks` is where what waits for the process runs; `broken` tells this actor that a line has broken.
    """

    def __init__(self, tasks: TaskGroup, program: Program, broken: Callable[[Line], None]) -> None:
        self._tasks = tasks
        self._program = program
        self._broken = broken
        self._line: Line | None = None
        self._spare_cores: SpareCores | None = None

    async def started(self) -> None:
        """Start the process, and wait until it listens."""
        self._line, pid = await self._tasks.start(_run, self._program, self._broken)
        if self._program.spare:
            self._spare_cores = SpareCores(pid)
        self.every(HEARTBEAT, Beat())

    async def stopping(self, why: Exit) -> None:
        """Let it end."""
        if self._line is not None:
            self._line.close()

    @handles(Run)
    async def run(self, message: Run) -> None:
        """It runs: else this would not be handled."""

    @handles(LineBroken)
    async def broke(self, message: LineBroken) -> None:
        """Start anew."""
        if message.line is self._line:
            raise ProcessEnded

    @handles(Beat)
    async def beat(self, message: Beat) -> None:
        """Look whether it is there, and gets to its work."""
        assert self._line is not None
        if self._spare_cores is not None and self._spare_cores.starves():
            raise ProcessStarved
        if self._line.ping() >= UNANSWERED:
            raise ProcessHung


async def _run(program: Program, broken: Callable[[Line], None], *, task_status: TaskStatus[Started]) -> None:
    """One process from its start to its end. It ends with this task."""
    ours, theirs = socket.socketpair()
    async with await stream_over(ours) as stream:
        with theirs:
            process = await _start(program, theirs)
        try:
            await _greet(stream, program.hello())
            line = program.open_line(stream)
            log.info("process.started", module=program.module, pid=process.pid)
            task_status.started(Started(line, process.pid))
            await line.carry()
            broken(line)
        finally:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
                await _end(process)
            log.info("process.ended", module=program.module, pid=process.pid, code=process.returncode)


async def _greet(stream: ByteStream, hello: msgspec.Struct) -> None:
    """Say hello, and wait until the process is ready."""
    try:
        await stream.send(encoded(hello))
        await first(stream, Messages(msgspec.msgpack.Decoder()))  # it says nothing more until it is asked
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        raise ProcessEnded from None


async def _start(program: Program, theirs: socket.socket) -> Process:
    command = (sys.executable, "-P", "-m", program.module)
    environment = environment_without(program.withheld)
    return await anyio.open_process(
        command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=None, env=environment
    )


def environment_without(withheld: Collection[str]) -> dict[str, str]:
    """A process finds the modules that this one finds, and is told nothing of the server's own settings, nor of what is `withheld`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GATHERING_", *withheld))}
    return environment | {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}


async def _end(process: Process) -> None:
    with anyio.move_on_after(FAREWELL):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
