"""The tables, as SQLAlchemy Core metadata: what the migrations lead to, on SQLite and on PostgreSQL alike.

`timelines` holds each log's fence (`term`), `events` the logs themselves; `rooms`, `members` and `messages` are projections
that change only together with the event that implies the change. Rows of `events` and `messages` have no foreign keys: they
are written only under the lock on their timeline's row, and a check of every row would be paid on the hottest path.
"""

from engine.storage.sql.tables.accounts import participants, refresh_families, refresh_tokens, users
from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.tables.inbox import EVERYONE, mentions, notifications
from engine.storage.sql.tables.timelines import (
    bans,
    conversations,
    events,
    invites,
    members,
    messages,
    reactions,
    rooms,
    timelines,
)

__all__ = [
    "EVERYONE",
    "Key",
    "bans",
    "conversations",
    "events",
    "invites",
    "members",
    "mentions",
    "messages",
    "metadata",
    "notifications",
    "participants",
    "reactions",
    "refresh_families",
    "refresh_tokens",
    "rooms",
    "timelines",
    "users",
]
