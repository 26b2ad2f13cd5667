"""Refresh tokens and their families."""

from datetime import datetime

from msgspec.structs import replace

from engine.domain.fields import ParticipantId
from engine.errors import Conflict
from engine.storage.memory.state import State
from engine.storage.repositories import RefreshToken


class MemoryTokens:
    """See `repositories.Tokens`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, token: RefreshToken) -> None:
        await self._state.enter()
        if token.family_id in self._state.families or token.digest in self._state.tokens:
            raise Conflict(f"there is a family {token.family_id} or its token already")
        self._state.families[token.family_id] = (token.user_id, token.revoked_at)
        self._state.tokens[token.digest] = token

    async def get(self, digest: bytes) -> RefreshToken | None:
        await self._state.enter()
        token = self._state.tokens.get(digest)
        return replace(token, revoked_at=self._state.families[token.family_id][1]) if token else None

    async def rotate(self, digest: bytes, successor: RefreshToken, *, at: datetime) -> bool:
        await self._state.enter()
        token = self._state.tokens.get(digest)
        if token is None or token.rotated_at is not None or self._state.families[token.family_id][1] is not None:
            return False
        if successor.digest in self._state.tokens:
            raise Conflict("there is this token already")
        self._state.tokens[digest] = replace(token, rotated_at=at)
        self._state.tokens[successor.digest] = successor
        return True

    async def revoke_family(self, family_id: str, *, at: datetime) -> None:
        await self._state.enter()
        self._revoke([family_id], at)

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime) -> None:
        await self._state.enter()
        self._revoke([key for key, (owner, _) in self._state.families.items() if owner == user_id], at)

    def _revoke(self, family_ids: list[str], at: datetime) -> None:
        for family_id in family_ids:
            owner, revoked_at = self._state.families.get(family_id, (None, at))
            if owner is not None and revoked_at is None:
                self._state.families[family_id] = (owner, at)

    async def family_revoked(self, family_id: str) -> bool:
        await self._state.enter()
        family = self._state.families.get(family_id)
        return family is None or family[1] is not None

    async def purge(self, *, expired_before: datetime) -> int:
        await self._state.enter()
        expired = [token for token in self._state.tokens.values() if token.expires_at < expired_before]
        for token in expired:
            del self._state.tokens[token.digest]
        alive = {token.family_id for token in self._state.tokens.values()}
        for family_id in self._state.families.keys() - alive:
            del self._state.families[family_id]
        return len(expired)
