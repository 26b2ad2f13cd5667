"""Agents, how far they have come, what they have spent; `counted_answers` are those of it that are not posted yet."""

from sqlalchemy import BigInteger, Column, Date, Float, ForeignKey, Integer, String, Table, Text

from engine.storage.sql.tables.base import Key, metadata
from engine.storage.sql.types import UtcDateTime

agents = Table(
    "agents",
    metadata,
    Column("id", Key, ForeignKey("participants.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, unique=True),  # NULL: the agent is retired, and the name is free
    Column("display_name", Text),
    Column("persona", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("temperature", Float),
    Column("max_tokens", Integer),
    Column("tools", Text, nullable=False),
    Column("room_policy", String(16), nullable=False),
    Column("conversation_policy", String(16), nullable=False),
    Column("probability", Float),
    Column("cooldown_seconds", Integer, nullable=False),
    Column("language", Text),
    Column("daily_answers", Integer),
    Column("daily_tokens", Integer),
    Column("goodbye", Text),
    Column("created_by", Key, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

agent_places = Table(
    "agent_places",
    metadata,
    Column("timeline_id", Key, primary_key=True),
    Column("agent_id", Key, ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("cursor", BigInteger, nullable=False),
    Column("answered_at", UtcDateTime),
)

agent_usage = Table(
    "agent_usage",
    metadata,
    Column("day", Date, primary_key=True),
    Column("agent_id", Key, ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("timeline_id", Key, primary_key=True),
    Column("answers", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

counted_answers = Table(
    "counted_answers",
    metadata,
    Column("agent_id", Key, ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("timeline_id", Key, primary_key=True),
    Column("answer_id", Key, primary_key=True),
    Column("day", Date, nullable=False),
)
