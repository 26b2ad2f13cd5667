"""When a delivery that failed is tried again, and when it is given up."""

import msgspec


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential backoff with jitter.

    An event is tried `attempts` times. The pause before the second is `initial` seconds, each one after that `factor` times the one
    before, at most `maximum`; of each a random part of at most a half is left out, so that the deliveries that failed together do not
    come back together (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015: equal jitter). With the defaults
    the fifth attempt is between 1.3 and 2.6 hours after the first.
    """

    attempts: int = 5
    initial: float = 60.0
    factor: float = 5.0
    maximum: float = 21_600.0

    def pause(self, failed: int, chance: float, retry_after: float | None = None) -> float:
        """Seconds until the next attempt after `failed` ones; `chance` is random in [0, 1).

        `retry_after`: what the receiver has asked for, which may make it longer (up to `maximum`) and never shorter.
        """
        whole = min(self.maximum, self.initial * self.factor ** min(failed - 1, 64))
        pause = whole * (1.0 - chance / 2.0)
        return pause if retry_after is None else max(pause, min(retry_after, self.maximum))
