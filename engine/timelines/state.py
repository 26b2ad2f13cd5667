"""What a timeline holds in memory: its members, its room, its recent events and messages."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from itertools import islice

import msgspec

from engine.domain.conversations import Conversation
from engine.domain.events import (
    ConversationUpdated,
    Event,
    MemberBanned,
    MemberJoined,
    MemberLeft,
    MemberMuted,
    MemberRemoved,
    MemberRoleChanged,
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
from engine.storage.records import with_reaction, without_text
from engine.timelines.fanout import Publication
from engine.timelines.mentions import Handles

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)

PostKey = tuple[ParticipantId, str]
"""An author and the client_id that they gave a post."""


def publication(channel: str, event: Event) -> Publication:
    """An event as every subscriber gets it, encoded once; of a translation those who read its language."""
    language = event.language if isinstance(event, MessageTranslated) else None
    return Publication(channel, event.offset, msgspec.json.encode(event), language)


class Foundation(msgspec.Struct, frozen=True, kw_only=True):
    """What a timeline is, and for whom, as the database has it at activation."""

    room: Room | None = None
    conversation: Conversation | None = None
    members: tuple[Member, ...] = ()
    bans: tuple[Ban, ...] = ()


class Recent:
    """The last events of a timeline, encoded, and the present state of the messages they posted.

    `start` is the offset before the first event held: everything above it is here. So of a message that is held all translations
    are held, and of others those that came late. `edition` is another object after each change to what was said before: whatever
    was made of the messages holds as long as it is the same, but for what has been posted since.
    """

    def __init__(self, channel: str, start: int, capacity: int) -> None:
        self.start = start
        self.edition = object()
        self.messages: dict[MessageId, Message] = {}
        self._channel = channel
        self._capacity = capacity
        # Tuples of plain values: the garbage collector does not track them, however many rooms hold however many events.
        self._events: deque[tuple[int, bytes, MessageId | None, str | None]] = deque()
        self._translations: dict[MessageId, dict[str, tuple[int, Translation]]] = {}
        self._posts: dict[PostKey, MessageId] = {}

    @property
    def head(self) -> int:
        """The offset of the newest event."""
        return self.start + len(self._events)

    def add(self, event: Event) -> Publication:
        """Hold the next event; the oldest goes when there are more than `capacity`."""
        message_id: MessageId | None = None
        match event:
            case MessagePosted(message=message):
                message_id = message.id
                self.messages[message.id] = message
                if message.client_id is not None:
                    self._posts[message.author.id, message.client_id] = message.id
            case MessageEdited(message=message):
                message_id = message.id
                self.edition = object()
                if message.id in self.messages:
                    self.messages[message.id] = message
                self._translations.pop(message.id, None)
            case MessageDeleted(message=message):
                message_id = message.id
                self.edition = object()
                if message.id in self.messages:
                    self.messages[message.id] = message
                self._translations.pop(message.id, None)
                self._forget_text(message)
            case MessageTranslated():
                message_id = event.message_id
                translation = Translation(event.language, event.text, event.provider)
                self._translations.setdefault(message_id, {})[event.language] = (event.offset, translation)
            case ReactionAdded() | ReactionRemoved():
                message_id = event.message_id
                if message_id in self.messages:
                    self.messages[message_id] = with_reaction(self.messages[message_id], event)
            case _:
                pass
        made = publication(self._channel, event)
        self._events.append((event.offset, made.data, message_id, made.language))
        if len(self._events) > self._capacity:
            self._drop_oldest()
        return made

    def after(self, offset: int) -> list[Publication]:
        """The events held above an offset, oldest first."""
        skip = max(0, offset - self.start)
        if skip >= len(self._events):
            return []
        held = islice(self._events, skip, None)
        return [Publication(self._channel, at, data, language) for at, data, _, language in held]

    def translations(self, message_id: MessageId) -> list[Translation]:
        """What is held of a message's present text in other languages."""
        return [made for _, made in self._translations.get(message_id, {}).values()]

    def posted(self, key: PostKey) -> Message | None:
        """What an author posted under a client_id, if it is held."""
        message_id = self._posts.get(key)
        return self.messages[message_id] if message_id is not None else None

    def page(self, before: int | None, after: int | None, limit: int) -> list[Message] | None:
        """Messages newest first (see `Messages.page`), None when the page reaches below what is held."""
        if after is not None and after < self.start:
            return None
        newest_first = reversed(self.messages.values())
        held = (
            each
            for each in newest_first
            if (before is None or each.offset < before) and (after is None or each.offset > after)
        )
        if after is not None and before is None:
            return list(held)[-limit:]
        page = list(islice(held, limit))
        return None if after is None and len(page) < limit and self.start > 0 else page

    def _drop_oldest(self) -> None:
        self.start, _, message_id, language = self._events.popleft()
        if message_id is not None and language is not None:
            self._drop_translation(message_id, language)
        message = self.messages.get(message_id) if message_id is not None else None
        if message is not None and message.offset == self.start:
            del self.messages[message.id]
            if message.client_id is not None:
                self._posts.pop((message.author.id, message.client_id), None)

    def _drop_translation(self, message_id: MessageId, language: str) -> None:
        """The oldest event was this translation: forget it, unless a newer one has taken its place."""
        made = self._translations.get(message_id, {})
        if language in made and made[language][0] == self.start:
            del made[language]
            if not made:
                del self._translations[message_id]

    def _forget_text(self, deleted: Message) -> None:
        """Take a deleted message's text out of the events before: nobody recovers it."""
        for index, (offset, data, message_id, language) in enumerate(self._events):
            if message_id == deleted.id:
                event = _DECODER.decode(data)
                self._events[index] = (offset, msgspec.json.encode(without_text(event)), message_id, language)


