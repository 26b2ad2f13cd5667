"""Invitations."""

from datetime import datetime

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.storage.repositories import Invite
from engine.storage.sql.database import Database
from engine.storage.sql.tables import invites


class SqlInvites:
    """See `repositories.Invites`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, invite: Invite) -> None:
        async def store(connection: AsyncConnection) -> None:
            await connection.execute(insert(invites), msgspec.structs.asdict(invite))

        await self._database.write(store)

    async def get(self, digest: bytes) -> Invite | None:
        row = await self._database.row(select(invites).where(invites.c.digest == digest))
        return Invite(**row._asdict()) if row else None

    async def revoke(self, digest: bytes) -> bool:
        async def forget(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(invites).where(invites.c.digest == digest))).rowcount

        return await self._database.write(forget) > 0

    async def purge(self, *, expired_before: datetime) -> int:
        async def forget(connection: AsyncConnection) -> int:
            return (await connection.execute(delete(invites).where(invites.c.expires_at < expired_before))).rowcount

        return await self._database.write(forget)
