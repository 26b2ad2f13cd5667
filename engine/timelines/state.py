"""What a timeline holds in memory: its members, its room, its recent events and messages."""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from engine.domain.events import (
    Event,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MemberRoleChanged,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import MessageId, ParticipantId
from engine.domain.messages import Message
from engine.domain.rooms import Member, Room
from engine.timelines.fanout import Publication

PostKey = tuple[ParticipantId, str]
"""An author and the client_id that they gave a post."""


def publication(channel: str, event: Event) -> Publication:
    """An event as every subscriber gets it, encoded once."""
    return Publication(channel, event.offset, msgspec.json.encode(event))


class Recent:
    """The last events of a timeline, encoded, and the present state of the messages they posted.

    `start` is the offset before the first event held: everything above it is here.
    """

    def __init__(self, channel: str, start: int, capacity: int) -> None:
        self.start = start
        self.messages: dict[MessageId, Message] = {}
        self._channel = channel
        self._capacity = capacity
        self._events: deque[tuple[Publication, MessageId | None]] = deque()
        self._posts: dict[PostKey, MessageId] = {}

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
                if message.id in self.messages:
                    self.messages[message.id] = message
            case MessageDeleted(message=message):
                message_id = message.id
                if message.id in self.messages:
                    self.messages[message.id] = message
                self._forget_text(message)
            case _:
                pass
        made = publication(self._channel, event)
        self._events.append((made, message_id))
        if len(self._events) > self._capacity:
            self._drop_oldest()
        return made

    def after(self, offset: int) -> list[Publication]:
        """The events held above an offset, oldest first."""
        skip = max(0, offset - self.start)
        if skip >= len(self._events):
            return []
        return [made for index, (made, _) in enumerate(self._events) if index >= skip]

    def posted(self, key: PostKey) -> Message | None:
        """What an author posted under a client_id, if it is held."""
        message_id = self._posts.get(key)
        return self.messages[message_id] if message_id is not None else None

    def page(self, before: int | None, after: int | None, limit: int) -> list[Message] | None:
        """Messages newest first (see `Messages.page`), None when the page reaches below what is held."""
        held = [message for message in self.messages.values() if before is None or message.offset < before]
        if after is not None:
            if after < self.start:
                return None
            held = [message for message in held if message.offset > after]
            page = held[:limit] if before is None else held[-limit:]
            return page[::-1]
        if len(held) < limit and self.start > 0:
            return None
        return held[-limit:][::-1]

    def _drop_oldest(self) -> None:
        made, message_id = self._events.popleft()
        assert made.offset is not None
        self.start = made.offset
        message = self.messages.get(message_id) if message_id is not None else None
        if message is not None and message.offset == made.offset:
            del self.messages[message.id]
            if message.client_id is not None:
                self._posts.pop((message.author.id, message.client_id), None)

    def _forget_text(self, deleted: Message) -> None:
        """Take a deleted message's text out of the events before: nobody recovers it."""
        for index, (made, message_id) in enumerate(self._events):
            if message_id == deleted.id:
                event = msgspec.json.decode(made.data, type=MessagePosted | MessageEdited | MessageDeleted)
                blank = msgspec.structs.replace(event, message=blanked(event.message, deleted))
                self._events[index] = (publication(self._channel, blank), message_id)


def blanked(message: Message, deleted: Message) -> Message:
    """An earlier state of a message without its content."""
    return msgspec.structs.replace(message, text="", mentions=[], reactions={}, deleted_at=deleted.deleted_at)


class TimelineState:
    """The committed state. Changed only by `apply`, with events that are durable."""

    def __init__(self, room: Room | None, members: Iterable[Member], recent: Recent, head: int) -> None:
        self.room = room
        self.recent = recent
        self.head = head
        self._members = {member.participant.id: member for member in members}

    @property
    def members(self) -> Mapping[ParticipantId, Member]:
        """The members by id, in the order in which they joined."""
        return self._members

    def apply(self, event: Event) -> Publication:
        """Take a committed event in; gives it back as subscribers get it."""
        match event:
            case MemberJoined(member=member):
                self._members[member.participant.id] = member
            case MemberLeft(participant_id=participant_id) | MemberRemoved(participant_id=participant_id):
                self._members.pop(participant_id, None)
            case MemberRoleChanged(participant_id=participant_id, role=role):
                member = self._members[participant_id]
                self._members[participant_id] = msgspec.structs.replace(member, role=role)
            case RoomUpdated(room=room):
                self.room = room
            case RoomArchived(at=at):
                assert self.room is not None
                self.room = msgspec.structs.replace(self.room, archived_at=at)
            case _:
                pass
        self.head = event.offset
        return self.recent.add(event)
