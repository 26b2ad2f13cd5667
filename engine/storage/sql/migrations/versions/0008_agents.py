"""Agents, how far they have come, what they have spent."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text),
        sa.Column("display_name", sa.Text),
        sa.Column("persona", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("temperature", sa.Float),
        sa.Column("max_tokens", sa.Integer),
        sa.Column("tools", sa.Text, nullable=False),
        sa.Column("room_policy", sa.String(16), nullable=False),
        sa.Column("conversation_policy", sa.String(16), nullable=False),
        sa.Column("probability", sa.Float),
        sa.Column("cooldown_seconds", sa.Integer, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("daily_answers", sa.Integer),
        sa.Column("daily_tokens", sa.Integer),
        sa.Column("goodbye", sa.Text),
        sa.Column("created_by", Key, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
        sa.UniqueConstraint("name_key", name="uq_agents_name_key"),
        sa.ForeignKeyConstraint(["id"], ["participants.id"], name="fk_agents_id"),
    )
    op.create_table(
        "agent_places",
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("agent_id", Key, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("answered_at", Moment),
        sa.PrimaryKeyConstraint("timeline_id", "agent_id", name="pk_agent_places"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_agent_places_agent_id", ondelete="CASCADE"),
    )
    op.create_index("ix_agent_places_agent_id", "agent_places", ["agent_id"])
    op.create_table(
        "agent_usage",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("agent_id", Key, nullable=False),
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("answers", sa.Integer, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "agent_id", "timeline_id", name="pk_agent_usage"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_agent_usage_agent_id", ondelete="CASCADE"),
    )
    op.create_index("ix_agent_usage_agent_id", "agent_usage", ["agent_id"])


def downgrade() -> None:
    op.drop_table("agent_usage")
    op.drop_table("agent_places")
    op.drop_table("agents")
