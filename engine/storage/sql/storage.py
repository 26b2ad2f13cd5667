"""The SQL storage as a whole: one database, its repositories, its life."""

from types import TracebackType
from typing import Self

from sqlalchemy import column, exc, select, table

from engine.storage.sql.activity import SqlActivityLog
from engine.storage.sql.agents import SqlAgents
from engine.storage.sql.api_keys import SqlApiKeys
from engine.storage.sql.conversations import SqlConversations
from engine.storage.sql.database import Database
from engine.storage.sql.documents import SqlDocuments
from engine.storage.sql.invites import SqlInvites
from engine.storage.sql.log import SqlTimelineLog
from engine.storage.sql.markers import SqlMarkers
from engine.storage.sql.memories import SqlMemories
from engine.storage.sql.messages import SqlMessages
from engine.storage.sql.migrate import SchemaOutdated, head
from engine.storage.sql.notifications import SqlNotifications
from engine.storage.sql.rooms import SqlRooms
from engine.storage.sql.search import SqlSearch
from engine.storage.sql.tokens import SqlTokens
from engine.storage.sql.translations import SqlTranslations
from engine.storage.sql.usage import SqlUsage
from engine.storage.sql.users import SqlUsers
from engine.storage.sql.webhooks import SqlWebhooks


class SqlStorage:
    """SQLite or PostgreSQL; see `repositories.Storage`.

        await migrate(url)
        async with SqlStorage(url) as storage:
            await storage.rooms.get(room_id)

    `time_limit` (seconds) bounds every operation, waiting for a connection and all retries included.
    """

    def __init__(self, url: str, *, time_limit: float = 2.0) -> None:
        self._database = Database(url, limit=time_limit)
        self.log = SqlTimelineLog(self._database)
        self.messages = SqlMessages(self._database)
        self.translations = SqlTranslations(self._database)
        self.search = SqlSearch(self._database)
        self.rooms = SqlRooms(self._database)
        self.conversations = SqlConversations(self._database)
        self.invites = SqlInvites(self._database)
        self.markers = SqlMarkers(self._database)
        self.notifications = SqlNotifications(self._database)
        self.users = SqlUsers(self._database)
        self.tokens = SqlTokens(self._database)
        self.webhooks = SqlWebhooks(self._database)
        self.api_keys = SqlApiKeys(self._database)
        self.usage = SqlUsage(self._database)
        self.activity = SqlActivityLog(self._database)
        self.agents = SqlAgents(self._database)
        self.memories = SqlMemories(self._database)
        self.documents = SqlDocuments(self._database)

    async def ping(self) -> None:
        await self._database.ping()

    async def checkpoint(self) -> int:
        return await self._database.checkpoint()

    async def __aenter__(self) -> Self:
        """Raises `StorageUnavailable`, or `SchemaOutdated` when the schema is not at the present revision."""
        try:
            await self._database.ping()
            found = await _revision(self._database)
            if found != head():
                raise SchemaOutdated(found, head())
        except BaseException:
            await self._database.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.close()


async def _revision(database: Database) -> str | None:
    try:
        row = await database.row(select(column("version_num")).select_from(table("alembic_version")))
    except exc.DBAPIError:  # no such table
        return None
    return str(row.version_num) if row else None
