"""Invitations to rooms, by code."""

from datetime import datetime
from typing import Protocol

import msgspec

from engine.domain.fields import ParticipantId, TimelineId


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever brings the code, of which only the SHA-256 is kept, may join until it expires."""

    digest: bytes
    timeline_id: TimelineId
    created_by: ParticipantId
    created_at: datetime
    expires_at: datetime


class Invites(Protocol):
    """Invitations, good for any number of people until they expire or are revoked."""

    async def add(self, invite: Invite) -> None:
        """Store one."""
        ...

    async def get(self, digest: bytes) -> Invite | None:
        """One by its code, expired or not."""
        ...

    async def revoke(self, digest: bytes) -> bool:
        """Forget one; tells whether there was one."""
        ...

    async def purge(self, *, expired_before: datetime) -> int:
        """Forget those that expired before a moment; tells how many."""
        ...
