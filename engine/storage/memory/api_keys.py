"""API keys."""

from datetime import datetime

from msgspec.structs import replace

from engine.domain.fields import ParticipantId
from engine.storage.memory.state import State
from engine.storage.repositories import ApiKey


class MemoryApiKeys:
    """See `repositories.ApiKeys`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, key: ApiKey, digest: bytes, *, most: int) -> bool:
        await self._state.enter()
        if sum(each.user_id == key.user_id for each in self._state.api_keys.values()) >= most:
            return False
        self._state.api_keys[digest] = key
        return True

    async def get(self, digest: bytes) -> ApiKey | None:
        await self._state.enter()
        return self._state.api_keys.get(digest)

    async def owned(self, user_id: ParticipantId) -> list[ApiKey]:
        await self._state.enter()
        owned = (key for key in self._state.api_keys.values() if key.user_id == user_id)
        return sorted(owned, key=lambda key: key.id)

    async def remove(self, user_id: ParticipantId, key_id: str) -> bytes | None:
        await self._state.enter()
        for digest, key in self._state.api_keys.items():
            if (key.user_id, key.id) == (user_id, key_id):
                del self._state.api_keys[digest]
                return digest
        return None

    async def touch(self, key_id: str, *, at: datetime) -> None:
        await self._state.enter()
        for digest, key in self._state.api_keys.items():
            if key.id == key_id:
                self._state.api_keys[digest] = replace(key, last_used_at=at)
