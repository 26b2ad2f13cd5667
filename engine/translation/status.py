"""What administrators see of the translators, and the counts behind it."""

from collections import Counter
from datetime import datetime

import msgspec

from engine.breaker import BreakerState
from engine.translation.gate import ProviderState


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One provider. `retry_at` is when it is asked again, None while it may be asked; errors have neither texts nor secrets in them.

    `failures` counts requests, or single texts, by what went wrong. `waiting` are texts, `in_flight` requests. `quota_used` and
    `quota_limit` are characters, None where the provider does not say.
    """

    name: str
    state: ProviderState
    breaker: BreakerState
    in_flight: int
    waiting: int
    oldest_wait: float | None
    requests: int
    texts: int
    retries: int
    failures: dict[str, int]
    last_error: str | None
    retry_at: datetime | None
    quota_used: int | None
    quota_limit: int | None


class TranslationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, in the order in which they are asked.

    Of the works that were `requested`, some needed none (`unneeded`), were `cached` here, or `shared` a text that was on its way.
    `translated` and `failed`, by the failure's code, count works, too; `dropped_absent` and `dropped_present` the texts that overload has
    dropped.
    """

    enabled: bool
    providers: tuple[ProviderStatus, ...] = ()
    requested: int = 0
    unneeded: int = 0
    cached: int = 0
    shared: int = 0
    translated: int = 0
    failed: dict[str, int] = {}
    dropped_absent: int = 0
    dropped_present: int = 0
    waiting: int = 0
    queue_limit: int = 0
    cache_size: int = 0


class Ledger:
    """The counts. They outlive the actors that keep them."""

    def __init__(self) -> None:
        self.requested = 0
        self.unneeded = 0
        self.cached = 0
        self.shared = 0
        self.translated = 0
        self.failed: Counter[str] = Counter()
        self.dropped_absent = 0
        self.dropped_present = 0
