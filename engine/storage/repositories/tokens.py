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


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that is good: what signed in (`client`, in its own words), when, and when it last exchanged its token."""

    id: str
    client: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class Tokens(Protocol):
    """Refresh tokens, grouped into families: one family is one sign-in on one device."""

    async def add(self, token: RefreshToken, *, at: datetime, client: str | None = None) -> None:
        """Store the first token of a new family."""
        ...

    async def get(self, digest: bytes) -> RefreshToken | None:
        """A token in any state, with its family's `revoked_at`."""
        ...

    async def rotate(self, digest: bytes, successor: RefreshToken, *, at: datetime) -> bool:
        """Mark a token as rotated and store its successor, in one transaction.

        The family was last used then. False, with nothing changed, when the token was rotated or its family revoked already: of
        several concurrent calls one wins.
        """
        ...

    async def alive(self, user_id: ParticipantId, *, at: datetime) -> list[Family]:
        """A person's families that have neither ended nor expired at that moment, the last used first."""
        ...

    async def revoke_family(self, family_id: str, *, at: datetime, of: ParticipantId | None = None) -> bool:
        """End a family: none of its tokens is good any more. False, with nothing changed, when it had ended, or is not that person's."""
        ...

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime, but: str | None = None) -> list[str]:
        """End every family of a person, but one. Answers which ones that were."""
        ...

    async def family_revoked(self, family_id: str) -> bool:
        """Whether this family has ended (or never was)."""
        ...

    async def purge(self, *, expired_before: datetime) -> int:
        """Forget the tokens that expired before a moment; tells how many."""
        ...
