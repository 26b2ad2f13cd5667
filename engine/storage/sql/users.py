"""Accounts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.fields import ParticipantId, TimelineKind
from engine.domain.people import User
from engine.errors import Conflict
from engine.storage.records import is_storable, login_key
from engine.storage.sql.database import Database
from engine.storage.sql.names import is_an_agents
from engine.storage.sql.rows import Values, from_participant, from_user, to_user
from engine.storage.sql.tables import participants, timelines, users
from engine.storage.sql.types import among

AFTER_ALL = "\U0010ffff"
"""Above every character that a username may hold."""


class SqlUsers:
    """See `repositories.Users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: User, password_hash: str, epoch: str) -> str | None:
        values = from_user(user)
        timeline = {
            "id": user.id,
            "kind": TimelineKind.USER.value,
            "term": 0,
            "epoch": epoch,
            "created_at": user.created_at,
        }

        async def store(connection: AsyncConnection) -> str | None:
            if await is_an_agents(connection, user.username):
                return "username"
            await connection.execute(insert(participants), from_participant(user.participant))
            await connection.execute(insert(timelines), timeline)
            await connection.execute(insert(users), {**values, "password_hash": password_hash})
            return None

        try:
            return await self._database.write(store)
        except Conflict:
            return await self._taken(values)

    async def get(self, user_id: ParticipantId) -> User | None:
        found = await self.get_many([user_id])
        return found[0] if found else None

    async def get_many(self, user_ids: Sequence[ParticipantId]) -> list[User]:
        ids = [user_id for user_id in user_ids if is_storable(user_id)]
        if not ids:
            return []
        return [to_user(row) for row in await self._database.rows(select(users).where(among(users.c.id, ids)))]

    async def by_login(self, login: str) -> tuple[User, str] | None:
        if not is_storable(login):
            return None
        key = login_key(login)
        row = await self._database.row(select(users).where((users.c.email == key) | (users.c.username_key == key)))
        return (to_user(row), row.password_hash) if row else None

    async def search(
        self, prefix: str, *, after: ParticipantId | None = None, limit: int, inactive: bool = False
    ) -> list[User]:
        if not is_storable(prefix) or not is_storable(after or ""):
            return []
        key = login_key(prefix)
        found = select(users).where(users.c.username_key >= key, users.c.username_key < key + AFTER_ALL)
        if not inactive:
            found = found.where(users.c.active.is_(True))
        if after is not None:
            found = found.where(users.c.id > after)
        return [to_user(row) for row in await self._database.rows(found.order_by(users.c.id).limit(limit))]

    async def update(self, user: User, *, was: User) -> str | None:
        values, before = from_user(user), from_user(was)
        changed = {column: value for column, value in values.items() if value != before[column]}
        if not changed:
            return None

        async def store(connection: AsyncConnection) -> str | None:
            if "username_key" in changed and await is_an_agents(connection, user.username):
                return "username"
            await connection.execute(update(users).where(users.c.id == user.id).values(changed))
            if user.participant.name != was.participant.name:
                name = update(participants).where(participants.c.id == user.id).values(name=user.participant.name)
                await connection.execute(name)
            return None

        try:
            return await self._database.write(store)
        except Conflict:
            return await self._taken(values)

    async def set_password(self, user_id: ParticipantId, password_hash: str) -> None:
        async def store(connection: AsyncConnection) -> None:
            await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))

        await self._database.write(store)

    async def _taken(self, values: Values) -> str | None:
        """Which field of a refused account another one has."""
        same = (users.c.email == values["email"]) | (users.c.username_key == values["username_key"])
        others = select(users.c.email).where(same, users.c.id != values["id"])
        rows: Sequence[Row[Any]] = await self._database.rows(others)
        if not rows:
            raise Conflict(f"there is an account {values['id']} already")
        return "email" if any(row.email == values["email"] for row in rows) else "username"
