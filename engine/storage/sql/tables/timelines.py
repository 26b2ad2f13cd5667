"""Timelines: their logs, and what the events imply."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, false

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

timelines = Table(
    "timelines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", Key, ForeignKey("timelines.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("capacity", Integer),
    Column("language", Text),
    Column("translation", Boolean, nullable=False),
    Column("slow_mode_seconds", Integer, nullable=False),
    Column("glossary", Text),
    Column("formality", Text),
    Column("created_by", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Key, ForeignKey("timelines.id"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("title", Text),
    Column("room_id", Key),
    Column("pair_key", String(128), unique=True),
    Column("created_by", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
)

members = Table(
    "members",
    metadata,
    Column("timeline_id", Key, ForeignKey("timelines.id"), primary_key=True),
    Column("participant_id", Key, ForeignKey("participants.id"), primary_key=True, index=True),
    Column("role", String(16), nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("muted_until", UtcDateTime),
    Column("read_offset", BigInteger, nullable=False, server_default="0"),
)

bans = Table(
    "bans",
    metadata,
    Column("timeline_id", Key, ForeignKey("timelines.id"), primary_key=True),
    Column("participant_id", Key, ForeignKey("participants.id"), primary_key=True),
    Column("until", UtcDateTime),
    Column("reason", Text),
    Column("by", Key, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

invites = Table(
    "invites",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("timeline_id", Key, ForeignKey("timelines.id"), nullable=False),
    Column("created_by", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

events = Table(
    "events",
    metadata,
    Column("timeline_id", Key, primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Key, nullable=False),
    Column("message_id", Key),
    Column("payload", Text, nullable=False),
)
Index(
    "ix_events_message_id",
    events.c.message_id,
    sqlite_where=events.c.message_id.is_not(None),
    postgresql_where=events.c.message_id.is_not(None),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Key, primary_key=True),
    Column("timeline_id", Key, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("author_id", Key, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", Text),
    Column("reply_to", Key),
    Column("client_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("mentions", Text),
    Column("mentions_all", Boolean, nullable=False, server_default=false()),
    Column("answer_id", Text),
    Column("partial", Boolean, nullable=False, server_default=false()),
    Column("search_text", Text),  # what is indexed for searching, where it is not the text itself; see `search.py`
    Index("ix_messages_timeline_id_offset", "timeline_id", "offset", unique=True),
)
Index(
    "uq_messages_timeline_id_author_id_client_id",
    messages.c.timeline_id,
    messages.c.author_id,
    messages.c.client_id,
    unique=True,
    sqlite_where=messages.c.client_id.is_not(None),
    postgresql_where=messages.c.client_id.is_not(None),
)
Index(
    "ix_messages_timeline_id_reply_to",
    messages.c.timeline_id,
    messages.c.reply_to,
    sqlite_where=messages.c.reply_to.is_not(None),
    postgresql_where=messages.c.reply_to.is_not(None),
)

reactions = Table(
    "reactions",
    metadata,
    Column("message_id", Key, primary_key=True),
    Column("participant_id", Key, primary_key=True),
    Column("emoji", String(64), primary_key=True),
    Column("offset", BigInteger, nullable=False),
)
