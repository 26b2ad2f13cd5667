"""What of a timeline's events is activity."""

from typing import NamedTuple

from engine.domain.activity import Action, Detail
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
    MessagePosted,
    RoomArchived,
    RoomUpdated,
)


class Deed(NamedTuple):
    """What an event says was done, to whom or what, and the values that matter."""

    action: Action
    subject: str | None = None
    details: dict[str, Detail] | None = None


def deed(event: Event) -> Deed | None:
    """The activity in an event; None for what is nobody's business: edits, and deleting what one wrote oneself."""
    found: Deed | None = None
    match event:
        case MessagePosted(message=message):
            found = Deed(Action.MESSAGE_POSTED, message.id)
        case MessageDeleted(message=message) if message.author.id != event.actor:
            found = Deed(Action.MESSAGE_DELETED, message.id, {"author": message.author.id})
        case ConversationUpdated():
            found = Deed(Action.CONVERSATION_UPDATED)
        case RoomUpdated():
            found = Deed(Action.ROOM_UPDATED)
        case RoomArchived():
            found = Deed(Action.ROOM_ARCHIVED)
        case _:
            found = _about_a_member(event)
    return found


def _about_a_member(event: Event) -> Deed | None:
    found: Deed | None = None
    match event:
        case MemberJoined(member=member) if member.participant.id != event.actor:
            found = Deed(Action.MEMBER_ADDED, member.participant.id, {"role": member.role.value})
        case MemberJoined():
            found = Deed(Action.MEMBER_JOINED)
        case MemberLeft():
            found = Deed(Action.MEMBER_LEFT)
        case MemberRemoved(participant_id=removed):
            found = Deed(Action.MEMBER_REMOVED, removed)
        case MemberRoleChanged(participant_id=member_id, role=role):
            found = Deed(Action.MEMBER_ROLE_CHANGED, member_id, {"role": role.value})
        case MemberBanned(ban=ban):
            until = None if ban.until is None else ban.until.isoformat()
            found = Deed(Action.MEMBER_BANNED, ban.participant.id, {"until": until})
        case MemberUnbanned(participant_id=member_id):
            found = Deed(Action.MEMBER_UNBANNED, member_id)
        case MemberMuted(participant_id=member_id, until=moment):
            found = Deed(Action.MEMBER_MUTED, member_id, {"until": None if moment is None else moment.isoformat()})
        case _:
            pass
    return found
