"""The weekly quota at the moment of posting.

The database is the judge. The count of a person's messages is a projection of `message.posted`, and an append that would lead it
over the limit is refused in the transaction that counts (`Append.limits`): whatever rooms, processes and crashes do, nobody gets
one message more. What is refused here, without asking, is only what the database has said before: a count never falls within
its week, so a limit that was reached stays reached.
"""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import date, datetime

from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.people import Principal
from engine.domain.quota import end_of, week_of
from engine.errors import QuotaExceeded

_REMEMBERED = 10_000
"""People whose counts are remembered; who is forgotten costs the database one more refused append."""


class Quotas:
    """The limits of people, and what is known of their use. `default` is the limit of whoever has none of their own."""

    def __init__(self, default: int | None = None) -> None:
        self.default = default
        self._known: OrderedDict[tuple[ParticipantId, date], int] = OrderedDict()

    def limit(self, by: Principal) -> int | None:
        """How many messages this participant may post in a week; None: as many as they like, like every agent."""
        if by.participant.kind is ParticipantKind.AGENT:
            return None
        return self.default if by.weekly_messages is None else by.weekly_messages

    def known(self, user_id: ParticipantId, week: date) -> int:
        """How many messages they have posted in that week, at least."""
        return self._known.get((user_id, week), 0)

    def learn(self, used: Iterable[tuple[ParticipantId, date, int]]) -> None:
        """Take in what the database has counted."""
        for user_id, week, count in used:
            key = (user_id, week)
            self._known[key] = max(count, self._known.get(key, 0))
            self._known.move_to_end(key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def exceeded(limit: int, now: datetime) -> QuotaExceeded:
    """The refusal of a post over `limit`, with the time until the next week."""
    resets_at = end_of(week_of(now))
    return QuotaExceeded(
        f"the quota of {limit} messages a week is used up until {resets_at:%Y-%m-%d %H:%M} UTC",
        retry_after=(resets_at - now).total_seconds(),
    )
