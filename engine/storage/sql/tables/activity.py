"""The activity and audit log."""

from sqlalchemy import Column, Index, String, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

activity = Table(
    "activity",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("action", String(32), nullable=False),
    Column("actor", Key),
    Column("timeline_id", Key),
    Column("subject", Key),
    Column("ip", String(64)),
    Column("request_id", Text),
    Column("details", Text),
    Index("ix_activity_action_id", "action", "id"),
    Index("ix_activity_actor_id", "actor", "id"),
    Index("ix_activity_timeline_id_id", "timeline_id", "id"),
)
"""No foreign keys: what is recorded stays true when what it tells of is gone."""
