"""Whether a provider may be asked now: its pace, the pauses it has asked for, its breaker, and what it has failed with."""

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

from engine.breaker import CircuitBreaker
from engine.translation.provider import Failing, ProviderFailed, Usage

ProviderState = Literal["ready", "rate_limited", "unavailable", "quota_exceeded", "unauthorized"]

QUOTA_REST: Final = 3600.0
"""For how long a provider is left alone whose quota is used up, unless its usage says earlier that there is some again. In seconds."""
UNAUTHORIZED_REST: Final = 600.0
"""For how long one that does not know us."""
FIRST_PAUSE: Final = 1.0
"""For how long one that wants to be asked less often without saying when; each time twice as long."""
LONGEST_PAUSE: Final = 60.0
LONGEST_WISH: Final = 600.0
"""What is heeded at most of a pause that a provider has asked for."""

_SLACK: Final = 1e-6
_TROUBLE: Final[frozenset[Failing]] = frozenset({"unavailable", "timeout", "malformed"})
"""What opens the breaker."""


class Gate:
    """The door to one provider, shared by all who ask it. `rate` requests pass in a second, `burst` at once.

    `clock` is monotonic, in seconds; `chance` gives random numbers in [0, 1).
    """

    def __init__(
        self,
        clock: Callable[[], float],
        chance: Callable[[], float],
        *,
        rate: float,
        burst: int,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._counted_at = clock()
        self._resting: ProviderState = "ready"
        self._until = float("-inf")
        self._limited = 0
        self.breaker = breaker or CircuitBreaker(clock, chance)
        self.requests = 0
        self.retries = 0
        self.failures: Counter[str] = Counter()
        self.last_error: str | None = None
        self.usage = Usage()

    @property
    def state(self) -> ProviderState:
        """What keeps it from being asked, or `ready`."""
        if self._clock() < self._until - _SLACK:
            return self._resting
        return "ready" if self.breaker.state == "closed" else "unavailable"

    @property
    def passes(self) -> bool:
        """Whether a request may be made now."""
        return self.rested and self._refilled() >= 1.0 - _SLACK

    @property
    def rested(self) -> bool:
        """The same, but for the pace."""
        return self._clock() >= self._until - _SLACK and self.breaker.passes

    @property
    def opens_in(self) -> float:
        """In how many seconds the next request may be made, as far as is known."""
        now = self._clock()
        paced = (1.0 - self._refilled()) / self._rate
        return max(0.0, paced, self._until - now, self.breaker.until - now)

    def begin(self) -> None:
        """A request is made."""
        self._tokens = self._refilled() - 1.0
        self.requests += 1
        self.breaker.begin()

    def interrupted(self) -> None:
        """It was cut short from here."""
        self.breaker.interrupted()

    def succeeded(self) -> None:
        """It did what it was to do."""
        self.breaker.succeeded()
        self._limited = 0

    def failed(self, error: ProviderFailed) -> None:
        """It did not."""
        self.note(error)
        if error.code in _TROUBLE:
            self.breaker.failed()
        else:
            self.breaker.interrupted()
        match error.code:
            case "quota":
                self._rest("quota_exceeded", QUOTA_REST)
            case "unauthorized":
                self._rest("unauthorized", UNAUTHORIZED_REST)
            case "rate_limited":
                self._limited += 1
                own = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._limited - 1, 16))
                self._rest("rate_limited", own if error.retry_after is None else min(LONGEST_WISH, error.retry_after))
            case _ if error.retry_after is not None:
                self._rest("unavailable", min(LONGEST_WISH, error.retry_after))

    def note(self, error: ProviderFailed) -> None:
        """Count something that failed and concerns only itself."""
        self.failures[error.code] += 1
        self.last_error = str(error)

    def used(self, usage: Usage) -> None:
        """The provider has said how much of its quota is used."""
        self.usage = usage
        if usage.spent:
            self._rest("quota_exceeded", QUOTA_REST)
        elif self._resting == "quota_exceeded" and usage.limit is not None:
            self._until = float("-inf")

    def _rest(self, state: ProviderState, seconds: float) -> None:
        until = self._clock() + seconds
        if until >= self._until:
            self._resting, self._until = state, until

    def _refilled(self) -> float:
        now = self._clock()
        self._tokens = min(float(self._burst), self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        return self._tokens
