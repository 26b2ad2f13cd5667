"""Field types with their limits: checked by msgspec at the door, shown in the generated schemas."""

from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

ParticipantId = NewType("ParticipantId", str)
"""A person's or an agent's id. A user's id is their participant id."""
TimelineId = NewType("TimelineId", str)
MessageId = NewType("MessageId", str)

Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="BCP 47 tag")]
Username = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$", description="1 to 64 characters")
]
Email = Annotated[str, Meta(pattern=r"^[^@\s\x00]{1,64}@[^@\s\x00]{1,189}$")]
Password = Annotated[str, Meta(min_length=8, max_length=128)]
DisplayName = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]
RoomName = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]
Description = Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00]*$")]
ShortText = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
Capacity = Annotated[int, Meta(ge=1, le=100_000)]
SlowModeSeconds = Annotated[int, Meta(ge=0, le=86_400)]
WeeklyMessages = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Text = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00]*$")]
"""Message text; its upper limit is a setting, checked by the timeline."""
Title = Annotated[
    str, Meta(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
ClientId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
"""The idempotency key that a client gives a post, unique per timeline and author."""


AnswerId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class ParticipantKind(StrEnum):
    """What stands behind a participant."""

    USER = "user"
    AGENT = "agent"


class Status(StrEnum):
    """What a person says of their availability; whether they are connected is presence, not status."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"


class Availability(StrEnum):
    """How others see a participant: their status while they are connected, else offline."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


class AccountRole(StrEnum):
    """What a person may do on the whole server."""

    USER = "user"
    ADMIN = "admin"


class Role(StrEnum):
    """What a member may do in one timeline."""

    OWNER = "owner"
    MODERATOR = "moderator"
    MEMBER = "member"


class Visibility(StrEnum):
    """Who can find and join a room."""

    PUBLIC = "public"
    PRIVATE = "private"


class ConversationKind(StrEnum):
    """Between two people for good, or among any number."""

    PRIVATE = "private"
    GROUP = "group"


class TimelineKind(StrEnum):
    """What a timeline is; also the prefix of its channel (`room:<id>`)."""

    ROOM = "room"
    CONVERSATION = "conversation"
    USER = "user"
