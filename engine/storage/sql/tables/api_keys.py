"""API keys."""

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Key, primary_key=True),
    Column("user_id", Key, ForeignKey("users.id"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("agent_id", Key),
)
