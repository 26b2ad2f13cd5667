"""What an actor class looks like: state, hooks, and one handler per type of message."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    ForwardRef,
    Literal,
    NamedTuple,
    Self,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
    get_args,
    overload,
)

from actors.call import Answer, Call
from actors.errors import DeclarationError
from actors.mailbox import Mailbox
from actors.message import Message
from actors.poison import Poison
from actors.streams import StreamMessage

if TYPE_CHECKING:
    from actors.exits import Exit
    from actors.life import Life
    from actors.owned import OwnedTask
    from actors.ref import Ref, Requestable
    from actors.timers import Timer

A = TypeVar("A")
R = TypeVar("R")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_MARK = "_handles_"


class Handler(NamedTuple):
    """Which method takes a type of message, and how; see `handles`."""

    method: str
    batch: int = 0
    stream: bool = False
    interleave: bool = False
    cancel_with_caller: bool = False

    @property
    def plain(self) -> bool:
        """Whether the method gets the message, in the actor's turn, and that is all."""
        return not any(self[1:])


Table: TypeAlias = dict[type[Message[Any, Any]], tuple[Callable[[Any, Any], Any], Handler | None]]
"""For each type of message the function that handles it, and how if there is more to it than calling it."""


@overload
def handles(
    kind: type[StreamMessage[A, T]], /, *, stream: Literal[True]
) -> Callable[[Callable[[A, Any], AsyncIterator[T]]], Callable[[A, Any], AsyncIterator[T]]]: ...
@overload
def handles(
    kind: type[Message[A, R]], /, *, interleave: bool = False, cancel_with_caller: bool = False
) -> Callable[[Callable[[A, Any], Awaitable[R]]], Callable[[A, Any], Awaitable[R]]]: ...
@overload
def handles(
    kind: type[Message[A, R]], /, *, batch: int
) -> Callable[
    [Callable[[A, list[Call[Any, R]]], Awaitable[None]]], Callable[[A, list[Call[Any, R]]], Awaitable[None]]
]: ...
def handles(
    kind: type[Message[Any, Any]],
    /,
    *,
    batch: int = 0,
    stream: bool = False,
    interleave: bool = False,
    cancel_with_caller: bool = False,
) -> Callable[[Any], Any]:
    """Make a coroutine method the handler of one type of message.

    Plain, it gets the message and returns the answer. With `batch=n` it gets up to `n` calls of this type that stand next to
    each other at the head of the mailbox, and settles each with `Call.answer` or `Call.refuse`, now or later; calls left open
    when the actor stops or crashes are failed by the runtime.

    `cancel_with_caller` cancels the handler when nobody waits for its answer any more. `interleave` runs it as a task that the
    actor owns, beside its turns: for methods that wait long and only read. `stream`, for a `StreamMessage`, takes an async
    generator, which runs in the same way; what it yields goes to `Ref.stream`. Both are cancelled with their caller.

    Raises `DeclarationError` for anything that is not a message type or a coroutine method.
    """
    given: object = kind
    if not (isinstance(given, type) and issubclass(given, Message)):
        msg = f"@handles takes a Message class, not {kind!r}"
        raise DeclarationError(msg)
    if batch < 0:
        msg = f"@handles({kind.__name__}, batch={batch}): a batch is at least 1"
        raise DeclarationError(msg)
    if bool(batch) + stream + interleave + cancel_with_caller > 1:
        msg = f"@handles({kind.__name__}): batch, stream, interleave and cancel_with_caller exclude each other"
        raise DeclarationError(msg)
    if stream is not issubclass(given, StreamMessage):
        msg = f"@handles({kind.__name__}): stream=True goes with a StreamMessage, and only with one"
        raise DeclarationError(msg)
    handler = Handler("", batch, stream, interleave, cancel_with_caller)

    def mark(method: Callable[..., Any]) -> Callable[..., Any]:
        _check_kind(method, handler, f"the handler of {kind.__name__}")
        setattr(method, _MARK, (kind, handler))
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
    poison: ClassVar[Poison | None] = Poison()
    """When a type of message that crashes the actor is kept from it; None: never."""
    handlers: ClassVar[dict[type[Message[Any, Any]], Handler]] = {}
    """The dispatch table, built when the class is created."""
    _table: ClassVar[Table] = {}
    _checked: ClassVar[bool]
    """Set on a class when it is known that it lacks no handler."""
    _life: Life[Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherited = [getattr(base, "handlers", {}) for base in reversed(cls.__mro__[1:])]
        handlers: dict[type[Message[Any, Any]], Handler] = {kind: each[kind] for each in inherited for kind in each}
        own: set[type[Message[Any, Any]]] = set()
        for name, method in vars(cls).items():
            if mark := getattr(method, _MARK, None):
                kind, handler = mark
                if kind in own:
                    msg = f"{cls.__name__} has two handlers for {kind.__name__}"
                    raise DeclarationError(msg)
                own.add(kind)
                handlers[kind] = handler._replace(method=name)
        cls.handlers = handlers
        cls._table = {kind: (_method(cls, each), None if each.plain else each) for kind, each in handlers.items()}

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
        ref: Requestable[A],
        message: Message[A, R],
        then: Callable[[Answer[R]], Message[Self, Any]],
        *,
        timeout: float = 5.0,
    ) -> None:
        """Ask another actor, or a pool, without waiting: the answer comes back as a message to this one, made by `then`.

        `timeout` is in seconds; the answer then holds `AskTimeout`. Until the message is handled the actor is neither
        passivated nor drained. When the actor has been restarted meanwhile, the answer belongs to nobody: a dead letter.
        """
        self._life.request(ref, message, then, timeout)

    def spawn(
        self,
        work: Callable[[*Ts], Awaitable[R]],
        /,
        *args: *Ts,
        then: Callable[[Answer[R]], Message[Self, Any]] | None = None,
    ) -> OwnedTask:
        """Run a coroutine function beside the actor's turns; its result or error comes back as a message, made by `then`.

        The task must not touch the actor's state: that is for the handler of what `then` makes. Without `then` a result is
        dropped, and an error crashes the actor. Until that message is handled the actor is neither passivated nor drained; when
        this instance ends, its tasks are cancelled, and waited for within the time limit of its stop. What it asks others has
        its own deadlines. A task that is cancelled brings nothing back.
        """
        return self._life.spawn(work, args, then)

    def send_after(self, seconds: float, message: Message[Self, Any], *, key: Hashable | None = None) -> Timer:
        """Send a message to oneself after so many seconds. See `Timer`; setting a timer cancels an earlier one with its key.

        Timers keep nobody from being passivated, drained or stopped, and end with the instance that has set them. Their
        messages get into a full mailbox, too.
        """
        return self._life.timers.set(seconds, message, key, repeated=False)

    def every(self, seconds: float, message: Message[Self, Any], *, key: Hashable | None = None) -> Timer:
        """Send a message to oneself every so many seconds, the first time after as many. As `send_after`.

        A virtual actor that ticks more often than its family's `idle_after` is never idle.
        """
        return self._life.timers.set(seconds, message, key, repeated=True)

    def cancel_timer(self, key: Hashable) -> bool:
        """Cancel the timer with this key; False when there is none."""
        return self._life.timers.cancel(key)

    def watch(self, ref: Ref[Any], *, as_: Message[Self, Any]) -> None:
        """Learn that another actor is gone: this one is then told `as_`, at once if it is gone already.

        Gone is who has ended for good; a restart is not seen. A virtual actor is gone when it is passivated or quarantined; one
        that is not active is gone, and is not activated. Ends with this instance. Watching again replaces the message.
        """
        self._life.bonds.watch(ref, as_)

    def unwatch(self, ref: Ref[Any]) -> bool:
        """Watch an actor no longer; whether it was watched. A message that waits already is still handled."""
        return self._life.bonds.unwatch(ref)

    def link(self, ref: Ref[Any]) -> None:
        """Crash together: when either instance crashes, so does the other, with `LinkBroken`, after the message it handles.

        Each is then restarted as after any crash, without the link. Any other end of one leaves the other alone. Raises
        `ActorStopped` when there is no instance to link with.
        """
        self._life.bonds.link(ref)

    def unlink(self, ref: Ref[Any]) -> None:
        """Take a link back. Does nothing when there is none."""
        self._life.bonds.unlink(ref)


