"""The archive of a timeline: reads from the database what the timeline no longer has in memory, so that it never waits itself.

One actor for each timeline that needs it, beside the timeline: a database that hangs holds up the archive and the changes that
need it, never the readers and subscribers.
"""

from actors import Actor, Message, handles
from engine.domain.events import Event
from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Message as ChatMessage
from engine.storage.repositories import Storage
from engine.timelines.state import PostKey


class Recall(Message["Archive", dict[MessageId, ChatMessage]], frozen=True):
    """Messages in their present state; those that do not exist are left out."""

    ids: tuple[MessageId, ...]


class RecallPosts(Message["Archive", dict[PostKey, ChatMessage]], frozen=True):
    """The messages that these authors have posted under these client_ids; unknown pairs are left out."""

    keys: tuple[PostKey, ...]


class RecallEvents(Message["Archive", list[Event]], frozen=True):
    """The events above `after`, oldest first, at most `limit`."""

    after: int
    limit: int


class Archive(Actor):
    """One timeline's past. Every answer may be `StorageUnavailable`."""

    def __init__(self, timeline_id: TimelineId, storage: Storage) -> None:
        self._id = timeline_id
        self._storage = storage

    @handles(Recall)
    async def recall(self, message: Recall) -> dict[MessageId, ChatMessage]:
        """Look messages up by their ids."""
        found = [await self._storage.messages.get(self._id, message_id) for message_id in message.ids]
        return {each.id: each for each in found if each is not None}

    @handles(RecallPosts)
    async def recall_posts(self, message: RecallPosts) -> dict[PostKey, ChatMessage]:
        """Look messages up by what their authors called them."""
        found = await self._storage.messages.by_client_ids(self._id, message.keys)
        return {(each.author.id, each.client_id): each for each in found if each.client_id is not None}

    @handles(RecallEvents)
    async def recall_events(self, message: RecallEvents) -> list[Event]:
        """Read the log."""
        return await self._storage.log.events(self._id, after=message.after, limit=message.limit)
