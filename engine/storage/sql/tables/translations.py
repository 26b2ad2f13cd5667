"""What messages say in other languages."""

from sqlalchemy import Column, Index, String, Table, Text

from engine.storage.sql.tables.base import Key, metadata

translations = Table(
    "translations",
    metadata,
    Column("timeline_id", Key, primary_key=True),
    Column("message_id", Key, primary_key=True),
    Column("language", String(35), primary_key=True),
    Column("text", Text, nullable=False),
    Column("source", String(35), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Index("ix_translations_fingerprint_language", "fingerprint", "language"),
)
