"""The tables, as SQLAlchemy Core metadata: what the migrations lead to, on SQLite and on PostgreSQL alike.

`timelines` holds each log's fence (`term`), `events` the logs themselves; `rooms`, `members` and `messages` are projections
that change only together with the event that implies the change. Rows of `events` and `messages` have no foreign keys: they
are written only under the lock on their timeline's row, and a check of every row would be paid on the hottest path.
"""

from engine.storage.sql.tables.accounts import participants, refresh_families, refresh_tokens, users
from engine.storage.sql.tables.activity import activity
from engine.storage.sql.tables.agents import agent_places, agent_usage, agents, counted_answers
from engine.storage.sql.tables.api_keys import api_keys
from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.tables.documents import chunks, documents
from engine.storage.sql.tables.inbox import EVERYONE, mentions, notifications
from engine.storage.sql.tables.memories import memories
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
from engine.storage.sql.tables.translations import translations
from engine.storage.sql.tables.usage import message_counts
from engine.storage.sql.tables.webhooks import webhook_deliveries, webhooks

__all__ = [
    "EVERYONE",
    "Key",
    "activity",
    "agent_places",
    "agent_usage",
    "agents",
    "api_keys",
    "bans",
    "chunks",
    "conversations",
    "counted_answers",
    "documents",
    "events",
    "invites",
    "members",
    "memories",
    "mentions",
    "message_counts",
    "messages",
    "metadata",
    "notifications",
    "participants",
    "reactions",
    "refresh_families",
    "refresh_tokens",
    "rooms",
    "timelines",
    "translations",
    "users",
    "webhook_deliveries",
    "webhooks",
]
