"""How many messages people have posted, week by week."""

from sqlalchemy import Column, Date, Integer, Table

from engine.storage.sql.tables.base import Key, metadata

message_counts = Table(
    "message_counts",
    metadata,
    Column("week", Date, primary_key=True),
    Column("user_id", Key, primary_key=True),
    Column("posts", Integer, nullable=False),
)
"""A projection of `message.posted`; `week` is its Monday. No foreign key, like all that is written with the log."""
