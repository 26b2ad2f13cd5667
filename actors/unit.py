"""What a supervisor and the things under it expect of each other."""

from __future__ import annotations

from typing import Protocol

from actors.exits import CrashRecord, Exit
from actors.tree import Node


class Unit(Protocol):
    """What a supervisor starts and stops as one: an actor, a family of virtual actors, another supervisor.

    A unit that is down and is to come back is *held*: what waits in its mailboxes stays there, and new messages join it.
    """

    @property
    def held(self) -> bool:
        """Whether it is down and waits to be started again."""
        ...

    @property
    def gone(self) -> bool:
        """Whether it has been stopped, and nothing of it is left."""
        ...

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop it for good, within `grace` seconds or its own time limit if that is less. Not to be cancelled midway."""
        ...

    async def halt(self) -> None:
        """Stop it within its own time limit, to be held, or to end if it is temporary. May be cancelled, and called again."""
        ...

    async def resume(self) -> Exit | None:
        """Start it again if it is held, and wait until it has started; how it failed if it did not."""
        ...

    def node(self, now: float) -> Node:
        """What it looks like at the moment `now`."""
        ...


class Member(Unit, Protocol):
    """A unit that may fail: its supervisor decides what follows."""

    name: str
    path: str
    record: CrashRecord

    def hold(self) -> None:
        """It has failed, and waits to be started again."""
        ...

    def restart(self, when: float) -> None:
        """Start it again alone at the moment `when`, if it is still held then. Does not wait for it."""
        ...


class Parent(Protocol):
    """What a member needs of its supervisor."""

    def ended(self, member: Member, exit_: Exit) -> None:
        """The member has ended, and its restart type says that it is to come back."""
        ...

    def forget(self, member: Member) -> None:
        """The member is gone."""
        ...
