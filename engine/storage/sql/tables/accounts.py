"""People and their sign-ins."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

participants = Table(
    "participants",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", Key, ForeignKey("participants.id"), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("username", Text, nullable=False),
    Column("username_key", Text().with_variant(Text(collation="C"), "postgresql"), nullable=False, unique=True),
    Column("display_name", Text),
    Column("language", Text),
    Column("status", String(16), nullable=False),
    Column("role", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("weekly_messages", Integer),
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

refresh_families = Table(
    "refresh_families",
    metadata,
    Column("id", Key, primary_key=True),
    Column("user_id", Key, ForeignKey("users.id"), nullable=False, index=True),
    Column("client", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("family_id", Key, ForeignKey("refresh_families.id"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("rotated_at", UtcDateTime),
)
