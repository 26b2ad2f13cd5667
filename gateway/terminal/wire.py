"""What the server sends, as far as the terminal shows it.

Members that a newer server adds are passed over, and those that an older one leaves out have defaults: a client outlives both.
"""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Participant(msgspec.Struct, frozen=True):
    """A person or an agent as everyone sees them."""

    id: str
    name: str
    kind: str = "user"


class Account(msgspec.Struct, frozen=True):
    """Who is signed in."""

    id: str
    username: str
    display_name: str | None = None
    language: str | None = None

    @property
    def participant(self) -> Participant:
        """This person as others see them."""
        return Participant(self.id, self.display_name or self.username)


class Translation(msgspec.Struct, frozen=True):
    """A message's text in the reader's language."""

    language: str
    text: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message in its present state; a deleted one keeps its place, with empty text."""

    id: str
    offset: int
    author: Participant
    text: str
    created_at: datetime
    reply_to: str | None = None
    client_id: str | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: dict[str, list[str]] = {}
    mentions: list[str] = []
    answer_id: str | None = None
    translation: Translation | None = None


class MessagePage(msgspec.Struct, frozen=True):
    """Messages, newest first; `next_before` is the cursor of the next older page, None at the beginning."""

    items: list[Message]
    next_before: int | None = None


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A room in a list."""

    id: str
    name: str
    description: str = ""
    visibility: str = "public"
    archived_at: datetime | None = None

    @property
    def channel(self) -> str:
        """Its name in realtime."""
        return f"room:{self.id}"


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A private or group conversation in a list."""

    id: str
    kind: str = "group"
    title: str | None = None
    participants: list[Any] = []

    @property
    def channel(self) -> str:
        """Its name in realtime."""
        return f"conversation:{self.id}"

    def name_for(self, reader: str) -> str:
        """The title, else the names of the others; `reader` is the id of whoever looks at it."""
        return self.title or ", ".join(each.name for each in self._people() if each.id != reader) or "Conversation"

    def _people(self) -> list[Participant]:
        members = [each.get("participant", each) if isinstance(each, dict) else each for each in self.participants]
        people = (read(Participant, member) for member in members)
        return [person for person in people if person is not None]


class Member(msgspec.Struct, frozen=True):
    """Someone in a timeline. `presence` is what REST says of them: available, busy, away or offline."""

    participant: Participant
    role: str = "member"
    presence: str | None = None


class Unread(msgspec.Struct, frozen=True):
    """How much of a timeline its reader has not seen."""

    timeline_id: str
    kind: str
    unread: int = 0


def read(kind: type[T], data: Any) -> T | None:
    """JSON that was decoded already, as a struct; None when it is not one."""
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, RecursionError):
        return None
