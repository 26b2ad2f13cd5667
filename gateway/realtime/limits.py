"""How fast one connection may send commands."""

from enum import Enum


class Verdict(Enum):
    """What becomes of a command."""

    ADMIT = "admit"
    REFUSE = "refuse"
    """Too fast: it gets error 111."""
    ABUSE = "abuse"
    """It has gone on too fast for too long: disconnect 3013."""


class TokenBucket:
    """A token bucket: `rate` commands a second on average, `burst` at once.

    After `patience` refusals without a pause that fills the bucket, the verdict is ABUSE: a client that slows down in time
    is only ever refused.
    """

    __slots__ = ("_at", "_burst", "_patience", "_rate", "_refused", "_tokens")

    def __init__(self, rate: float, burst: int, *, patience: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._patience = patience
        self._tokens = self._burst
        self._refused = 0
        self._at = now

    def judge(self, now: float) -> Verdict:
        """Spend a token at `now` (seconds, monotonic), if there is one."""
        tokens = self._tokens + (now - self._at) * self._rate
        self._at = now
        if tokens >= self._burst:
            tokens = self._burst
            self._refused = 0
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return Verdict.ADMIT
        self._tokens = tokens
        self._refused += 1
        return Verdict.ABUSE if self._refused > self._patience else Verdict.REFUSE
