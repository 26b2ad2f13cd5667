"""What stands in a mailbox: a message with the way back to whoever sent it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors.message import Message

if TYPE_CHECKING:
    from actors.cell import Cell

R = TypeVar("R")
M_co = TypeVar("M_co", bound=Message[Any, Any], covariant=True)

NEVER = float("inf")


class Answer(Generic[R]):
    """How a call ended: a value or an error."""

    __slots__ = ("_error", "_value")

    def __init__(self, value: R, error: Exception | None = None) -> None:
        self._value = value
        self._error = error

    @classmethod
    def failed(cls, error: Exception) -> Answer[Any]:
        """An answer that raises `error`."""
        return Answer(None, error)

    @property
    def error(self) -> Exception | None:
        """The error, None for a value."""
        return self._error

    def result(self) -> R:
        """The value; raises the error."""
        if self._error is not None:
            raise self._error
        return self._value


class Call(Generic[M_co, R]):
    """One message on its way through one mailbox, and its answer on the way back.

    A batch handler gets a list of these and settles each one, now or later, with `answer` or `refuse`. The first settlement
    counts, later ones do nothing; a caller who has gone makes no difference to the actor. `deadline` is on the system's clock.
    """

    __slots__ = ("_settle", "chain", "deadline", "expects_answer", "message", "owner")

    def __init__(
        self,
        message: M_co,
        settle: Callable[[Answer[Any]], None] | None = None,
        deadline: float = NEVER,
        chain: tuple[Cell[Any], ...] = (),
    ) -> None:
        self.message = message
        self.deadline = deadline
        self.chain = chain
        self.expects_answer = settle is not None
        self.owner: set[Call[Any, Any]] | None = None
        self._settle = settle

    @property
    def settled(self) -> bool:
        """Whether nobody waits for the answer any more: it was given, it expired, or the caller left."""
        return self.expects_answer and self._settle is None

    def answer(self, value: R) -> None:
        """Give the answer."""
        self.settle(Answer(value))

    def refuse(self, error: Exception) -> None:
        """Fail the caller with `error`; the actor lives on."""
        self.settle(Answer.failed(error))

    def settle(self, answer: Answer[Any]) -> None:
        """End the call; only the first time counts."""
        settle = self._settle
        if settle is not None:
            self._settle = None
            if self.owner is not None:
                self.owner.discard(self)
                self.owner = None
            settle(answer)

    def abandon(self) -> None:
        """The caller no longer waits: the message is skipped if the actor has not begun with it."""
        self._settle = None
        if self.owner is not None:
            self.owner.discard(self)
            self.owner = None
