"""What an actor class looks like: state, hooks, and one handler per type of message."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ForwardRef, NamedTuple, Self, TypeAlias, TypeVar, get_args, overload

from actors.call import Answer, Call
from actors.errors import DeclarationError
from actors.mailbox import Mailbox
from actors.message import Message

if TYPE_CHECKING:
    from actors.exits import Exit
    from actors.life import Life
    from actors.ref import Ref

A = TypeVar("A")
R = TypeVar("R")
S = TypeVar("S", bound="Actor")

Table: TypeAlias = dict[type[Message[Any, Any]], tuple[Callable[[Any, Any], Awaitable[Any]], int]]
"""For each type of message the function that handles it, and how many at once (0: one, as it is)."""

_MARK = "_handles_"


class Handler(NamedTuple):
    """Which method takes a type of message, and how many of them at once (0: one, as it is)."""

    method: str
    batch: int


@overload
def handles(
    kind: type[Message[A, R]], /
) -> Callable[[Callable[[A, Any], Awaitable[R]]], Callable[[A, Any], Awaitable[R]]]: ...
@overload
def handles(
    kind: type[Message[A, R]], /, *, batch: int
) -> Callable[
    [Callable[[A, list[Call[Any, R]]], Awaitable[None]]], Callable[[A, list[Call[Any, R]]], Awaitable[None]]
]: ...
def handles(kind: type[Message[Any, Any]], /, *, batch: int = 0) -> Callable[[Any], Any]:
    """Make a coroutine method the handler of one type of message.

    Plain, it gets the message and returns the answer. With `batch=n` it gets up to `n` calls of this type that stand next to
    each other at the head of the mailbox, and settles each with `Call.answer` or `Call.refuse`, now or later; calls left open
    when the actor stops or crashes are failed by the runtime.

    Raises `DeclarationError` for anything that is not a message type or a coroutine method.
    """
    given: object = kind
    if not (isinstance(given, type) and issubclass(given, Message)):
        msg = f"@handles takes a Message class, not {kind!r}"
        raise DeclarationError(msg)
    if batch < 0:
        msg = f"@handles({kind.__name__}, batch={batch}): a batch is at least 1"
        raise DeclarationError(msg)

    def mark(method: Callable[..., Any]) -> Callable[..., Any]:
        if not inspect.iscoroutinefunction(method):
            msg = f"the handler of {kind.__name__} must be an `async def` method"
            raise DeclarationError(msg)
        setattr(method, _MARK, (kind, batch))
        return method

    return mark


class Actor:
    """The base of every actor. One message at a time, in the order of arrival; state needs no locks.

        class Counter(Actor):
            def __init__(self) -> None:
                self.count = 0

            @handles(Add)
            async def add(self, message: Add) -> int:
                self.count += message.amount
                return self.count

    Errors that a handler declares derive from `Refused` and go to the caller; any other exception fails the caller with
    `ActorCrashed` and restarts the actor with a fresh instance. The message being handled is not delivered again; those
    waiting are. A subclass inherits handlers and may override their methods by name.
    """

    mailbox: ClassVar[Mailbox] = Mailbox()
    """The mailbox of every instance; may be overridden where the actor is spawned."""
    handlers: ClassVar[dict[type[Message[Any, Any]], Handler]] = {}
    """The dispatch table, built when the class is created."""
    _table: ClassVar[Table] = {}
    _life: Life[Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherited = [getattr(base, "handlers", {}) for base in reversed(cls.__mro__[1:])]
        handlers: dict[type[Message[Any, Any]], Handler] = {kind: each[kind] for each in inherited for kind in each}
        own: set[type[Message[Any, Any]]] = set()
        for name, method in vars(cls).items():
            if mark := getattr(method, _MARK, None):
                kind, batch = mark
                if kind in own:
                    msg = f"{cls.__name__} has two handlers for {kind.__name__}"
                    raise DeclarationError(msg)
                own.add(kind)
                handlers[kind] = Handler(name, batch)
        cls.handlers = handlers
        cls._table = {kind: (_method(cls, handler.method), handler.batch) for kind, handler in handlers.items()}

    async def started(self) -> None:
        """Runs before the first message, bounded by the start time limit. Load state here.

        Raising `Refused` fails those who wait with that error and stops the actor; anything else is a crash. Either way
        `stopping` still runs, to release what this has acquired.
        """

    async def stopping(self, why: Exit) -> None:
        """Runs after the last message of this instance, also after a crash; shielded from cancellation, bounded by the stop grace."""

    def may_passivate(self) -> bool:
        """Whether an idle virtual actor may be put to sleep now."""
        return True

    @property
    def path(self) -> str:
        """Where this actor stands in the tree: `gathering/rooms/42`."""
        return self._life.cell.path

    @property
    def key(self) -> str:
        """The last part of the path: a virtual actor's key."""
        return self._life.cell.name

    def stop(self) -> None:
        """End after the message being handled. A virtual actor is activated again by its next message."""
        self._life.stop()

    def request(
        self,
        ref: Ref[A],
        message: Message[A, R],
        then: Callable[[Answer[R]], Message[Self, Any]],
        *,
        timeout: float = 5.0,
    ) -> None:
        """Ask another actor without waiting: the answer comes back as a message to this one, made by `then`.

        `timeout` is in seconds; the answer then holds `AskTimeout`. Until the message is handled the actor is neither
        passivated nor drained. When the actor has been restarted meanwhile, the answer belongs to nobody: a dead letter.
        """
        self._life.request(ref, message, then, timeout)


def _method(cls: type[Actor], name: str) -> Callable[[Any, Any], Awaitable[Any]]:
    method: Callable[[Any, Any], Awaitable[Any]] = getattr(cls, name)
    if not inspect.iscoroutinefunction(method):
        msg = f"{cls.__name__}.{name} overrides a handler and must be an `async def` method"
        raise DeclarationError(msg)
    return method


def check_handlers(cls: type[Actor]) -> None:
    """Refuse an actor class that lacks a handler for a message addressed to it.

    Looks at the message classes that the actor's own module defines or imports. Raises `DeclarationError`.
    """
    namespace = vars(sys.modules[cls.__module__]).values()
    missing = [m.__name__ for m in namespace if _addressed_to(cls, m) and m not in cls.handlers]
    if missing:
        msg = f"{cls.__name__} has no handler for {', '.join(sorted(missing))}"
        raise DeclarationError(msg)


def _addressed_to(cls: type[Actor], candidate: object) -> bool:
    if not (isinstance(candidate, type) and issubclass(candidate, Message)):
        return False
    for base in getattr(candidate, "__orig_bases__", ()):
        arguments: Sequence[Any] = get_args(base)
        if arguments:
            target = arguments[0]
            return target is cls or (isinstance(target, ForwardRef) and target.__forward_arg__ == cls.__name__)
    return False
