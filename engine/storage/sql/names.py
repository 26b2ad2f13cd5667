"""The names by which people and agents are mentioned: each belongs to one of them, though they are kept in two tables."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.storage.records import search_key
from engine.storage.sql.tables import agents, users

_LOCK: Final = 0x6E616D65  # "name": the first half of PostgreSQL's advisory locks on names


async def is_a_persons(connection: AsyncConnection, name: str) -> bool:
    """Whether a username is this name; if not, none becomes it before this transaction ends."""
    await _hold(connection, name)
    found = select(users.c.id).where(users.c.username_key == search_key(name))
    return (await connection.execute(found)).first() is not None


async def is_an_agents(connection: AsyncConnection, username: str) -> bool:
    """Whether an agent has this name; if not, none takes it before this transaction ends."""
    await _hold(connection, username)
    found = select(agents.c.id).where(agents.c.name_key == search_key(username))
    return (await connection.execute(found)).first() is not None


async def _hold(connection: AsyncConnection, name: str) -> None:
    """Wait for those who are about to take the name. On SQLite they have waited already: it has one writer."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(search_key(name)))))
