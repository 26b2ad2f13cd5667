"""A circuit breaker (Nygard, "Release It!", 2007): who fails again and again is left alone, then tried with a single request."""

from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


class CircuitBreaker:
    """Opens after `threshold` failures in a row, for `rest` seconds, and twice as long each time that the probe after that fails.

    `clock` is monotonic, in seconds; `chance` gives random numbers in [0, 1): up to half of a rest is left out by chance, so that several
    servers do not come back together.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        chance: Callable[[], float],
        *,
        threshold: int = 5,
        rest: float = 5.0,
        longest: float = 120.0,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._threshold = threshold
        self._rest = rest
        self._longest = longest
        self._failures = 0
        self._opened = 0
        self._probing = False
        self.until = float("-inf")
        """When it lets a probe through, once it has opened."""

    @property
    def state(self) -> BreakerState:
        """`half_open` when its rest is over, and while the probe is out."""
        if not self._opened:
            return "closed"
        return "half_open" if self._probing or self._clock() >= self.until else "open"

    @property
    def passes(self) -> bool:
        """Whether a request may be made now."""
        return self.state == "closed" or (self.state == "half_open" and not self._probing)

    def begin(self) -> None:
        """A request is made: half open, it is the probe."""
        self._probing = self._opened > 0

    def interrupted(self) -> None:
        """The request ended without saying anything of the other side."""
        self._probing = False

    def succeeded(self) -> None:
        """The other side works."""
        self._failures = self._opened = 0
        self._probing = False
        self.until = float("-inf")

    def failed(self) -> None:
        """The other side does not work."""
        self._failures += 1
        was_probing, self._probing = self._probing, False
        if was_probing or (not self._opened and self._failures >= self._threshold):
            rest = min(self._longest, self._rest * 2.0 ** min(self._opened, 16))
            self.until = self._clock() + rest * (1.0 - self._chance() / 2.0)
            self._opened += 1