class TimelineState:
    """The committed state. Changed only by `apply`, with events that are durable."""

    def __init__(self, founded: Foundation, recent: Recent, head: int) -> None:
        self.room = founded.room
        self.conversation = founded.conversation
        self.recent = recent
        self.head = head
        self._members = {member.participant.id: member for member in founded.members}
        self._bans = {ban.participant.id: ban for ban in founded.bans}
        self._last_posts = {message.author.id: message.created_at for message in recent.messages.values()}
        self._handles: Handles | None = None

    @property
    def members(self) -> Mapping[ParticipantId, Member]:
        """The members by id, in the order in which they joined."""
        return self._members

    @property
    def bans(self) -> Mapping[ParticipantId, Ban]:
        """Who may not come, by id; some may have run out."""
        return self._bans

    @property
    def handles(self) -> Handles:
        """How the members are mentioned."""
        if self._handles is None:
            self._handles = Handles(self._members.values())
        return self._handles

    def last_post(self, author: ParticipantId) -> datetime | None:
        """When someone posted last, as far as memory reaches."""
        return self._last_posts.get(author)

    def apply(self, event: Event) -> Publication:
        """Take a committed event in; gives it back as subscribers get it."""
        match event:
            case MessagePosted(message=message):
                self._last_posts[message.author.id] = message.created_at
            case RoomUpdated(room=room):
                self.room = room
            case RoomArchived(at=at):
                assert self.room is not None
                self.room = msgspec.structs.replace(self.room, archived_at=at)
            case ConversationUpdated(conversation=conversation):
                self.conversation = conversation
            case _:
                if change_members(self._members, event):
                    self._handles = None
                change_bans(self._bans, event)
        self.head = event.offset
        return self.recent.add(event)


def change_members(members: dict[ParticipantId, Member], event: Event) -> bool:
    """Do to `members` what an event does to them; tells whether it is one that concerns them."""
    match event:
        case MemberJoined(member=member):
            members[member.participant.id] = member
        case MemberLeft(participant_id=participant_id) | MemberRemoved(participant_id=participant_id):
            members.pop(participant_id, None)
        case MemberRoleChanged(participant_id=participant_id, role=role):
            members[participant_id] = msgspec.structs.replace(members[participant_id], role=role)
        case MemberMuted(participant_id=participant_id, until=until):
            members[participant_id] = msgspec.structs.replace(members[participant_id], muted_until=until)
        case _:
            return False
    return True


def change_bans(bans: dict[ParticipantId, Ban], event: Event) -> bool:
    """Do to `bans` what an event does to them; tells whether it is one that concerns them."""
    match event:
        case MemberBanned(ban=ban):
            bans[ban.participant.id] = ban
        case MemberUnbanned(participant_id=participant_id):
            bans.pop(participant_id, None)
        case _:
            return False
    return True
