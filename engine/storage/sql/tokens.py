"""Refresh tokens and their families."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId
from engine.storage.records import is_storable
from engine.storage.repositories import RefreshToken
from engine.storage.sql.database import Database
from engine.storage.sql.rows import Values
from engine.storage.sql.tables import refresh_families as families
from engine.storage.sql.tables import refresh_tokens as tokens


class SqlTokens:
    """See `repositories.Tokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: RefreshToken) -> None:
        async def store(connection: AsyncConnection) -> None:
            family = {"id": token.family_id, "user_id": token.user_id, "revoked_at": token.revoked_at}
            await connection.execute(insert(families), family)
            await connection.execute(insert(tokens), _from_token(token))

        await self._database.write(store)

    async def get(self, digest: bytes) -> RefreshToken | None:
        found = select(tokens, families.c.user_id, families.c.revoked_at).join_from(tokens, families)
        row = await self._database.row(found.where(tokens.c.digest == digest))
        return RefreshToken(**row._asdict()) if row else None

    async def rotate(self, digest: bytes, successor: RefreshToken, *, at: datetime) -> bool:
        alive = exists().where(families.c.id == tokens.c.family_id, families.c.revoked_at.is_(None))
        unused = (tokens.c.digest == digest) & tokens.c.rotated_at.is_(None) & alive

        async def exchange(connection: AsyncConnection) -> bool:
            # The row's lock decides between concurrent calls: the later one finds `rotated_at` set.
            marked = await connection.execute(update(tokens).where(unused).values(rotated_at=at))
            if marked.rowcount == 0:
                return False
            await connection.execute(insert(tokens), _from_token(successor))
            return True

        return await self._database.write(exchange)

    async def revoke_family(self, family_id: str, *, at: datetime) -> None:
        await self._revoke(families.c.id == family_id, at)

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime) -> None:
        await self._revoke(families.c.user_id == user_id, at)

    async def family_revoked(self, family_id: str) -> bool:
        if not is_storable(family_id):
            return True
        row = await self._database.row(select(families.c.revoked_at).where(families.c.id == family_id))
        return row is None or row.revoked_at is not None

    async def purge(self, *, expired_before: datetime) -> int:
        async def forget(connection: AsyncConnection) -> int:
            expired = await connection.execute(delete(tokens).where(tokens.c.expires_at < expired_before))
            empty = ~exists().where(tokens.c.family_id == families.c.id)
            await connection.execute(delete(families).where(empty))
            return expired.rowcount

        return await self._database.write(forget)

    async def _revoke(self, which: ColumnElement[bool], at: datetime) -> None:
        async def revoke(connection: AsyncConnection) -> None:
            await connection.execute(
                update(families).where(which, families.c.revoked_at.is_(None)).values(revoked_at=at)
            )

        await self._database.write(revoke)


def _from_token(token: RefreshToken) -> Values:
    return {
        "digest": token.digest,
        "family_id": token.family_id,
        "expires_at": token.expires_at,
        "rotated_at": token.rotated_at,
    }
