"""Dead letters: every message that is not handled is counted here, with its reason. Nothing vanishes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

log = structlog.get_logger(__name__)

KEPT = 100
"""How many of the latest dead letters are kept for inspection."""
LOGGED = 10
"""How many are logged one by one before the log goes quiet (Pekko: 10)."""
QUIET = 300.0
"""For how long it is quiet, in seconds (Pekko: 5 minutes)."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was not handled. `reason` is one of the words listed in `DeadLetters`."""

    path: str
    message: Any
    reason: str
    error: BaseException | None = None


class DeadLetters:
    """The book of one system.

    Reasons: `mailbox_full`, `dropped_oldest`, `dropped_newest`, `coalesced` (overflow policies); `expired`, `abandoned` (the
    caller no longer waited); `crashed` (it was being handled), `killed`, `stopped`, `quarantined`, `refused` (the actor would
    not start), `unavailable` (the family of virtual actors is full or stopping), `unhandled` (no handler), `stale` (an answer for
    an instance that is gone).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        self.latest: deque[DeadLetter] = deque(maxlen=KEPT)
        self._clock = clock
        self._logged = 0
        self._quiet_until = float("-inf")

    @property
    def total(self) -> int:
        """How many there have been."""
        return self.counts.total()

    def add(self, letter: DeadLetter) -> None:
        """Count, keep and, within measure, log."""
        self.counts[letter.reason] += 1
        self.latest.append(letter)
        now = self._clock()
        if now < self._quiet_until:
            return
        if self._logged >= LOGGED:
            self._logged = 0
        self._logged += 1
        log.warning(
            "actor.dead_letter",
            path=letter.path,
            message=type(letter.message).__name__,
            reason=letter.reason,
            total=self.total,
        )
        if self._logged == LOGGED:
            self._quiet_until = now + QUIET
            log.warning("actor.dead_letters_muted", seconds=QUIET)
