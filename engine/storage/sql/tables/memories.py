"""What agents remember. By its `number` SQLite's index of words knows a memory; `search_text` is its words as they are compared."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

memories = Table(
    "memories",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", Key, nullable=False, unique=True),
    Column("agent_id", Key, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("about", Key, ForeignKey("users.id", ondelete="CASCADE")),
    Column("timeline_id", Key),
    Column("message_id", Key, index=True),
    Column("text", Text, nullable=False),
    Column("keywords", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "agent_id", "about", "id"),
    Index(None, "about", "id"),
)
