"""Answers that are counted among those of a day, until they are posted: begun again after a crash, none counts twice."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "counted_answers",
        sa.Column("agent_id", Key, nullable=False),
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("answer_id", Key, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "timeline_id", "answer_id", name="pk_counted_answers"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_counted_answers_agent_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("counted_answers")
