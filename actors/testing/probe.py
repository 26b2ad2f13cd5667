"""A probe: an actor that stands where another would, and shows what it gets."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar, TypeVar

import anyio

from actors.actor import Actor, Handler, Table
from actors.call import Call
from actors.message import Message
from actors.ref import Ref
from actors.system import ActorSystem

M = TypeVar("M", bound=Message[Any, Any])


class TestProbe:
    """Receives anything, in order, and hands it to the test (Pekko: TestProbe).

        probe = await TestProbe.spawn(system)
        room.tell(Subscribe(probe.ref))
        joined = await probe.expect(Joined)                   # the next message; fails if it is of another type
        call = await probe.expect_call(Price, within=60)      # an ask, which the test answers
        call.answer(3)
        await probe.expect_none(within=10)

    Times are in seconds of the event loop's clock, the virtual one under simulation.
    """

    __test__: ClassVar[bool] = False  # what pytest would otherwise ask of a class with this name

    def __init__(self) -> None:
        self.ref: Ref[Any]
        """To be given away in place of the actor that it stands for."""
        self.received: list[Message[Any, Any]] = []
        """All that it has got so far."""
        self._unseen: deque[Call[Any, Any]] = deque()
        self._arrived = anyio.Event()

    @classmethod
    async def spawn(cls, system: ActorSystem, name: str = "probe") -> TestProbe:
        """Start one. It lives as long as the system, or until it is stopped like any other actor."""
        probe = cls()
        probe.ref = await system.spawn(lambda: _Listener(probe), name)
        return probe

    async def expect(self, kind: type[M], *, within: float = 3.0) -> M:
        """The next message, which has to be of this type and come in time; raises `AssertionError` otherwise."""
        return (await self.expect_call(kind, within=within)).message

    async def expect_call(self, kind: type[M], *, within: float = 3.0) -> Call[M, Any]:
        """As `expect`, with the way back to whoever asks: until it is answered they wait."""
        with anyio.move_on_after(within):
            while not self._unseen:
                self._arrived = anyio.Event()
                await self._arrived.wait()
        if not self._unseen:
            msg = f"{self.ref.path} got no {kind.__name__} within {within} s"
            raise AssertionError(msg)
        call = self._unseen.popleft()
        if not isinstance(call.message, kind):
            msg = f"{self.ref.path} got {call.message!r} and not the {kind.__name__} that was expected"
            raise AssertionError(msg)  # noqa: TRY004 - a test has failed
        return call

    async def expect_none(self, *, within: float = 1.0) -> None:
        """Raises `AssertionError` when a message is there that was not looked at yet, or one comes in this time."""
        with anyio.move_on_after(within):
            while not self._unseen:
                self._arrived = anyio.Event()
                await self._arrived.wait()
        if self._unseen:
            msg = f"{self.ref.path} got {self._unseen[0].message!r}, and nothing was expected"
            raise AssertionError(msg)

    def take(self, call: Call[Any, Any]) -> None:
        """A message has come."""
        self.received.append(call.message)
        self._unseen.append(call)
        self._arrived.set()


class _AnyKind(dict[type[Message[Any, Any]], Any]):
    """A dispatch table with the same handler for every type."""

    def get(self, kind: Any, default: Any = None) -> Any:
        """Whatever it is."""
        del kind, default
        return _Listener.listen, Handler("listen", batch=1)


class _Listener(Actor):
    def __init__(self, probe: TestProbe) -> None:
        self._probe = probe
        self._table: Table = _AnyKind()  # type: ignore[misc]  # in place of the class's

    async def listen(self, calls: list[Call[Any, Any]]) -> None:
        """Handled like a batch of one: whoever asks is answered by the test, when it likes."""
        for call in calls:
            self._probe.take(call)
