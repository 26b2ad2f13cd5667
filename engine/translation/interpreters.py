"""The workers of the pools: each has one request to its provider under way, and makes it again when that may help."""

from collections.abc import Callable
from typing import Final, TypeAlias

import stamina

from actors import Actor, Message, handles
from engine.translation.gate import Gate
from engine.translation.provider import Batch, Failing, Provider, ProviderFailed, Translated

Outcomes: TypeAlias = list[Translated | ProviderFailed]
"""For each text of a batch what has become of it, in order."""

ATTEMPTS: Final = 3
"""Requests for one batch. What fails still is left to the desk."""
FIRST_PAUSE: Final = 0.25
"""Seconds before the second attempt, twice as many before the third; up to half of it is left out by chance."""
LONGEST_PAUSE: Final = 5.0
"""For longer no worker waits: the texts go back to the queue, or to another provider."""
_WORTH_ANOTHER: Final[frozenset[Failing]] = frozenset({"unavailable", "timeout", "rate_limited", "malformed"})


class Interpret(Message["Interpreter", Outcomes | ProviderFailed], frozen=True):
    """Have a batch translated."""

    batch: Batch


class Interpreter(Actor):
    """Makes one request at a time. `chance` gives random numbers in [0, 1)."""

    def __init__(self, provider: Provider, gate: Gate, chance: Callable[[], float]) -> None:
        self._provider = provider
        self._gate = gate
        self._chance = chance

    @handles(Interpret)
    async def interpret(self, message: Interpret) -> Outcomes | ProviderFailed:
        """What has become of each text, or what has kept all of them from being translated."""
        made = 0
        last: ProviderFailed | None = None

        def pause(error: Exception) -> float | bool:
            nonlocal last
            if not isinstance(error, ProviderFailed) or error.code not in _WORTH_ANOTHER:
                return False
            last = error
            if self._gate.breaker.state != "closed" or made == ATTEMPTS:
                return False
            seconds = FIRST_PAUSE * 2.0 ** (made - 1) * (1.0 - self._chance() / 2.0)
            seconds = max(seconds, self._gate.opens_in)  # it may have been asked for more time
            if seconds > LONGEST_PAUSE:
                return False
            self._gate.retries += 1
            return seconds

        try:
            async for attempt in stamina.retry_context(on=pause, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    if last is not None and self._gate.breaker.state != "closed":
                        raise last  # meanwhile others have found that it is down
                    made += 1
                    return await self._attempt(message.batch)
        except ProviderFailed as error:
            return error
        raise AssertionError  # the last attempt returns or raises

    async def _attempt(self, batch: Batch) -> Outcomes:
        gate = self._gate
        gate.begin()
        try:
            outcomes = await self._provider.translate(batch)
        except ProviderFailed as error:
            gate.failed(error)
            raise
        except Exception:
            gate.failed(ProviderFailed("malformed", f"{self._provider.name} broke"))
            raise
        except BaseException:
            gate.interrupted()
            raise
        if len(outcomes) != len(batch.documents):
            lost = ProviderFailed("malformed", f"{self._provider.name} lost count of the texts")
            gate.failed(lost)
            raise lost
        gate.succeeded()
        return outcomes
