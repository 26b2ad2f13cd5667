"""Who is who: the accounts as this process knows them, and the one place where they are changed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

import anyio
from msgspec.structs import replace

from engine.accounts.recent import Recent
from engine.domain.fields import ParticipantId
from engine.domain.people import User
from engine.errors import Conflict, NotFound, Unauthenticated
from engine.storage.repositories import Users
from engine.traffic import Courtesy

LATELY: Final = 120.0
"""Seconds for which the account of someone who was seen is read ahead: to post they need not wait for it."""


class Directory:
    """Accounts by id, remembered for `ttl` seconds, and changed one change at a time.

    What this process changes is known at once; what another one changes, within `ttl` of being asked for. While the storage
    is unavailable people stay who they were.
    """

    def __init__(self, users: Users, *, ttl: float = 2.0, time: Callable[[], float] = anyio.current_time) -> None:
        self._users = users
        self._ttl = ttl
        self._recent = Recent(self._read, ttl=ttl, changed=self._tell, time=time)
        self._listeners: list[Callable[[User], None]] = []
        self._turns: WeakValueDictionary[ParticipantId, anyio.Lock] = WeakValueDictionary()

    async def user(self, user_id: ParticipantId) -> User:
        """An account, active or not. `NotFound`; `StorageUnavailable` when it is neither remembered nor readable."""
        user = await self._recent.get(user_id)
        if user is None:
            raise NotFound("there is no such person")
        return user

    async def current(self, user_id: ParticipantId) -> User:
        """Someone who may act now; `Unauthenticated` when the account is deactivated or gone."""
        user = await self._recent.get(user_id)
        if user is None or not user.active:
            raise deactivated()
        return user

    async def read_ahead(self, courtesy: Courtesy) -> None:
        """Read those again who were here lately, in the second half of their time: to be called more often than that."""
        await self._recent.read_ahead(ahead=self._ttl / 2, lately=LATELY, between=courtesy.after_you)

    async def add(self, user: User, password_hash: str, *, epoch: str) -> User:
        """Store a new account; `Conflict` names the field that is taken."""
        _refuse_taken(await self._users.add(user, password_hash, epoch))
        self._note(user)
        return user

    async def change(self, user_id: ParticipantId, changes: Mapping[str, Any]) -> User:
        """Give some fields of an account new values; `NotFound`. Concurrent changes of different fields all hold.

        Answers when they are stored. When they change nothing, nothing is written.
        """
        return (await self.difference(user_id, changes))[1]

    async def difference(self, user_id: ParticipantId, changes: Mapping[str, Any]) -> tuple[User, User]:
        """See `change`; answers the account as it was and as it is."""
        turn = self._turns.setdefault(user_id, anyio.Lock())
        async with turn:
            # Not from memory: what this answers and remembers must be the latest.
            user = await self._users.get(user_id)
            if user is None:
                raise NotFound("there is no such person")
            changed = replace(user, **changes)
            if changed != user:
                _refuse_taken(await self._users.update(changed, was=user))
                self._note(changed)
            return user, changed

    def watch(self, listener: Callable[[User], None]) -> None:
        """Call `listener` after every change of an account, with its new state. It must neither wait nor raise."""
        self._listeners.append(listener)

    def _note(self, user: User) -> None:
        self._recent.put(user.id, user)
        self._tell(user)

    def _tell(self, user: User) -> None:
        for listener in self._listeners:
            listener(user)

    async def _read(self, user_ids: Sequence[ParticipantId]) -> dict[ParticipantId, User]:
        return {user.id: user for user in await self._users.get_many(user_ids)}


def deactivated() -> Unauthenticated:
    """The refusal of everything to someone whose account is not active."""
    return Unauthenticated("this account is deactivated")


def _refuse_taken(field: str | None) -> None:
    if field is not None:
        raise Conflict(f"this {field} is taken")
