"""Bonds between actors: monitors, by which one learns that another has ended, and links, by which two crash together (OTP).

    class Session(Actor):
        async def started(self) -> None:
            self.watch(self.room, as_=RoomGone())    # told to this actor when the room has ended for good
            self.link(self.encoder)                  # either of the two crashes when the other does

Both belong to the instance that has made them: they end with it, and its successor makes its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from anyio.lowlevel import checkpoint

from actors.call import Answer, Call
from actors.cell import Watchers
from actors.errors import ActorStopped, LinkBroken
from actors.exits import Exit, ExitKind
from actors.message import Message

if TYPE_CHECKING:
    from actors.life import Life
    from actors.ref import Ref


class Bonds:
    """What ties one instance of an actor to others."""

    __slots__ = ("_life", "_linked", "_watching")

    def __init__(self, life: Life[Any]) -> None:
        self._life = life
        self._linked: dict[Life[Any], None] = {}
        self._watching: dict[Ref[Any], tuple[Watchers, partial[None]]] = {}

    def watch(self, ref: Ref[Any], message: Message[Any, Any]) -> None:
        """See `Actor.watch`."""
        self.unwatch(ref)
        cell = ref.peek()
        if cell is None or cell.gone:
            self._life.cell.put_own(Call(message))
            return
        watchers = cell.watched_by()
        tell = partial(self._gone, ref, message)
        watchers[tell] = None
        self._watching[ref] = watchers, tell

    def unwatch(self, ref: Ref[Any]) -> bool:
        """See `Actor.unwatch`."""
        watching = self._watching.pop(ref, None)
        if watching is None:
            return False
        watchers, tell = watching
        del watchers[tell]
        return True

    def _gone(self, ref: Ref[Any], message: Message[Any, Any]) -> None:
        del self._watching[ref]
        self._life.cell.put_own(Call(message))

    def link(self, ref: Ref[Any]) -> None:
        """See `Actor.link`."""
        other = self._other(ref)
        if other is None:
            raise ActorStopped(ref.path)
        if other is not self._life:
            self._linked[other] = None
            other.bonds._linked[self._life] = None  # noqa: SLF001 - the other half of the link

    def unlink(self, ref: Ref[Any]) -> None:
        """See `Actor.unlink`."""
        other = self._other(ref)
        if other is not None and other in self._linked:
            self._part(other)

    @staticmethod
    def _other(ref: Ref[Any]) -> Life[Any] | None:
        cell = ref.peek()
        life = None if cell is None else cell.life
        return None if life is None or life.over else life

    def _part(self, other: Life[Any]) -> None:
        del self._linked[other]
        del other.bonds._linked[self._life]  # noqa: SLF001 - the other half of the link

    def end(self, exit_: Exit) -> None:
        """The instance has ended: so do its bonds, and after a crash those that it is linked with."""
        for ref in list(self._watching):
            self.unwatch(ref)
        for other in list(self._linked):
            self._part(other)
            if exit_.kind is ExitKind.CRASHED:
                error = LinkBroken(f"{self._life.cell.path} has crashed: {exit_.error!r}")
                error.__cause__ = exit_.error
                other.fail(error)


async def ended(ref: Ref[Any]) -> None:
    """See `Ref.terminated`."""
    cell = ref.peek()
    if cell is None or cell.gone:
        await checkpoint()
        return
    watchers = cell.watched_by()
    slot = ref.runtime.backend.slot()
    tell = partial(slot.settle, Answer(None))
    watchers[tell] = None
    try:
        await slot.wait()
    finally:
        watchers.pop(tell, None)
