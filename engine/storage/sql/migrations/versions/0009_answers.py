"""Which messages are answers, and which of those were not finished."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("messages", sa.Column("answer_id", sa.Text))
    op.add_column("messages", sa.Column("partial", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("messages", "partial")
    op.drop_column("messages", "answer_id")
