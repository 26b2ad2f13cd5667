"""A turn: the changes that go into one write of a timeline, decided against the state as it will be after them."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from engine.domain.conversations import Conversation
from engine.domain.events import (
    ConversationUpdated,
    Event,
    MemberBanned,
    MemberUnbanned,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageTranslated,
    ReactionAdded,
    ReactionRemoved,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import MessageId, ParticipantId
from engine.domain.messages import Message, Translation
from engine.domain.rooms import Ban, Member, Room
from engine.storage.records import with_reaction
from engine.timelines.mentions import Handles
from engine.timelines.state import PostKey, TimelineState, change_bans, change_members

TURN = 256
"""The most commands decided in one turn."""


class Turn:
    """Collects events, and shows to later decisions what earlier ones of the same turn have changed.

    Nothing reaches the state itself: when the write fails, the turn is forgotten. `recalled` are messages from before those that
    the state holds; None for one that does not exist. `earlier` are the posts of client_ids that the state does not hold, likewise.
    """

    def __init__(
        self,
        state: TimelineState,
        recalled: Mapping[MessageId, Message | None],
        earlier: Mapping[PostKey, Message | None],
        now: datetime,
    ) -> None:
        self.now = now
        self.events: list[Event] = []
        self.fingerprints: dict[int, str] = {}
        """Those of the texts that were translated, by the offsets of the translations."""
        self._state = state
        self._room = state.room
        self._conversation = state.conversation
        self._recent = state.recent
        self._recalled = recalled
        self._earlier = earlier
        self._messages: dict[MessageId, Message] = {}
        self._posts: dict[PostKey, MessageId] = {}
        self._translations: dict[MessageId, list[Translation]] = {}
        self._last_posts: dict[ParticipantId, datetime] = {}
        self._members: dict[ParticipantId, Member] | None = None
        self._bans: dict[ParticipantId, Ban] | None = None
        self._limits: dict[ParticipantId, int] = {}
        self._spent: dict[ParticipantId, int] = {}

    @property
    def next_offset(self) -> int:
        """The offset of the event to be added next."""
        return self._state.head + len(self.events) + 1

    @property
    def room(self) -> Room:
        """The room as of now. Only a room's turn has one."""
        assert self._room is not None
        return self._room

    @property
    def conversation(self) -> Conversation:
        """The conversation as of now. Only a conversation's turn has one."""
        assert self._conversation is not None
        return self._conversation

    @property
    def members(self) -> Mapping[ParticipantId, Member]:
        """The members as of now."""
        return self._state.members if self._members is None else self._members

    @property
    def bans(self) -> Mapping[ParticipantId, Ban]:
        """The bans as of now; some may have run out."""
        return self._state.bans if self._bans is None else self._bans

    @property
    def handles(self) -> Handles:
        """How the members as of now are mentioned."""
        return self._state.handles if self._members is None else Handles(self._members.values())

    def last_post(self, author: ParticipantId) -> datetime | None:
        """When someone posted last, as of now and as far as memory reaches."""
        return self._last_posts.get(author) or self._state.last_post(author)

    @property
    def limits(self) -> tuple[tuple[ParticipantId, int], ...]:
        """The weekly quotas of those authors of this turn who have one."""
        return tuple(self._limits.items())

    def spent(self, author: ParticipantId) -> int:
        """How many posts of this turn count against an author's quota."""
        return self._spent.get(author, 0)

    def spend(self, author: ParticipantId, limit: int) -> None:
        """Count one more; `limit` is the author's quota as of now."""
        self._limits[author] = limit
        self._spent[author] = self.spent(author) + 1

    def message(self, message_id: MessageId) -> Message | None:
        """A message as of now."""
        changed = self._messages.get(message_id) or self._recent.messages.get(message_id)
        return changed or self._recalled.get(message_id)

    def changes(self, message_id: MessageId) -> bool:
        """Whether this turn edits or deletes a message."""
        changed = (each for each in self.events if isinstance(each, MessageEdited | MessageDeleted))
        return any(each.message.id == message_id for each in changed)

    def translations(self, message_id: MessageId) -> list[Translation]:
        """What is held of a message's text as of now in other languages."""
        changed = self._translations.get(message_id)
        return self._recent.translations(message_id) if changed is None else changed

    def posted(self, key: PostKey) -> Message | None:
        """What an author has posted under a client_id, as of now."""
        if key in self._posts:
            return self._messages[self._posts[key]]
        earlier = self._recent.posted(key) or self._earlier.get(key)
        return earlier and self._messages.get(earlier.id, earlier)

    def add(self, event: Event) -> None:
        """Add the next event; its offset is `next_offset`."""
        match event:
            case MessagePosted(message=message):
                self._messages[message.id] = message
                self._last_posts[message.author.id] = message.created_at
                if message.client_id is not None:
                    self._posts[message.author.id, message.client_id] = message.id
            case MessageEdited(message=message) | MessageDeleted(message=message):
                self._messages[message.id] = message
                self._translations[message.id] = []
            case MessageTranslated(message_id=message_id):
                made = Translation(event.language, event.text, event.provider)
                self._translations[message_id] = [*self.translations(message_id), made]
            case ReactionAdded() | ReactionRemoved():
                known = self.message(event.message_id)
                assert known is not None
                self._messages[known.id] = with_reaction(known, event)
            case RoomUpdated(room=room):
                self._room = room
            case RoomArchived(at=at):
                self._room = msgspec.structs.replace(self.room, archived_at=at)
            case ConversationUpdated(conversation=conversation):
                self._conversation = conversation
            case _:
                self._change_people(event)
        self.events.append(event)

    def _change_people(self, event: Event) -> None:
        if isinstance(event, MemberBanned | MemberUnbanned):
            if self._bans is None:
                self._bans = dict(self._state.bans)
            change_bans(self._bans, event)
        else:
            if self._members is None:
                self._members = dict(self._state.members)
            change_members(self._members, event)
