"""Webhooks, and what became of their deliveries."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("timeline_id", Key, ForeignKey("timelines.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_by", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("delivered_up_to", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("next_attempt_at", UtcDateTime),
    Column("disabled_reason", Text),
    Column("lease_holder", Key),
    Column("lease_until", UtcDateTime),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("webhook_id", Key, ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status_code", Integer),
    Column("error", Text),
    Column("duration_ms", Integer, nullable=False),
    Column("first_attempt_at", UtcDateTime, nullable=False),
    Column("last_attempt_at", UtcDateTime, nullable=False),
    Index("ix_webhook_deliveries_webhook_id_state_offset", "webhook_id", "state", "offset"),
)
