"""Counts of messages."""

from datetime import date

from engine.domain.fields import ParticipantId
from engine.domain.people import User
from engine.storage.memory.state import State
from engine.storage.records import login_key


class MemoryUsage:
    """See `repositories.Usage`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def used(self, user_id: ParticipantId, week: date) -> int:
        await self._state.enter()
        return self._state.counts.get((user_id, week), 0)

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
        await self._state.enter()
        key = login_key(prefix)

        def has_reached(user: User) -> bool:
            quota = default if user.weekly_messages is None else user.weekly_messages
            return quota is not None and self._state.counts.get((user.id, week), 0) >= quota

        users = sorted((account.user for account in self._state.accounts.values()), key=lambda user: user.id)
        found = (user for user in users if login_key(user.username).startswith(key) and has_reached(user) is reached)
        return [user for user in found if after is None or user.id > after][:limit]

    async def purge(self, *, before: date) -> int:
        await self._state.enter()
        old = [key for key in self._state.counts if key[1] < before]
        for key in old:
            del self._state.counts[key]
        return len(old)
