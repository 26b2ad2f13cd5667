"""Invitations."""

from datetime import datetime

from engine.storage.memory.state import State
from engine.storage.repositories import Invite


class MemoryInvites:
    """See `repositories.Invites`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, invite: Invite) -> None:
        await self._state.enter()
        self._state.invites[invite.digest] = invite

    async def get(self, digest: bytes) -> Invite | None:
        await self._state.enter()
        return self._state.invites.get(digest)

    async def revoke(self, digest: bytes) -> bool:
        await self._state.enter()
        return self._state.invites.pop(digest, None) is not None

    async def purge(self, *, expired_before: datetime) -> int:
        await self._state.enter()
        gone = [digest for digest, invite in self._state.invites.items() if invite.expires_at < expired_before]
        for digest in gone:
            del self._state.invites[digest]
        return len(gone)
