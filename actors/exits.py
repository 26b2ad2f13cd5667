"""Why an actor ended, and what a supervisor does about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ExitKind(StrEnum):
    """How an actor ended."""

    NORMAL = "normal"
    """It asked to stop, or was stopped alone."""
    SHUTDOWN = "shutdown"
    """Its supervisor stops."""
    PASSIVATED = "passivated"
    """It was idle and sleeps until its next message."""
    REFUSED = "refused"
    """Its `started` refused to begin."""
    CRASHED = "crashed"
    """Something undeclared left a handler or hook."""
    KILLED = "killed"
    """It did not stop in time and was cancelled."""


class Exit(msgspec.Struct, frozen=True):
    """How and, for a refusal or a crash, with which error."""

    kind: ExitKind
    error: Exception | None = None


KILLED = Exit(ExitKind.KILLED)


class Restart(StrEnum):
    """When an actor is started again (OTP supervisor, restart types)."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only after a crash."""
    TEMPORARY = "temporary"
    """Never."""

    def applies_to(self, exit_: Exit) -> bool:
        """Whether an actor that ended so is to be started again."""
        if self is Restart.TEMPORARY or exit_.kind in {ExitKind.SHUTDOWN, ExitKind.KILLED}:
            return False
        return self is Restart.PERMANENT or exit_.kind is ExitKind.CRASHED


class Strategy(StrEnum):
    """Who is started again when a child of a supervisor crashes (OTP supervisor, restart strategies)."""

    ONE_FOR_ONE = "one_for_one"
    """That child."""
    ONE_FOR_ALL = "one_for_all"
    """All children: they are stopped in reverse order, then started in order."""
    REST_FOR_ONE = "rest_for_one"
    """That child and those that were started after it."""


class Intensity(msgspec.Struct, frozen=True):
    """At most `restarts` restarts within any `period` seconds (OTP supervisor, restart intensity)."""

    restarts: int = 3
    period: float = 5.0


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait before a restart, in seconds.

    The first restart after a stable time is immediate; then exponential with full jitter
    (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015). `stable` seconds without a crash forget the past.
    """

    initial: float = 0.2
    maximum: float = 30.0
    stable: float = 60.0

    def delay(self, crashes: int, chance: float) -> float:
        """The delay before the restart that follows the `crashes`-th crash in a row; `chance` is random in [0, 1)."""
        if crashes <= 1:
            return 0.0
        return min(self.maximum, self.initial * 2.0 ** min(crashes - 2, 32)) * chance


class CrashRecord:
    """The recent crashes of one child or one supervisor, held against an intensity."""

    __slots__ = ("_backoff", "_intensity", "_last", "_row", "_times")

    def __init__(self, intensity: Intensity, backoff: Backoff) -> None:
        self._intensity = intensity
        self._backoff = backoff
        self._times: tuple[float, ...] = ()
        self._last = float("-inf")
        self._row = 0

    def add(self, now: float) -> bool:
        """Record a crash at `now`; False when it is one more than the intensity allows."""
        self._row = self._row + 1 if now - self._last < self._backoff.stable else 1
        self._last = now
        self._times = (*(time for time in self._times if now - time < self._intensity.period), now)
        return len(self._times) <= self._intensity.restarts

    def delay(self, chance: float) -> float:
        """Seconds to wait before the next restart."""
        return self._backoff.delay(self._row, chance)

    def is_over(self, now: float) -> bool:
        """Whether a crash at `now` would be judged as the first one."""
        return now - self._last >= max(self._backoff.stable, self._intensity.period)
