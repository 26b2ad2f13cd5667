"""Wall-clock time and fresh identifiers, passed in so that simulations can own both."""

from datetime import UTC, datetime
from typing import Protocol

from uuid_utils import uuid7


class Clock(Protocol):
    """Where the engine learns what time it is and how it names new things."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC, in microseconds."""
        ...

    def new_id(self) -> str:
        """A new UUIDv7 string (RFC 9562), greater than those this clock gave before."""
        ...


class SystemClock:
    """The machine's own clock and randomness."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def new_id(self) -> str:
        """See `Clock.new_id`."""
        return str(uuid7())
