"""API keys."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId
from engine.storage.records import is_storable
from engine.storage.repositories import ApiKey
from engine.storage.sql.database import Database
from engine.storage.sql.tables import api_keys, users

_COLUMNS = [column for column in api_keys.c if column.name != "digest"]


class SqlApiKeys:
    """See `repositories.ApiKeys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey, digest: bytes, *, most: int) -> bool:
        values = {
            "id": key.id,
            "user_id": key.user_id,
            "digest": digest,
            "name": key.name,
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "agent_id": key.agent_id,
        }

        async def store(connection: AsyncConnection) -> bool:
            # The owner's row is the lock between two that add at once.
            await connection.execute(select(users.c.id).where(users.c.id == key.user_id).with_for_update())
            count = select(func.count()).select_from(api_keys).where(api_keys.c.user_id == key.user_id)
            if (await connection.execute(count)).scalar_one() >= most:
                return False
            await connection.execute(insert(api_keys), values)
            return True

        return await self._database.write(store)

    async def get(self, digest: bytes) -> ApiKey | None:
        row = await self._database.row(select(*_COLUMNS).where(api_keys.c.digest == digest))
        return ApiKey(**row._asdict()) if row else None

    async def owned(self, user_id: ParticipantId) -> list[ApiKey]:
        found = select(*_COLUMNS).where(api_keys.c.user_id == user_id).order_by(api_keys.c.id)
        return [ApiKey(**row._asdict()) for row in await self._database.rows(found)]

    async def remove(self, user_id: ParticipantId, key_id: str) -> bytes | None:
        if not is_storable(key_id):
            return None
        theirs = (api_keys.c.user_id == user_id) & (api_keys.c.id == key_id)

        async def forget(connection: AsyncConnection) -> bytes | None:
            row = (await connection.execute(delete(api_keys).where(theirs).returning(api_keys.c.digest))).first()
            return row.digest if row else None

        return await self._database.write(forget)

    async def touch(self, key_id: str, *, at: datetime) -> None:
        async def note(connection: AsyncConnection) -> None:
            await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at))

        await self._database.write(note)
