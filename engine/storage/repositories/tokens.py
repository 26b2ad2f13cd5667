"""Refresh tokens."""

from datetime import datetime
from typing import Protocol

import msgspec

from engine.domain.fields import ParticipantId


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh token of a family. Only the token's SHA-256 is kept; `rotated_at` is set once it was exchanged for the next."""

    digest: bytes
    family_id: str
    user_id: ParticipantId
    expires_at: datetime
    rotated_at: datetime | None = None
    revoked_at: datetime | None = None


class Tokens(Protocol):
    """Refresh tokens, grouped into families: one family is one sign-in on one device."""

    async def add(self, token: RefreshToken) -> None:
        """Store the first token of a new family."""
        ...

    async def get(self, digest: bytes) -> RefreshToken | None:
        """A token in any state, with its family's `revoked_at`."""
        ...

    async def rotate(self, digest: bytes, successor: RefreshToken, *, at: datetime) -> bool:
        """Mark a token as rotated and store its successor, in one transaction.

        False, with nothing changed, when it was rotated or its family revoked already: of several concurrent calls one wins.
        """
        ...

    async def revoke_family(self, family_id: str, *, at: datetime) -> None:
        """End a family: none of its tokens is good any more. Doing it again changes nothing."""
        ...

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime) -> None:
        """End every family of a person."""
        ...

    async def family_revoked(self, family_id: str) -> bool:
        """Whether this family has ended (or never was)."""
        ...

    async def purge(self, *, expired_before: datetime) -> int:
        """Forget the tokens that expired before a moment; tells how many."""
        ...
