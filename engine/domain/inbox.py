"""A person's inbox: how much of each timeline they have not read, and what happened that concerns them."""

from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec

from engine.domain.events import Event, MemberJoined, MessagePosted
from engine.domain.fields import MessageId, ParticipantId, TimelineId, TimelineKind
from engine.domain.people import Participant

MOST_COUNTED: Final = 1_000
"""Counting of unread messages ends here: exact below, 1,000 means that many or more."""
MOST_TOLD: Final = 1_000
"""In a larger timeline `@room` counts as a mention of everyone and notifies nobody: a post never writes more rows than that."""

NotificationId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """What of a timeline someone has not read: messages of others, not deleted, above `last_read_offset`.

    `mentions` are those among them that mention the person, by name or as everyone. Both are exact below 1,000 and end there.
    """

    timeline_id: TimelineId
    kind: TimelineKind
    unread: int
    mentions: int
    last_read_offset: int


class ReadMarker(msgspec.Struct, frozen=True, kw_only=True):
    """How far someone has read a timeline: up to and including the event at `last_read_offset`. It never goes back."""

    timeline_id: TimelineId
    last_read_offset: int


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """A member, and how far they have read: up to and including the event at `last_read_offset`."""

    participant_id: ParticipantId
    last_read_offset: int


class NotificationKind(StrEnum):
    """Why someone is told: named (or `@room`), answered, added to a timeline, written to in private."""

    MENTION = "mention"
    REPLY = "reply"
    INVITATION = "invitation"
    PRIVATE_MESSAGE = "private_message"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """Something that concerns one person. It holds no text: `message_id` names the message as it is now, deleted or not.

    `id` orders notifications by time; it is unique among those of one person.
    """

    id: NotificationId
    kind: NotificationKind
    timeline_id: TimelineId
    timeline_kind: TimelineKind
    message_id: MessageId | None
    actor: Participant
    at: datetime
    read_at: datetime | None = None


class Notice(NamedTuple):
    """What an event may tell people; to whom it does depends on the members and on what they have not read yet.

    `people` are named, `reply_to` is a message whose author is meant, `everyone` every member. A `posted` message in a private
    conversation is told to the other one. Who is meant twice is told once, in that order.
    """

    timeline_id: TimelineId
    event: Event
    message_id: MessageId | None
    kind: NotificationKind
    people: tuple[ParticipantId, ...] = ()
    reply_to: MessageId | None = None
    everyone: bool = False
    posted: bool = False

    @property
    def id(self) -> NotificationId:
        """What the notifications are called: see `notification_id`."""
        return notification_id(self.timeline_id, self.event)


def notice_of(timeline_id: TimelineId, event: Event) -> Notice | None:
    """What an event may tell people; None for most. Nobody is told of what they did themselves."""
    match event:
        case MessagePosted(message=message):
            return Notice(
                timeline_id,
                event,
                message.id,
                NotificationKind.MENTION,
                people=tuple(each for each in message.mentions if each != event.actor),
                reply_to=message.reply_to,
                everyone=message.mentions_all is True,
                posted=True,
            )
        case MemberJoined(member=member) if member.participant.id != event.actor:
            invited = (member.participant.id,)
            return Notice(timeline_id, event, None, NotificationKind.INVITATION, people=invited)
        case _:
            return None


def notification_id(timeline_id: TimelineId, event: Event) -> NotificationId:
    """A UUIDv7 made of the event itself (RFC 9562, 5.7, method 3), so that whoever sees the event knows it too."""
    micros = int(event.at.timestamp()) * 1_000_000 + event.at.microsecond
    millis, rest = divmod(micros, 1000)
    noise = int.from_bytes(blake2b(f"{timeline_id}:{event.offset}".encode(errors="replace"), digest_size=6).digest())
    low = (event.offset & 0x3FFF) << 48 | noise
    return str(UUID(int=millis << 80 | 7 << 76 | (rest * 4096 // 1000) << 64 | 2 << 62 | low))
