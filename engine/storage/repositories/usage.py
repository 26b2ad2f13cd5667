"""How many messages people have posted in a week."""

from datetime import date
from typing import Protocol

from engine.domain.fields import ParticipantId
from engine.domain.people import User


class Usage(Protocol):
    """The counts that the logs' `message.posted` events imply, by person and week; a week goes by its Monday.

    They are written with the events (see `TimelineLog.append`): what is committed is counted, whatever happens after.
    """

    async def used(self, user_id: ParticipantId, week: date) -> int:
        """What somebody has posted in a week, deleted messages too."""
        ...

    async def search(
        self,
        prefix: str,
        *,
        week: date,
        default: int | None,
        reached: bool,
        after: ParticipantId | None = None,
        limit: int,
    ) -> list[User]:
        """Accounts, active or not, that have reached their quota of a week, or those that have not.

        Whoever has no quota of their own has the `default`, None being none at all. The rest is as in `Users.search`.
        """
        ...

    async def purge(self, *, before: date) -> int:
        """Forget the counts of the weeks before one; tells how many."""
        ...
