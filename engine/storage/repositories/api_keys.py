"""API keys."""

from datetime import datetime
from typing import Protocol

import msgspec

from engine.domain.fields import ParticipantId


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that acts for a person, or for the agent that they gave it to, until it is revoked. The key itself is kept nowhere.

    `last_used_at` is right to the hour.
    """

    id: str
    user_id: ParticipantId
    name: str
    created_at: datetime
    last_used_at: datetime | None = None
    agent_id: ParticipantId | None = None


class ApiKeys(Protocol):
    """API keys, found by their SHA-256."""

    async def add(self, key: ApiKey, digest: bytes, *, most: int) -> bool:
        """Store a key; False, with nothing stored, when its owner has `most` already, however many are added at once."""
        ...

    async def get(self, digest: bytes) -> ApiKey | None:
        """The key of this digest; None when there is none, or no more."""
        ...

    async def owned(self, user_id: ParticipantId) -> list[ApiKey]:
        """A person's keys, oldest first."""
        ...

    async def remove(self, user_id: ParticipantId, key_id: str) -> bytes | None:
        """Revoke a person's key; its digest, or None when they have no such key."""
        ...

    async def touch(self, key_id: str, *, at: datetime) -> None:
        """Note that a key was used."""
        ...
