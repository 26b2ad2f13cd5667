"""What other servers ask for in a `Retry-After` header."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_retry_after(value: str | None, now: Callable[[], datetime]) -> float | None:
    """The seconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3: a number, or a date); None without a usable one."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now()).total_seconds())
