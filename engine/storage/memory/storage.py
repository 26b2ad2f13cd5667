"""The in-memory storage as a whole."""

from types import TracebackType
from typing import Self

from engine.storage.memory.activity import MemoryActivityLog
from engine.storage.memory.agents import MemoryAgents
from engine.storage.memory.api_keys import MemoryApiKeys
from engine.storage.memory.conversations import MemoryConversations
from engine.storage.memory.documents import MemoryDocuments
from engine.storage.memory.invites import MemoryInvites
from engine.storage.memory.log import MemoryTimelineLog
from engine.storage.memory.markers import MemoryMarkers
from engine.storage.memory.memories import MemoryMemories
from engine.storage.memory.messages import MemoryMessages
from engine.storage.memory.notifications import MemoryNotifications
from engine.storage.memory.rooms import MemoryRooms
from engine.storage.memory.search import MemorySearch
from engine.storage.memory.state import State
from engine.storage.memory.tokens import MemoryTokens
from engine.storage.memory.translations import MemoryTranslations
from engine.storage.memory.usage import MemoryUsage
from engine.storage.memory.users import MemoryUsers
from engine.storage.memory.webhooks import MemoryWebhooks


class MemoryStorage:
    """See `repositories.Storage`. Give two of them one `State` and they are two processes on one database."""

    def __init__(self, state: State | None = None) -> None:
        self.state = State() if state is None else state
        self.log = MemoryTimelineLog(self.state)
        self.messages = MemoryMessages(self.state)
        self.translations = MemoryTranslations(self.state)
        self.search = MemorySearch(self.state)
        self.rooms = MemoryRooms(self.state)
        self.conversations = MemoryConversations(self.state)
        self.invites = MemoryInvites(self.state)
        self.markers = MemoryMarkers(self.state)
        self.notifications = MemoryNotifications(self.state)
        self.users = MemoryUsers(self.state)
        self.tokens = MemoryTokens(self.state)
        self.webhooks = MemoryWebhooks(self.state)
        self.api_keys = MemoryApiKeys(self.state)
        self.usage = MemoryUsage(self.state)
        self.activity = MemoryActivityLog(self.state)
        self.agents = MemoryAgents(self.state)
        self.memories = MemoryMemories(self.state)
        self.documents = MemoryDocuments(self.state)

    async def ping(self) -> None:
        await self.state.enter()

    async def checkpoint(self) -> int:
        """There is nowhere to put it."""
        return 0

    async def __aenter__(self) -> Self:
        await self.state.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The state remains, for whoever holds it."""
