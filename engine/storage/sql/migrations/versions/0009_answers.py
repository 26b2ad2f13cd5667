"""Which messages are answers, which of those were not finished; API keys that act for agents."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("messages", sa.Column("answer_id", sa.Text))
    op.add_column("messages", sa.Column("partial", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("api_keys", sa.Column("agent_id", Key))


def downgrade() -> None:
    op.drop_column("api_keys", "agent_id")
    op.drop_column("messages", "partial")
    op.drop_column("messages", "answer_id")
