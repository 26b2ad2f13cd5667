"""Dead letters: every message that is not handled is counted here, with its reason. Nothing vanishes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from actors.errors import ActorStopped, AskFailed

if TYPE_CHECKING:
    from actors.message import Message
    from actors.ref import Ref

A = TypeVar("A")

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
    an instance that is gone). Of a pool's jobs also: `expired` and `abandoned` in its queue.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        self.latest: deque[DeadLetter] = deque(maxlen=KEPT)
        self._clock = clock
        self._logged = 0
        self._quiet_until = float("-inf")
        self._subscribers: dict[object, Callable[[DeadLetter], None]] = {}
        self._telling = False

    @property
    def total(self) -> int:
        """How many there have been."""
        return self.counts.total()

    def add(self, letter: DeadLetter) -> None:
        """Count, keep, tell the subscribers and, within measure, log."""
        self.counts[letter.reason] += 1
        self.latest.append(letter)
        if self._subscribers and not self._telling:
            self._tell(letter)
        self._log(letter)

    def subscribe(self, callback: Callable[[DeadLetter], None]) -> Callable[[], None]:
        """Call `callback` with every dead letter from now on, while it comes to be one: it must neither block nor raise.

        A dead letter that a subscriber causes itself is counted, but nobody is told. Returns what ends the subscription.
        """
        subscription = object()
        self._subscribers[subscription] = callback

        def unsubscribe() -> None:
            self._subscribers.pop(subscription, None)

        return unsubscribe

    def send_to(self, ref: Ref[A], make: Callable[[DeadLetter], Message[A, Any]]) -> Callable[[], None]:
        """Tell an actor of every dead letter from now on, by a message that `make` makes of it.

        Of its own dead letters it is not told, and those for which its mailbox has no room it misses. Returns what ends the
        subscription; it ends by itself with the actor.
        """

        def forward(letter: DeadLetter) -> None:
            if letter.path == ref.path:
                return
            try:
                ref.tell(make(letter))
            except ActorStopped:
                unsubscribe()
            except AskFailed as error:
                log.debug("dead_letters.not_told", path=ref.path, exc_info=error)

        unsubscribe = self.subscribe(forward)
        return unsubscribe

    def _tell(self, letter: DeadLetter) -> None:
        self._telling = True
        try:
            for callback in list(self._subscribers.values()):
                try:
                    callback(letter)
                except (
                    Exception
                ):  # a subscriber that breaks its promise must not take the sender of the message with it
                    log.exception("dead_letters.subscriber_failed", path=letter.path, reason=letter.reason)
        finally:
            self._telling = False

    def _log(self, letter: DeadLetter) -> None:
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
