"""The lock against guessing passwords: so many wrong ones for an account from an address, then a wait.

By account and address together, so that nobody is locked out of their own account by somebody elsewhere; an address that tries
many accounts has a larger bound of its own. The bound is looked at before and after the password: of a thousand guesses at once only
the first few learn anything, and a thousand right passwords at once are all let in.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import anyio

from engine.errors import RateLimited, Unauthenticated

_REMEMBERED = 20_000
_ACCOUNTS = 10
"""How many accounts' worth of wrong passwords an address may try."""


class _Attempts:
    """How many wrong passwords there were under one key since `since` (monotonic seconds)."""

    __slots__ = ("count", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0


class Lockout:
    """At most `failures` refused attempts in `seconds`, the first of which begins the time.

    with lockout.attempt(account, ip):
        check the password, or raise Unauthenticated
    """

    def __init__(self, failures: int, seconds: float, *, time: Callable[[], float] = anyio.current_time) -> None:
        self._failures = failures
        self._seconds = seconds
        self._time = time
        self._attempts: OrderedDict[Hashable, _Attempts] = OrderedDict()

    @contextmanager
    def attempt(self, account: str, ip: str | None) -> Iterator[None]:
        """One attempt. `RateLimited` when there were too many, with the time until the next; success forgets the account's others."""
        bounds = [((account, ip), self._failures)]
        if ip is not None:
            bounds.append((("any", ip), _ACCOUNTS * self._failures))
        found = [(self._of(key), most) for key, most in bounds]
        self._refuse(found)
        try:
            yield
        except Unauthenticated:
            self._refuse(found)
            for attempts, _ in found:
                attempts.count += 1
            raise
        self._refuse(found)
        self._attempts.pop((account, ip), None)

    def _refuse(self, found: list[tuple[_Attempts, int]]) -> None:
        for attempts, most in found:
            wait = attempts.since + self._seconds - self._time()
            if attempts.count >= most and wait > 0:
                raise RateLimited("too many wrong passwords: wait, then try again", retry_after=wait) from None

    def _of(self, key: Hashable) -> _Attempts:
        now = self._time()
        attempts = self._attempts.get(key)
        if attempts is None or now - attempts.since >= self._seconds:
            attempts = self._attempts[key] = _Attempts(now)
        self._attempts.move_to_end(key)
        while len(self._attempts) > _REMEMBERED:
            self._attempts.popitem(last=False)
        return attempts
