"""The ways to the providers: what waits for each, and whether it may go."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from actors import Pool
from engine.translation.failures import (
    LanguageUnsupported,
    ProviderQuotaSpent,
    ProvidersUnavailable,
    TextTooLong,
    TranslationFailed,
)
from engine.translation.flights import Flight, Waiting
from engine.translation.gate import Gate
from engine.translation.interpreters import Interpreter
from engine.translation.provider import Provider


class Lane:
    """The way to one provider. `free` are the requests that may be made beside those that are under way."""

    def __init__(
        self, number: int, provider: Provider, gate: Gate, pool: Pool[Interpreter], *, clock: Callable[[], float]
    ) -> None:
        self.number = number
        self.provider = provider
        self.gate = gate
        self.pool = pool
        self.offer = provider.known
        self._clock = clock
        self.waiting = Waiting()
        self.free = provider.capacity.requests
        self.texts = 0
        self.sends_at: float | None = None
        """The moment that is set for sending what gathers, if one is."""

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self.provider.capacity.requests - self.free

    @property
    def oldest_wait(self) -> float | None:
        """For how many seconds a text has waited here, at the most."""
        oldest = min((flight.since for flight in self.waiting), default=None)
        return None if oldest is None else self._clock() - oldest

    def takes(self, flight: Flight) -> TranslationFailed | None:
        """Why the provider cannot translate a text at all; None when it can."""
        options = flight.key.options
        if self.offer.target(options.target) is None or (options.source and self.offer.source(options.source) is None):
            return LanguageUnsupported(f"nobody translates from {options.source or 'any language'} to {options.target}")
        if len(flight.work.text) > self.provider.capacity.characters:
            return TextTooLong(f"at most {self.provider.capacity.characters} characters are translated at a time")
        return None


Lanes: TypeAlias = list[Lane]


def resting(lanes: Sequence[Lane]) -> TranslationFailed:
    """Why nobody can be asked in time."""
    opens_in = min(lane.gate.opens_in for lane in lanes)
    if all(lane.gate.state == "quota_exceeded" for lane in lanes):
        return ProviderQuotaSpent("the quota for translations is used up", retry_after=opens_in)
    return ProvidersUnavailable("no provider of translations can be reached", retry_after=max(opens_in, 1.0))
