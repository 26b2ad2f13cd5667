"""Questions and answers between a server and a process of its own, in both directions, and notes that nobody answers."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final, Generic, TypeAlias, TypeVar, get_args

import anyio
import msgspec
import structlog
from anyio.abc import ByteStream, TaskGroup

from engine.beside import beside
from engine.processes.framing import Messages
from engine.processes.sending import Sending

log = structlog.get_logger(__name__)

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")

MOST_UNSENT: Final = 64_000_000
"""Bytes: who leaves so much unread has gone."""

_ENCODER: Final = msgspec.msgpack.Encoder()


class Question(msgspec.Struct, Generic[R_co], frozen=True, tag=True):
    """The base of what can be asked: `class Size(Question[int], frozen=True)`. What the answer is, is read from the class."""


class Failure(msgspec.Struct, frozen=True):
    """Why there is no answer: `kind` is for those who ask, who agree on its values with those who answer."""

    kind: str
    detail: str
    retry_after: float | None = None


class Failed(Exception):
    """A question has no answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class LinkEnded(Exception):
    """The other side has gone, or listens no more."""


class _Frame(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The base of what goes over the socket. `body` is a message as MessagePack."""


class _Asked(_Frame, frozen=True):
    id: int
    body: msgspec.Raw


class _Answered(_Frame, frozen=True):
    id: int
    body: msgspec.Raw


class _Refused(_Frame, frozen=True):
    id: int
    failure: Failure


class _Withdrawn(_Frame, frozen=True):
    """Nobody waits for the answer any more."""

    id: int


class _Noted(_Frame, frozen=True):
    body: msgspec.Raw


class _Ping(_Frame, frozen=True):
    """Asks whether the other side is there."""


class _Pong(_Frame, frozen=True):
    """It is."""


_AnyFrame: TypeAlias = _Asked | _Answered | _Refused | _Withdrawn | _Noted | _Ping | _Pong


class _Wanted:
    """An answer that is waited for."""

    __slots__ = ("came", "frame")

    def __init__(self) -> None:
        self.came = anyio.Event()
        self.frame: _Answered | _Refused | None = None


class Reply:
    """How a question is replied to, once. It does not matter whether the link has ended, or the question was withdrawn."""

    __slots__ = ("_id", "_put")

    def __init__(self, question_id: int, put: Callable[[_Answered | _Refused], None]) -> None:
        self._id = question_id
        self._put = put

    def answer(self, answer: object) -> None:
        """Answer it."""
        self._put(_Answered(self._id, msgspec.Raw(_ENCODER.encode(answer))))

    def refuse(self, failure: Failure) -> None:
        """Say that there is no answer."""
        self._put(_Refused(self._id, failure))


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one side listens to.

    `questions` and `notes` are the types of what it is asked and told (unions). `answer` is awaited in a task of its own, and raises
    `Failed` when there is none; `hear` is called in the order in which notes came, and neither blocks nor raises. `take` is called with a
    question first, and neither blocks nor raises: if it gives True it replies by itself, now or later, which costs much less.
    """

    questions: Any
    notes: Any
    answer: Callable[[Any], Awaitable[object]]
    hear: Callable[[Any], None]
    take: Callable[[Any, "Reply"], bool] = lambda _question, _reply: False


class Link:
    """One end. `carry` is what makes it work; the same on both sides."""

    def __init__(self, stream: ByteStream, side: Side) -> None:
        self._stream = stream
        self._side = side
        self._questions = msgspec.msgpack.Decoder(side.questions)
        self._notes = msgspec.msgpack.Decoder(side.notes)
        self._sending = Sending(stream)
        self._ids = count(1)
        self._wanted: dict[int, _Wanted] = {}
        self._answering: dict[int, anyio.CancelScope] = {}
        self._closed = anyio.Event()
        self._pings = 0

    @property
    def closed(self) -> bool:
        """Whether nothing goes over it any more."""
        return self._closed.is_set()

    def note(self, note: Callable[[], msgspec.Struct]) -> None:
        """Tell something, without waiting: `note` is called when it leaves, in a moment (see `Sending`). Raises `LinkEnded`."""
        self._check()
        self._sending.put_later(lambda: _Noted(msgspec.Raw(_ENCODER.encode(note()))))

    async def ask(self, question: Question[R]) -> R:
        """Ask, and wait for the answer for as long as it takes. Raises `Failed`, `LinkEnded`. Cancelled, the question is withdrawn."""
        self._check()
        question_id = next(self._ids)
        wanted = self._wanted[question_id] = _Wanted()
        self._sending.put(_Asked(question_id, msgspec.Raw(_ENCODER.encode(question))))
        try:
            await wanted.came.wait()
        finally:
            if self._wanted.pop(question_id, None) is not None and not self.closed:
                self._sending.put(_Withdrawn(question_id))
        match wanted.frame:
            case _Answered(body=body):
                answer: R = _decoder_of(type(question)).decode(body)
                return answer
            case _Refused(failure=failure):
                raise Failed(failure)
            case None:
                raise LinkEnded

    def ping(self) -> int:
        """Ask whether the other side is there: how often that was asked before without an answer."""
        if not self.closed:
            self._sending.put(_Ping())
        self._pings += 1
        return self._pings - 1

    async def carry(self) -> None:
        """Carry what is said in both directions until the other side has gone, or `close`."""
        try:
            async with beside() as tasks:
                tasks.start_soon(self._write)
                tasks.start_soon(self._read, tasks)
                await self._closed.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Say and hear nothing any more; who waits for an answer gets `LinkEnded`."""
        self._closed.set()
        self._sending.forget()
        wanted, self._wanted = self._wanted, {}
        for each in wanted.values():
            each.came.set()

    def _check(self) -> None:
        if self._sending.unsent > MOST_UNSENT:
            log.error("link.not_read", unsent=self._sending.unsent)
            self.close()
        if self.closed:
            raise LinkEnded

    async def _write(self) -> None:
        await self._sending.write()
        self.close()

    async def _read(self, tasks: TaskGroup) -> None:
        messages: Messages[_AnyFrame] = Messages(msgspec.msgpack.Decoder(_AnyFrame))
        try:
            while True:
                for frame in messages.feed(await self._stream.receive()):
                    self._take(frame, tasks)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        except msgspec.DecodeError as error:
            log.error("link.not_understood", error=str(error))  # noqa: TRY400 - what it was is no matter
        self.close()

    def _take(self, frame: _AnyFrame, tasks: TaskGroup) -> None:
        match frame:
            case _Noted(body=body):
                self._side.hear(self._notes.decode(body))
            case _Asked(id=question_id, body=body):
                question, reply = self._questions.decode(body), Reply(question_id, self._put)
                if not self._side.take(question, reply):
                    self._answering[question_id] = anyio.CancelScope()
                    tasks.start_soon(self._answer, question_id, question, reply)
            case _Answered() | _Refused():
                if (wanted := self._wanted.pop(frame.id, None)) is not None:
                    wanted.frame = frame
                    wanted.came.set()
            case _Withdrawn(id=question_id):
                if question_id in self._answering:
                    self._answering[question_id].cancel()
            case _Ping():
                self._sending.put(_Pong())
            case _Pong():
                self._pings = 0

    async def _answer(self, question_id: int, question: Any, reply: Reply) -> None:
        try:
            with self._answering[question_id]:
                reply.answer(await self._side.answer(question))
        except Failed as error:
            reply.refuse(error.failure)
        except Exception as error:  # a boundary: it is this question's failure alone
            log.exception("link.answer_failed", question=type(question).__name__)
            reply.refuse(Failure("failed", type(error).__name__))
        finally:
            del self._answering[question_id]

    def _put(self, frame: _Answered | _Refused) -> None:
        if not self.closed:
            self._sending.put(frame)


_DECODERS: Final[dict[type, "msgspec.msgpack.Decoder[Any]"]] = {}


def _decoder_of(question: type[Question[Any]]) -> "msgspec.msgpack.Decoder[Any]":
    """Reads the answers to questions of this class."""
    if question not in _DECODERS:
        (base,) = question.__orig_bases__  # type: ignore[attr-defined]
        _DECODERS[question] = msgspec.msgpack.Decoder(get_args(base)[0])
    return _DECODERS[question]
