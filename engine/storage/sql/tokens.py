"""Refresh tokens and their families."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId
from engine.storage.records import is_storable
from engine.storage.repositories import Family, RefreshToken
from engine.storage.sql.database import Database
from engine.storage.sql.rows import Values
from engine.storage.sql.tables import refresh_families as families
from engine.storage.sql.tables import refresh_tokens as tokens


class SqlTokens:
    """See `repositories.Tokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: RefreshToken, *, at: datetime, client: str | None = None) -> None:
        family = {
            "id": token.family_id,
            "user_id": token.user_id,
            "client": client,
            "created_at": at,
            "last_used_at": at,
            "revoked_at": token.revoked_at,
        }

        async def store(connection: AsyncConnection) -> None:
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
            family = families.c.id == successor.family_id
            await connection.execute(update(families).where(family).values(last_used_at=at))
            return True

        return await self._database.write(exchange)

    async def alive(self, user_id: ParticipantId, *, at: datetime) -> list[Family]:
        columns = (families.c.id, families.c.client, families.c.created_at, families.c.last_used_at)
        good = (families.c.revoked_at.is_(None), tokens.c.rotated_at.is_(None), tokens.c.expires_at > at)
        found = select(*columns, tokens.c.expires_at).join_from(families, tokens)
        ordered = found.order_by(families.c.last_used_at.desc(), families.c.id.desc())
        rows = await self._database.rows(ordered.where(families.c.user_id == user_id, *good))
        return [Family(**row._asdict()) for row in rows]

    async def revoke_family(self, family_id: str, *, at: datetime, of: ParticipantId | None = None) -> bool:
        if not is_storable(family_id):
            return False
        which = families.c.id == family_id
        return bool(await self._revoke(which if of is None else which & (families.c.user_id == of), at))

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime, but: str | None = None) -> list[str]:
        which = families.c.user_id == user_id
        return await self._revoke(which if but is None else which & (families.c.id != but), at)

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

    async def _revoke(self, which: ColumnElement[bool], at: datetime) -> list[str]:
        ending = update(families).where(which, families.c.revoked_at.is_(None)).values(revoked_at=at)

        async def revoke(connection: AsyncConnection) -> list[str]:
            return list((await connection.execute(ending.returning(families.c.id))).scalars())

        return await self._database.write(revoke)


def _from_token(token: RefreshToken) -> Values:
    return {
        "digest": token.digest,
        "family_id": token.family_id,
        "expires_at": token.expires_at,
        "rotated_at": token.rotated_at,
    }
