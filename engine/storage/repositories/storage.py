"""A storage: all repositories of one database."""

from types import TracebackType
from typing import Protocol, Self

from engine.storage.repositories.activity import ActivityLog
from engine.storage.repositories.agents import Agents
from engine.storage.repositories.api_keys import ApiKeys
from engine.storage.repositories.conversations import Conversations
from engine.storage.repositories.documents import Documents
from engine.storage.repositories.invites import Invites
from engine.storage.repositories.log import TimelineLog
from engine.storage.repositories.markers import Markers
from engine.storage.repositories.memories import Memories
from engine.storage.repositories.messages import Messages
from engine.storage.repositories.notifications import Notifications
from engine.storage.repositories.rooms import Rooms
from engine.storage.repositories.search import Search
from engine.storage.repositories.tokens import Tokens
from engine.storage.repositories.translations import Translations
from engine.storage.repositories.usage import Usage
from engine.storage.repositories.users import Users
from engine.storage.repositories.webhooks import Webhooks


class Storage(Protocol):
    """One database: its repositories and its life. Used as an async context manager around everything else."""

    @property
    def log(self) -> TimelineLog: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def translations(self) -> Translations: ...
    @property
    def search(self) -> Search: ...
    @property
    def rooms(self) -> Rooms: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def invites(self) -> Invites: ...
    @property
    def markers(self) -> Markers: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def users(self) -> Users: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def activity(self) -> ActivityLog: ...
    @property
    def agents(self) -> Agents: ...
    @property
    def memories(self) -> Memories: ...
    @property
    def documents(self) -> Documents: ...

    async def ping(self) -> None:
        """Return when the database answers readers and writers; `StorageUnavailable` when it does not within the time limit."""
        ...

    async def checkpoint(self) -> int:
        """Put away what was committed: a database that does so during commits would keep somebody waiting. Tells how many pages it was.

        None where nothing was written, or where the database sees to it by itself. `StorageUnavailable`: it does during commits.
        """
        ...

    async def __aenter__(self) -> Self:
        """Open connections. The schema must be at the present revision (`gathering migrate`)."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        ...
