"""What agents were given to read. By its `number` SQLite's index of words knows a chunk; `search_text` is its words as they are compared.

A document counts when it is `complete`: it has all of its chunks.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

documents = Table(
    "documents",
    metadata,
    Column("id", Key, primary_key=True),
    Column("agent_id", Key, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("characters", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("complete", Boolean, nullable=False),
    Index(None, "agent_id", "id"),
)
chunks = Table(
    "document_chunks",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("document_id", Key, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Index(None, "document_id", "position", unique=True),
)
