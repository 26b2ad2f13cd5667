"""Accounts."""

from collections.abc import Sequence

from msgspec.structs import asdict, replace

from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.people import User
from engine.errors import Conflict
from engine.storage.memory.state import Account, State, Timeline
from engine.storage.records import login_key, search_key


class MemoryUsers:
    """See `repositories.Users`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, user: User, password_hash: str, epoch: str) -> str | None:
        await self._state.enter()
        if taken := self._taken(user):
            return taken
        if user.id in self._state.accounts or user.id in self._state.participants:
            raise Conflict(f"there is an account {user.id} already")
        self._state.accounts[user.id] = Account(_stored(user), password_hash)
        self._state.participants[user.id] = user.participant
        # A person's own timeline goes by their id.
        self._state.timelines[TimelineId(user.id)] = Timeline(TimelineKind.USER, epoch)
        return None

    async def get(self, user_id: ParticipantId) -> User | None:
        await self._state.enter()
        account = self._state.accounts.get(user_id)
        return account.user if account else None

    async def get_many(self, user_ids: Sequence[ParticipantId]) -> list[User]:
        await self._state.enter()
        found = (self._state.accounts.get(user_id) for user_id in dict.fromkeys(user_ids))
        return [account.user for account in found if account]

    async def by_login(self, login: str) -> tuple[User, str] | None:
        await self._state.enter()
        key = login_key(login)
        for account in self._state.accounts.values():
            if key in (account.user.email, login_key(account.user.username)):
                return account.user, account.password_hash
        return None

    async def search(
        self, prefix: str, *, after: ParticipantId | None = None, limit: int, inactive: bool = False
    ) -> list[User]:
        await self._state.enter()
        key = login_key(prefix)
        users = sorted((account.user for account in self._state.accounts.values()), key=lambda user: user.id)
        found = (user for user in users if (user.active or inactive) and login_key(user.username).startswith(key))
        return [user for user in found if after is None or user.id > after][:limit]

    async def update(self, user: User, *, was: User) -> str | None:
        await self._state.enter()
        account = self._state.accounts.get(user.id)
        if account is None:
            return None
        if taken := self._taken(user):
            return taken
        before = asdict(was)
        changed = {field: value for field, value in asdict(user).items() if value != before[field]}
        account.user = _stored(replace(account.user, **changed))
        self._state.participants[user.id] = account.user.participant
        return None

    async def set_password(self, user_id: ParticipantId, password_hash: str) -> None:
        await self._state.enter()
        if account := self._state.accounts.get(user_id):
            account.password_hash = password_hash

    def _taken(self, user: User) -> str | None:
        others = [account.user for account in self._state.accounts.values() if account.user.id != user.id]
        if any(other.email == login_key(user.email) for other in others):
            return "email"
        if any(login_key(other.username) == login_key(user.username) for other in others):
            return "username"
        key = search_key(user.username)
        return "username" if any(search_key(agent.name) == key for agent in self._state.agents.values()) else None


def _stored(user: User) -> User:
    return replace(user, email=login_key(user.email))