def _method(cls: type[Actor], handler: Handler) -> Callable[[Any, Any], Any]:
    method: Callable[[Any, Any], Any] = getattr(cls, handler.method)
    _check_kind(method, handler, f"{cls.__name__}.{handler.method} overrides a handler and")
    return method


def _check_kind(method: Callable[..., Any], handler: Handler, what: str) -> None:
    if handler.stream and not inspect.isasyncgenfunction(method):
        msg = f"{what} must be an `async def` method that yields"
        raise DeclarationError(msg)
    if not handler.stream and not inspect.iscoroutinefunction(method):
        msg = f"{what} must be an `async def` method"
        raise DeclarationError(msg)


def check_handlers(cls: type[Actor]) -> None:
    """Refuse an actor class that lacks a handler for a message addressed to it.

    Looks, once for each class, at the message classes that its own module defines or imports. Raises `DeclarationError`.
    """
    if "_checked" in vars(cls):
        return
    namespace = vars(sys.modules[cls.__module__]).values()
    missing = [m.__name__ for m in namespace if _addressed_to(cls, m) and m not in cls.handlers]
    if missing:
        msg = f"{cls.__name__} has no handler for {', '.join(sorted(missing))}"
        raise DeclarationError(msg)
    cls._checked = True


def _addressed_to(cls: type[Actor], candidate: object) -> bool:
    if not (isinstance(candidate, type) and issubclass(candidate, Message)):
        return False
    for base in getattr(candidate, "__orig_bases__", ()):
        arguments: Sequence[Any] = get_args(base)
        if arguments:
            target = arguments[0]
            return target is cls or (isinstance(target, ForwardRef) and target.__forward_arg__ == cls.__name__)
    return False
