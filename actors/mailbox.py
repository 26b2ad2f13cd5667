"""Mailboxes: a bounded deque with a named overflow policy, and an unbounded lane for the runtime's own signals."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

import msgspec

from actors.call import Call
from actors.message import Message

AnyCall: TypeAlias = Call[Message[Any, Any], Any]


class Reject(msgspec.Struct, frozen=True):
    """A full mailbox refuses the new message: the sender gets `MailboxFull`."""


class DropNewest(msgspec.Struct, frozen=True):
    """A full mailbox drops the new message."""


class DropOldest(msgspec.Struct, frozen=True):
    """A full mailbox drops the message that has waited longest."""


class Coalesce(msgspec.Struct, frozen=True):
    """A new message takes the place of a waiting one with the same key, whether the mailbox is full or not.

    `key` maps a message to its key, None for one that stands for itself. A mailbox full of other keys rejects. Meant for
    states of which only the last matters, told rather than asked: a replaced ask ends as dropped.
    """

    key: Callable[[Any], Hashable | None]


class Block(msgspec.Struct, frozen=True):
    """A full mailbox makes an `ask` from outside the actors wait for room, within its own deadline.

    An actor is never made to wait (two full mailboxes would wait for each other): for actors, and for `tell`, it rejects.
    """


Overflow: TypeAlias = Reject | DropNewest | DropOldest | Coalesce | Block


class Mailbox(msgspec.Struct, frozen=True):
    """How an actor's mailbox is made: `capacity` in messages, and what happens when it is full."""

    capacity: int = 1024
    overflow: Overflow = Reject()

    def __post_init__(self) -> None:
        if self.capacity < 1:
            msg = f"a mailbox holds at least 1 message, not {self.capacity}"
            raise ValueError(msg)


class Rejected(msgspec.Struct, frozen=True):
    """The queue did not take the new call."""


class Dropped(msgspec.Struct, frozen=True):
    """The queue gave up `call` to stay within its bounds; `reason` is the dead letter's."""

    call: Any
    reason: str


FOLDED: deque[AnyCall] = deque(maxlen=0)
"""Stands in every queue that is folded."""


class Queue:
    """The calls that wait for one actor, in order. Outlives the actor's restarts."""

    __slots__ = ("_by_key", "_latest", "calls", "capacity", "high_water", "overflow", "room")

    def __init__(self, mailbox: Mailbox) -> None:
        self.capacity = mailbox.capacity
        self.overflow = mailbox.overflow
        self.high_water = 0
        """The most calls that have waited at once."""
        self.room = 0
        """How many calls are simply appended; those above that are to be `put`."""
        self.calls: deque[AnyCall] = FOLDED
        # Coalescing: the call that holds the place of a key, and for each such call the one that has taken its place.
        self._by_key: dict[Hashable, AnyCall] | None = None
        self._latest: dict[AnyCall, tuple[Hashable, AnyCall]] | None = None

    def __len__(self) -> int:
        return len(self.calls)

    @property
    def full(self) -> bool:
        """Whether the next message meets the overflow policy."""
        return len(self.calls) >= self.capacity

    def fold(self) -> None:
        """Give back the memory of an empty queue, until the next call: an empty deque takes 0.75 KiB."""
        if self.calls is not FOLDED and not self.calls:
            self.calls = FOLDED
            self.room = 0

    def unfold(self) -> deque[AnyCall]:
        """Have a deque of one's own."""
        if self.calls is FOLDED:
            self.calls = deque()
            self.room = 0 if isinstance(self.overflow, Coalesce) else self.capacity
        return self.calls

    def put(self, call: AnyCall) -> Dropped | Rejected | None:
        """Take a call, or tell what became of one: `Dropped` (this or another), `Rejected` (this one)."""
        overflow = self.overflow
        self.unfold()
        if type(overflow) is Coalesce:
            return self._coalesce(call, overflow)
        if len(self.calls) < self.capacity:
            self.calls.append(call)
            return None
        if type(overflow) is DropOldest:
            oldest = self.calls.popleft()
            self.calls.append(call)
            return Dropped(oldest, "dropped_oldest")
        if type(overflow) is DropNewest:
            return Dropped(call, "dropped_newest")
        return Rejected()

    def _coalesce(self, call: AnyCall, overflow: Coalesce) -> Dropped | Rejected | None:
        if self._by_key is None or self._latest is None:
            self._by_key, self._latest = {}, {}
        key = overflow.key(call.message)
        place = self._by_key.get(key) if key is not None else None
        if place is not None:
            _, waiting = self._latest[place]
            self._latest[place] = key, call
            return Dropped(waiting, "coalesced")
        if self.full:
            return Rejected()
        if key is not None:
            self._by_key[key] = call
            self._latest[call] = key, call
        self.calls.append(call)
        return None

    def put_past_the_bound(self, call: AnyCall) -> None:
        """Take the answer to a request that the actor itself has made: it was counted when it was asked for."""
        self.unfold().append(call)

    def take(self) -> AnyCall:
        """The call that has waited longest. The queue must not be empty."""
        call = self.calls.popleft()
        if self._latest and self._by_key and call in self._latest:
            key, call = self._latest.pop(call)
            del self._by_key[key]
        return call

    def peek(self) -> AnyCall:
        """The call that `take` would return."""
        call = self.calls[0]
        return self._latest[call][1] if self._latest and call in self._latest else call
