"""What the engine asks of a database: Protocols with domain types in and out.

`memory/` and `sql/` implement them and pass one contract suite (`tests/storage/`). Every method may raise `StorageUnavailable`
when the database does not answer within the storage's own time limit; nothing is then half-applied. Cancelling any of them
leaves the database as if it had not been called, or as if it had completed.
"""

from engine.storage.repositories.activity import ActivityLog
from engine.storage.repositories.agents import Agents
from engine.storage.repositories.api_keys import ApiKey, ApiKeys
from engine.storage.repositories.conversations import Conversations
from engine.storage.repositories.documents import ChunkKey, Documents
from engine.storage.repositories.invites import Invite, Invites
from engine.storage.repositories.log import Append, AppendFailure, Claimed, TimelineLog, never
from engine.storage.repositories.markers import MAX_OFFSET, Mark, Markers
from engine.storage.repositories.memories import Memories
from engine.storage.repositories.messages import Messages, Version
from engine.storage.repositories.notifications import Notifications
from engine.storage.repositories.rooms import Rooms
from engine.storage.repositories.search import Search
from engine.storage.repositories.storage import Storage
from engine.storage.repositories.tokens import Family, RefreshToken, Tokens
from engine.storage.repositories.translations import Known, Pair, Translations
from engine.storage.repositories.usage import Usage
from engine.storage.repositories.users import Users
from engine.storage.repositories.webhooks import Leased, Pending, Progress, Webhooks

__all__ = [
    "MAX_OFFSET",
    "ActivityLog",
    "Agents",
    "ApiKey",
    "ApiKeys",
    "Append",
    "AppendFailure",
    "ChunkKey",
    "Claimed",
    "Conversations",
    "Documents",
    "Family",
    "Invite",
    "Invites",
    "Known",
    "Leased",
    "Mark",
    "Markers",
    "Memories",
    "Messages",
    "Notifications",
    "Pair",
    "Pending",
    "Progress",
    "RefreshToken",
    "Rooms",
    "Search",
    "Storage",
    "TimelineLog",
    "Tokens",
    "Translations",
    "Usage",
    "Users",
    "Version",
    "Webhooks",
    "never",
]
