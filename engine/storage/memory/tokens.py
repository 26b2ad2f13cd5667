"""Refresh tokens and their families."""

from datetime import datetime

from msgspec.structs import replace

from engine.domain.fields import ParticipantId
from engine.errors import Conflict
from engine.storage.memory.state import SignedIn, State
from engine.storage.repositories import Family, RefreshToken


class MemoryTokens:
    """See `repositories.Tokens`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, token: RefreshToken, *, at: datetime, client: str | None = None) -> None:
        await self._state.enter()
        if token.family_id in self._state.families or token.digest in self._state.tokens:
            raise Conflict(f"there is a family {token.family_id} or its token already")
        self._state.families[token.family_id] = SignedIn(token.user_id, client, at, at, token.revoked_at)
        self._state.tokens[token.digest] = token

    async def get(self, digest: bytes) -> RefreshToken | None:
        await self._state.enter()
        token = self._state.tokens.get(digest)
        return replace(token, revoked_at=self._state.families[token.family_id].revoked_at) if token else None

    async def rotate(self, digest: bytes, successor: RefreshToken, *, at: datetime) -> bool:
        await self._state.enter()
        token = self._state.tokens.get(digest)
        if token is None or token.rotated_at is not None:
            return False
        family = self._state.families[token.family_id]
        if family.revoked_at is not None:
            return False
        if successor.digest in self._state.tokens:
            raise Conflict("there is this token already")
        self._state.tokens[digest] = replace(token, rotated_at=at)
        self._state.tokens[successor.digest] = successor
        self._state.families[token.family_id] = family._replace(last_used_at=at)
        return True

    async def alive(self, user_id: ParticipantId, *, at: datetime) -> list[Family]:
        await self._state.enter()
        found = []
        for token in self._state.tokens.values():
            family = self._state.families[token.family_id]
            if family.user_id != user_id or family.revoked_at or token.rotated_at or token.expires_at <= at:
                continue
            found.append(
                Family(
                    id=token.family_id,
                    client=family.client,
                    created_at=family.created_at,
                    last_used_at=family.last_used_at,
                    expires_at=token.expires_at,
                )
            )
        return sorted(found, key=lambda each: (each.last_used_at, each.id), reverse=True)

    async def revoke_family(self, family_id: str, *, at: datetime, of: ParticipantId | None = None) -> bool:
        await self._state.enter()
        family = self._state.families.get(family_id)
        if family is None or family.revoked_at is not None or of not in {None, family.user_id}:
            return False
        self._state.families[family_id] = family._replace(revoked_at=at)
        return True

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime, but: str | None = None) -> list[str]:
        await self._state.enter()
        ended = [
            family_id
            for family_id, family in self._state.families.items()
            if family.user_id == user_id and family.revoked_at is None and family_id != but
        ]
        for family_id in ended:
            self._state.families[family_id] = self._state.families[family_id]._replace(revoked_at=at)
        return ended

    async def family_revoked(self, family_id: str) -> bool:
        await self._state.enter()
        family = self._state.families.get(family_id)
        return family is None or family.revoked_at is not None

    async def purge(self, *, expired_before: datetime) -> int:
        await self._state.enter()
        expired = [token for token in self._state.tokens.values() if token.expires_at < expired_before]
        for token in expired:
            del self._state.tokens[token.digest]
        alive = {token.family_id for token in self._state.tokens.values()}
        for family_id in self._state.families.keys() - alive:
            del self._state.families[family_id]
        return len(expired)
