"""Accounts."""

from collections.abc import Sequence
from typing import Protocol

from engine.domain.fields import ParticipantId
from engine.domain.people import User


class Users(Protocol):
    """Accounts. Each user's own timeline (kind `user`) and participant row are created and renamed with them."""

    async def add(self, user: User, password_hash: str, epoch: str) -> str | None:
        """Store a new account and its personal timeline; or answer the field that is taken (`email` or `username`), any case.

        A username is taken by an agent of that name, too.
        """
        ...

    async def get(self, user_id: ParticipantId) -> User | None:
        """An account, active or not."""
        ...

    async def get_many(self, user_ids: Sequence[ParticipantId]) -> list[User]:
        """Those that exist, in any order."""
        ...

    async def by_login(self, login: str) -> tuple[User, str] | None:
        """The account with this email or username, in any case, and its password hash."""
        ...

    async def search(
        self, prefix: str, *, after: ParticipantId | None = None, limit: int, inactive: bool = False
    ) -> list[User]:
        """Accounts whose username begins with `prefix`, in any case, by id upwards; with `inactive` deactivated ones too."""
        ...

    async def update(self, user: User, *, was: User) -> str | None:
        """Store the fields in which `user` differs from what it `was`; or answer the field that is taken, with nothing changed.

        The other fields keep what is stored, so that changes of different fields by different processes all hold.
        """
        ...

    async def set_password(self, user_id: ParticipantId, password_hash: str) -> None:
        """Replace the password hash."""
        ...
