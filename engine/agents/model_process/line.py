"""The server's end of the connection to the process that reads its models."""

from collections import deque
from collections.abc import AsyncGenerator
from itertools import count
from typing import Final

import anyio
import msgspec
import structlog
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from engine.agents.model_process.wire import (
    WINDOW,
    Ask,
    Ended,
    Failed,
    Leave,
    More,
    Order,
    Ping,
    Report,
    Said,
    reports,
)
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.prompt import SIGN_OF_LIFE, Piece, Prompt
from engine.processes.sending import Sending
from engine.traffic import Courtesy, Traffic

log = structlog.get_logger(__name__)

LETTING_GO: Final = 2.0
"""Seconds for the process to let go of an answer that is left: longer than its worker has, which is counted as stuck then."""
MOST_UNSENT: Final = 64_000_000
"""Bytes: a process that leaves so much unread is asked nothing more."""
SLICE: Final = 4
"""Reports that are taken at a time: each may become a frame for everybody who reads its answer."""
STEPS: Final = 6
"""Turns of the event loop in which all follows from a slice: it goes through the tasks of its answer, its worker, whoever speaks and
the timeline. If the next one came sooner, several would be under way, and a post that comes would wait for all of them."""
PATIENCE: Final = 0.02
"""Seconds for which what comes may wait for those who post: half as long as a timeline waits between two pieces of an answer."""


class Answer:
    """One answer, or the opening of a model, as far as it has come."""

    def __init__(self, answer_id: int, line: "Line") -> None:
        self.begun = False
        """Whether words have come."""
        self._id = answer_id
        self._line = line
        self._waiting: deque[Said] = deque()
        self._taken = 0
        self._something = anyio.Event()
        self._over: Ended | Failed | None = None

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """What the model says. Raises `ModelFailed`. Left, it is ended over there, which is waited for a moment."""
        try:
            while True:
                while self._waiting:
                    said = self._waiting.popleft()
                    self._take()
                    for piece in said.pieces:
                        yield piece
                if self._over is not None:
                    break
                await self._listen()
        finally:
            if self._over is None:
                self._line.send(Leave(self._id))
                with anyio.move_on_after(LETTING_GO, shield=True):
                    await self._end()
        if isinstance(self._over, Failed):
            raise ModelFailed(self._over.code, self._over.detail, self._over.retry_after)

    def hear(self, report: Said | Ended | Failed) -> None:
        """Something has come."""
        if isinstance(report, Said):
            self.begun = self.begun or any(piece != SIGN_OF_LIFE for piece in report.pieces)
            self._waiting.append(report)
        else:
            self._over = report
        self._something.set()

    def _take(self) -> None:
        self._taken += 1
        if self._taken == WINDOW // 2:
            self._line.send(More(self._id, self._taken))
            self._taken = 0

    async def _end(self) -> None:
        while self._over is None:
            await self._listen()

    async def _listen(self) -> None:
        """Wait for what comes next."""
        self._something = anyio.Event()
        await self._something.wait()


class Line:
    """What is asked of the process, and where its answers go. `carry` is what makes it work.

    What comes is taken a little at a time, and gives way to `traffic`: with it all that follows from it does, up to the frames
    that are written to the readers of a hundred answers. It waits here meanwhile, in its order; the windows of the answers bound it.
    The first words of an answer, for which somebody waits, wait for nobody.
    """

    def __init__(self, stream: ByteStream, traffic: Traffic) -> None:
        self._stream = stream
        self._courtesy = Courtesy(traffic, PATIENCE)
        self._ids = count(1)
        self._answers: dict[int, Answer] = {}
        self._sending = Sending(stream)
        self._closed = anyio.Event()
        self._heard: deque[Said | Ended | Failed] = deque()
        self._something = anyio.Event()
        self._ended = False
        self._pings = 0

    def ask(self, model: str, prompt: Prompt | None) -> Answer:
        """Have a model answer; without a prompt only open it. Raises `ModelFailed` when the process takes nothing any more."""
        if self._closed.is_set() or self._sending.unsent > MOST_UNSENT:
            raise ModelFailed(FailureCode.INTERRUPTED, "the process that reads the models does not listen")
        answer_id = next(self._ids)
        answer = self._answers[answer_id] = Answer(answer_id, self)
        self.send(Ask(answer_id, model, prompt))
        return answer

    def send(self, order: Order) -> None:
        """Say something, without waiting."""
        if not self._closed.is_set():
            self._sending.put(order)

    def ping(self) -> int:
        """Ask whether the process is there: how often that was asked before without an answer."""
        self.send(Ping())
        self._pings += 1
        return self._pings - 1

    async def carry(self) -> None:
        """Carry what is said in both directions until the process has gone, or `close`. Then every answer under way has failed."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write)
                tasks.start_soon(self._hear_close, tasks.cancel_scope)
                async with anyio.create_task_group() as reading:
                    reading.start_soon(self._read)
                    await self._pass_on()
                tasks.cancel_scope.cancel()
        finally:
            self.close()

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._closed.set()
        self._sending.forget()
        answers, self._answers = self._answers, {}
        for answer_id, answer in answers.items():
            gone = "the process that reads the models has ended"
            answer.hear(Failed(answer_id, FailureCode.INTERRUPTED, gone, None))

    async def _hear_close(self, scope: anyio.CancelScope) -> None:
        await self._closed.wait()
        scope.cancel()

    async def _write(self) -> None:
        await self._sending.write()
        self.close()

    async def _read(self) -> None:
        """Take what comes: what may not wait at once, the rest to be passed on."""
        messages = reports()
        try:
            while True:
                for report in messages.feed(await self._stream.receive()):
                    self._hear(report)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
        except msgspec.DecodeError as error:
            log.error("model_process.not_understood", error=str(error))  # noqa: TRY400 - what it was is no matter
        self._ended = True
        self._something.set()

    def _hear(self, report: Report) -> None:
        if not isinstance(report, Said | Ended | Failed):
            self._pings = 0
        elif (answer := self._answers.get(report.id)) is not None:
            if answer.begun:
                self._heard.append(report)
                self._something.set()
            else:
                self._give(report)

    async def _pass_on(self) -> None:
        """Give what waits to its answers, until nothing more comes."""
        while self._heard or not self._ended:
            if not self._heard:
                self._something = anyio.Event()
                await self._something.wait()
                continue
            await self._courtesy.after_you()
            for _ in range(min(SLICE, len(self._heard))):
                self._give(self._heard.popleft())
            for _ in range(STEPS):
                await checkpoint()

    def _give(self, report: Said | Ended | Failed) -> None:
        answer = self._answers.get(report.id) if isinstance(report, Said) else self._answers.pop(report.id, None)
        if answer is not None:
            answer.hear(report)
