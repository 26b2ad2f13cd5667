"""A circuit breaker: a provider that is down is asked now and then, not by everybody all the time."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

FAILURES: Final = 5
"""Failures in a row, without an answer in between, that open it."""
REST: Final = 10.0
"""How long it stays open before one request may try, in seconds; doubled each time that one fails."""
LONGEST_REST: Final = 120.0


class BreakerState(StrEnum):
    """`closed`: requests pass; `open`: none does; `half_open`: one is trying."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Counts the failures of one provider (M. Nygard, "Release It!", 2007: circuit breaker)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._rest = REST
        self._until: float | None = None
        """When it may be tried again; None while it is closed."""
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """How it stands."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._trying else BreakerState.OPEN

    def refuses(self) -> float | None:
        """None: a request may go, and is to be followed by `answered`, `failed` or `left`; otherwise seconds to wait."""
        if self._until is None:
            return None
        left = self._until - self._clock()
        if self._trying or left > 0:
            return max(left, 1.0)
        self._trying = True
        return None

    def answered(self) -> None:
        """The provider works."""
        self._failures, self._rest, self._until, self._trying = 0, REST, None, False

    def failed(self) -> None:
        """The provider does not work."""
        self._failures += 1
        if self._trying:
            self._rest = min(2 * self._rest, LONGEST_REST)
        if self._trying or (self._failures >= FAILURES and self._until is None):
            self._until = self._clock() + self._rest
        self._trying = False

    def left(self) -> None:
        """A request has ended without saying anything of the provider: its caller has left, or it was at fault itself."""
        self._trying = False
