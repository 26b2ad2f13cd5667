"""The activity and audit log: who did what, when and from where. Ids only, never what was said."""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

from engine.domain.fields import ParticipantId, TimelineId


class Action(StrEnum):
    """What was done. Those of timelines have the names of their events where there is one."""

    SIGNED_IN = "session.started"
    SIGN_IN_REFUSED = "session.refused"
    SIGNED_OUT = "session.ended"
    REGISTERED = "account.registered"
    ACCOUNT_CREATED = "account.created"
    ROLE_CHANGED = "account.role_changed"
    DEACTIVATED = "account.deactivated"
    REACTIVATED = "account.reactivated"
    QUOTA_CHANGED = "account.quota_changed"
    API_KEY_MADE = "api_key.made"
    API_KEY_REVOKED = "api_key.revoked"
    MESSAGE_POSTED = "message.posted"
    MESSAGE_DELETED = "message.deleted"
    MEMBER_JOINED = "member.joined"
    MEMBER_ADDED = "member.added"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_BANNED = "member.banned"
    MEMBER_UNBANNED = "member.unbanned"
    MEMBER_MUTED = "member.muted"
    ROOM_UPDATED = "room.updated"
    ROOM_ARCHIVED = "room.archived"
    CONVERSATION_UPDATED = "conversation.updated"


class Origin(msgspec.Struct, frozen=True):
    """Where a request came from, as far as the door knows."""

    ip: str | None = None
    request_id: str | None = None
    client: str | None = None
    """What sent it, in its own words (`User-Agent`)."""


UNKNOWN = Origin()
"""No request: the engine itself, or the command line."""

Detail: TypeAlias = str | int | bool | None


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. `id` is a UUIDv7, so that entries are in the order of their ids.

    `actor` is who did it, None where nobody is known (a refused sign-in to no account); `subject` is the id of the person, message
    or key that it was done to, when that is not the actor; `details` are the few values that matter (`{"role": "admin"}`).
    """

    id: str
    at: datetime
    action: Action
    actor: ParticipantId | None = None
    timeline_id: TimelineId | None = None
    subject: str | None = None
    ip: str | None = None
    request_id: str | None = None
    details: dict[str, Detail] = {}


class ActivityFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: all that match everything given. `since` is inclusive, `until` exclusive."""

    actor: ParticipantId | None = None
    action: Action | None = None
    timeline_id: TimelineId | None = None
    since: datetime | None = None
    until: datetime | None = None
