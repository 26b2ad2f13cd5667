"""What people have not read: mentions by whom they mention, and notifications. Read markers are part of `members`."""

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, false

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

EVERYONE = "*"
"""Stands in `mentions.participant_id` for all members."""

mentions = Table(
    "mentions",
    metadata,
    Column("timeline_id", Key, primary_key=True),
    Column("participant_id", Key, primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", Key, nullable=False, index=True),
    Column("author_id", Key, nullable=False),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Key, primary_key=True),
    Column("participant_id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("timeline_id", Key, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("message_id", Key),
    Column("actor", Key, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("everyone", Boolean, nullable=False, server_default=false()),
    Column("read_at", UtcDateTime),
    Index("ix_notifications_participant_id_id", "participant_id", "id"),
)
Index(
    "ix_notifications_participant_id_timeline_id",
    notifications.c.participant_id,
    notifications.c.timeline_id,
    sqlite_where=notifications.c.read_at.is_(None),
    postgresql_where=notifications.c.read_at.is_(None),
)
