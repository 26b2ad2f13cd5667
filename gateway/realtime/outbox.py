"""What waits to be written to one client."""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from engine.timelines.fanout import Delta, Publication, merged
from gateway.realtime.protocol import join_frame

Encode: TypeAlias = Callable[[Publication], bytes]
"""How a door writes a publication; see `Publication.form`."""
_AnswerKey: TypeAlias = tuple[str, str]
"""A channel, and an answer in it."""


class _Deltas:
    """Deltas of one answer that wait in one place of the queue, each following the one before. `size` is at least what they take."""

    __slots__ = ("_deltas", "_encode", "key", "size")

    def __init__(self, key: _AnswerKey, delta: Delta, encode: Encode, size: int) -> None:
        self.key = key
        self.size = size
        self._deltas = [delta]
        self._encode = encode

    def __len__(self) -> int:
        return self.size

    def precede(self, delta: Delta) -> bool:
        """Whether this is the next one: none is missing between."""
        return delta.said.index == self._deltas[-1].said.index + 1

    def append(self, delta: Delta) -> None:
        """Take one more."""
        self._deltas.append(delta)
        self.size += delta.growth

    def item(self) -> bytes:
        """All of them, as one."""
        return merged(self._deltas).form(self._encode)


class Outbox:
    """A queue of replies and pushes in the order in which they leave, bounded in bytes.

    Only pushes count for the bound: nobody asked for them, so a client that does not read them must not grow the server.
    Replies are bounded at their source: while the queue is `full`, the connection reads no further commands.

    `ready` is called when something waits again after nothing did.
    """

    __slots__ = ("_closed", "_growing", "_items", "_limit", "_pushed", "_ready", "_size")

    def __init__(self, limit: int, ready: Callable[[], None]) -> None:
        self._items: deque[tuple[bytes | _Deltas, bool]] = deque()
        self._growing: dict[_AnswerKey, _Deltas] = {}
        self._limit = limit
        self._ready = ready
        self._size = 0
        self._pushed = 0
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes that wait, replies included."""
        return self._size

    @property
    def full(self) -> bool:
        """Whether more than the limit waits, replies included."""
        return self._size > self._limit

    def push(self, item: bytes) -> bool:
        """Add a push. False when that is more than the client may leave unread; the item is not added then."""
        if self._closed:
            return True
        size = len(item)
        if self._pushed + size > self._limit:
            return False
        self._pushed += size
        self._append(item, pushed=True)
        return True

    def offer(self, item: bytes) -> bool:
        """Add a push that may be missed. It is not added, and the answer is False, when the pushes would fill half the limit."""
        return self._pushed + len(item) <= self._limit // 2 and self.push(item)

    def extend(self, delta: Delta, encode: Encode) -> None:
        """Add a piece of an answer: it joins the pieces before it that wait here, and is missed where `offer` would refuse it.

        So whoever reads slowly gets the same text in fewer pieces.
        """
        key = (delta.channel, delta.said.answer_id)
        growing = self._growing.get(key)
        if growing is not None and not growing.precede(delta):
            growing = None
        size = len(delta.form(encode)) if growing is None else delta.growth
        if self._closed or self._pushed + size > self._limit // 2:
            return
        self._pushed += size
        if growing is not None:
            growing.append(delta)
            self._size += size
        else:
            self._growing[key] = new = _Deltas(key, delta, encode, size)
            self._append(new, pushed=True)

    def reply(self, item: bytes) -> None:
        """Add a reply. Nothing that is pushed later overtakes it: it may say what an answer was at this moment."""
        if not self._closed:
            self._growing.clear()
            self._append(item, pushed=False)

    def hold(self, size: int, *, missable: bool = False) -> bool:
        """Count a push that is held back elsewhere; False when that is too much."""
        if self._pushed + size > (self._limit // 2 if missable else self._limit):
            return False
        self._pushed += size
        return True

    def release(self, size: int) -> None:
        """Stop counting what was held."""
        self._pushed -= size

    def take(self, limit: int) -> bytes:
        """The next frame, empty when nothing waits: as many items as `limit` bytes hold, and at least one."""
        items = self._items
        frame: list[bytes] = []
        room = limit
        while items and (not frame or len(items[0][0]) < room):
            item, pushed = items.popleft()
            size = len(item)
            room -= size + 1
            self._size -= size
            if pushed:
                self._pushed -= size
            frame.append(item if isinstance(item, bytes) else self._grown(item))
        return frame[0] if len(frame) == 1 else join_frame(frame)

    def _grown(self, deltas: _Deltas) -> bytes:
        if self._growing.get(deltas.key) is deltas:
            del self._growing[deltas.key]
        return deltas.item()

    def close(self, *, drop: bool) -> None:
        """Accept nothing more; `drop` forgets what waits, otherwise it may still be taken."""
        self._closed = True
        if drop:
            self._items.clear()
            self._growing.clear()
            self._size = self._pushed = 0

    def _append(self, item: bytes | _Deltas, *, pushed: bool) -> None:
        items = self._items
        items.append((item, pushed))
        self._size += len(item)
        if len(items) == 1:
            self._ready()
