"""What waits to be written to one client."""

from collections import deque
from collections.abc import Callable

from gateway.realtime.protocol import join_frame


class Outbox:
    """A queue of replies and pushes in the order in which they leave, bounded in bytes.

    Only pushes count for the bound: nobody asked for them, so a client that does not read them must not grow the server.
    Replies are bounded at their source: while the queue is `full`, the connection reads no further commands.

    `ready` is called when something waits again after nothing did.
    """

    __slots__ = ("_closed", "_items", "_limit", "_pushed", "_ready", "_size")

    def __init__(self, limit: int, ready: Callable[[], None]) -> None:
        self._items: deque[tuple[bytes, bool]] = deque()
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

    def reply(self, item: bytes) -> None:
        """Add a reply."""
        if not self._closed:
            self._append(item, pushed=False)

    def hold(self, size: int) -> bool:
        """Count a push that is held back elsewhere; False when that is too much."""
        if self._pushed + size > self._limit:
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
            frame.append(item)
        return frame[0] if len(frame) == 1 else join_frame(frame)

    def close(self, *, drop: bool) -> None:
        """Accept nothing more; `drop` forgets what waits, otherwise it may still be taken."""
        self._closed = True
        if drop:
            self._items.clear()
            self._size = self._pushed = 0

    def _append(self, item: bytes, *, pushed: bool) -> None:
        items = self._items
        items.append((item, pushed))
        self._size += len(item)
        if len(items) == 1:
            self._ready()
