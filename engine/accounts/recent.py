"""A small read-through cache: what was read a moment ago, and what is better than nothing while the database is away."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

import anyio

from engine.errors import StorageUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_BATCH = 500
_FEW = 32
"""Values that are read ahead in one go, less than a millisecond's work."""


class _Entry(Generic[V]):
    """One remembered value; None is the knowledge that there is none. `until` is when it is to be read again."""

    __slots__ = ("asked_at", "until", "value")

    def __init__(self, value: V | None, until: float, asked_at: float) -> None:
        self.value = value
        self.until = until
        self.asked_at = asked_at


class Recent(Generic[K, V]):
    """Remembers up to `capacity` values for `ttl` seconds each, least recently used out first.

        users = Recent(read_users, ttl=2.0, capacity=10_000)
        user = await users.get(user_id)         # None: there is no such user
        users.put(user_id, changed)             # at once, and over any read that began before
        await users.read_ahead(...)             # again and again, so that nobody who comes back soon waits for a read

    `read` gets the keys that several callers miss at the same time in one call and answers those that exist. When it raises
    `StorageUnavailable`, entries past their time are served as they are, and the storage is left alone for `ttl`
    seconds; for keys that are not remembered the error is the answer. Entries past their time are also served when reading them
    again takes longer than `patience` seconds: whoever is known does not wait for a database that hangs.

    `changed` is called with a value that was read and differs from the one remembered: somebody else changed it. It must
    neither wait nor raise. `time` is monotonic, in seconds.
    """

    def __init__(
        self,
        read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        ttl: float = 2.0,
        capacity: int = 10_000,
        patience: float = 0.3,
        changed: Callable[[V], None] | None = None,
        time: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._read = read
        self._ttl = ttl
        self._capacity = capacity
        self._patience = patience
        self._changed = changed
        self._time = time
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._wanted: dict[K, None] = {}
        self._reading = anyio.Lock()
        self._outage: StorageUnavailable | None = None
        self._outage_until = 0.0
        self._slow_until = 0.0

    async def get(self, key: K) -> V | None:
        """The value, at most `ttl` seconds old unless the storage is unavailable. Cancelling is harmless to the other callers."""
        entry = self._fresh(key)
        if entry is not None:
            return entry.value
        known = self._entries.get(key)
        if known is None:
            return await self._reread(key)
        known.asked_at = self._time()
        self._entries.move_to_end(key)
        if self._time() >= self._slow_until:
            with anyio.move_on_after(self._patience):
                return await self._reread(key)
            self._slow_until = self._time() + self._ttl
        return self._entries.get(key, known).value

    async def read_ahead(self, *, ahead: float, lately: float, between: Callable[[], Awaitable[object]]) -> None:
        """Read again what would be read again within `ahead` seconds and was asked for in the last `lately` seconds.

        Whoever asks again and again then never waits for it. A few are read at a time, after `between` has returned. A storage that
        is unavailable is left alone.
        """
        now = self._time()
        wanted = [key for key, entry in self._entries.items() if entry.until - ahead <= now < entry.asked_at + lately]
        for index in range(0, len(wanted), _FEW):
            await between()
            some = wanted[index : index + _FEW]
            self._wanted.update(dict.fromkeys(some))
            async with self._reading:
                if some[0] in self._wanted:
                    await self._read_wanted(some[0])

    def put(self, key: K, value: V | None) -> None:
        """Remember what was just stored."""
        self._remember(key, value)

    def forget(self) -> None:
        """Remember nothing: everything is read again."""
        self._entries.clear()

    async def _reread(self, key: K) -> V | None:
        entry = self._fresh(key)
        while entry is None:
            self._wanted[key] = None
            # Whoever comes first reads for all who came while the read before was under way.
            async with self._reading:
                if key in self._wanted:
                    await self._read_wanted(key)
            entry = self._entries.get(key)
            if entry is None:
                self._refuse_during_outage()
        return entry.value

    def _fresh(self, key: K) -> _Entry[V] | None:
        entry, now = self._entries.get(key), self._time()
        if entry is None or entry.until <= now:
            return None
        entry.asked_at = now
        self._entries.move_to_end(key)
        return entry

    def _refuse_during_outage(self) -> None:
        if self._outage is not None and self._time() < self._outage_until:
            raise StorageUnavailable(str(self._outage), retry_after=self._outage.retry_after) from self._outage

    async def _read_wanted(self, key: K) -> None:
        if self._time() < self._outage_until:
            del self._wanted[key]
            return
        keys = (key, *islice((other for other in self._wanted if other != key), _BATCH - 1))
        before = {key: self._entries.get(key) for key in keys}
        for each in keys:
            del self._wanted[each]
        try:
            values = await self._read(keys)
        except StorageUnavailable as outage:
            self._outage, self._outage_until = outage, self._time() + self._ttl
            if key in self._entries:
                return
            raise
        except BaseException:
            # Cancelled, mostly: the next in line reads these.
            self._wanted.update(dict.fromkeys(keys))
            raise
        self._outage, self._outage_until, self._slow_until = None, 0.0, 0.0
        for each in keys:
            known, value = before[each], values.get(each)
            if self._entries.get(each) is known:  # otherwise a `put` has overtaken this read
                self._remember(each, value)
                if self._changed is not None and known is not None and value is not None and known.value != value:
                    self._changed(value)

    def _remember(self, key: K, value: V | None) -> None:
        now, before = self._time(), self._entries.get(key)
        self._entries[key] = _Entry(value, now + self._ttl, now if before is None else before.asked_at)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
