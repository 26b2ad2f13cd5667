"""Private and group conversations."""

from datetime import datetime

import msgspec

from engine.domain.fields import ConversationKind, ParticipantId, TimelineId


class Conversation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A conversation, known to its participants alone. `room_id` names the room in which it was begun, None for one on its own.

    An archived one can be read and opened again, not written to.
    """

    id: TimelineId
    kind: ConversationKind
    title: str | None = None
    room_id: TimelineId | None = None
    created_by: ParticipantId
    created_at: datetime
    archived_at: datetime | None = None


def pair_key(one: ParticipantId, other: ParticipantId, room_id: TimelineId | None) -> str:
    """What the private conversation of two people, on its own or in a room, is called in the database: there is one."""
    first, second = sorted((one, other))
    return f"{room_id or '-'}:{first}:{second}"
