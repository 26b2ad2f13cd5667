"""What stands in a mailbox: a message with the way back to whoever sent it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import msgspec
import structlog

from actors.message import Message

if TYPE_CHECKING:
    from actors.cell import Cell

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
M_co = TypeVar("M_co", bound=Message[Any, Any], covariant=True)

log = structlog.get_logger(__name__)

NEVER = float("inf")


class Answer(msgspec.Struct, Generic[R_co], frozen=True, eq=False):
    """How a call ended: a value, or the error that there is in its place."""

    value: R_co
    error: Exception | None = None

    @classmethod
    def failed(cls, error: Exception) -> Answer[Any]:
        """An answer that raises `error`."""
        return Answer(None, error)

    def result(self) -> R_co:
        """The value; raises the error."""
        if self.error is not None:
            try:
                # One error may be the answer to many callers: each raises it without the tracebacks of the others.
                raise self.error.with_traceback(None)
            finally:
                del self  # the traceback holds this frame: without this, frame and error would hold each other
        return self.value


class Nobody(msgspec.Struct, frozen=True, gc=False):
    """Where the answer to a message goes that was told, not asked.

    An object in which the garbage collector takes no interest, unlike a function: nor does it then in a call that holds it.
    """

    def __call__(self, answer: Answer[Any]) -> None:
        """Drop the answer."""


nobody = Nobody()


class Call(msgspec.Struct, Generic[M_co, R], eq=False):
    """One message on its way through one mailbox, and its answer on the way back.

    A batch handler gets a list of these and settles each one, now or later, with `answer` or `refuse`. The first settlement
    counts, later ones do nothing; a caller who has gone makes no difference to the actor. `deadline` is on the system's clock.
    """

    message: M_co
    reply: Callable[[Answer[Any]], None] | None = nobody
    """What is to be called with the answer; None once the call is settled."""
    deadline: float = NEVER
    since: float = 0.0
    """When it was sent."""
    chain: tuple[Cell[Any], ...] = ()
    """The actors that wait for this call, through one another."""
    kept_by: Calls | None = None
    """Whoever holds a call only until it is settled says so here, so that its end frees it and its message."""
    watched_by: Calls | None = None
    ended: Callable[[], None] | None = None
    """Called when the call is settled or its caller leaves, whichever is first; set by whoever works on it meanwhile."""

    @property
    def expects_answer(self) -> bool:
        """Whether somebody waits for the answer."""
        return self.reply is not None and self.reply is not nobody

    @property
    def settled(self) -> bool:
        """Whether nobody waits for the answer any more: it was given, it expired, or the caller left."""
        return self.reply is None

    def answer(self, value: R) -> None:
        """Give the answer."""
        if self.reply is not None:
            self.settle(Answer(value))

    def refuse(self, error: Exception) -> None:
        """Fail the caller with `error`; the actor lives on."""
        if self.reply is not None:
            self.settle(Answer.failed(error))

    def settle(self, answer: Answer[Any]) -> None:
        """End the call; only the first time counts."""
        reply = self.reply
        if reply is None:
            return
        self.abandon()
        try:
            reply(answer)
        except Exception:  # a caller's callback that breaks its promise must not take the actor that answers with it
            log.exception("call.callback_failed", message=type(self.message).__name__)

    def abandon(self) -> None:
        """The caller no longer waits: the message is skipped if the actor has not begun with it."""
        self.reply = None
        if self.watched_by is not None:
            del self.watched_by[self]
            self.watched_by = None
        if self.kept_by is not None:
            del self.kept_by[self]
            self.kept_by = None
        if self.ended is not None:
            ended, self.ended = self.ended, None
            ended()


Calls: TypeAlias = dict[Call[Any, Any], None]
"""Calls that are not settled yet, in the order in which they came: a set would put them in the order of their addresses."""
