"""The weekly quota of messages: what a week is, and how much of it somebody has used."""

from datetime import UTC, date, datetime, time, timedelta

import msgspec


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """A person's messages of this week. `limit` is None where there is none; `used` counts what they posted, deleted or not."""

    limit: int | None
    used: int
    resets_at: datetime


def week_of(moment: datetime) -> date:
    """The Monday that begins a moment's week (ISO 8601), in UTC whatever the moment's own zone."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def end_of(week: date) -> datetime:
    """When the next week begins: Monday, 00:00 UTC."""
    return datetime.combine(week + timedelta(days=7), time(), UTC)
