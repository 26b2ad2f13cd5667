"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

from engine.clock import SystemClock


class StoppedClock(SystemClock):
    """The time is `time`, and goes on only by `advance`. Its monotonic side is `monotonic`, in seconds."""

    def __init__(self, time: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self.start = self.time = time

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - self.start).total_seconds()

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)
