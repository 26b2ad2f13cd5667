"""Quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    _quotas()


def downgrade() -> None:
    op.drop_table("message_counts")
    with op.batch_alter_table("users") as users:
        users.drop_column("weekly_messages")


def _quotas() -> None:
    op.add_column("users", sa.Column("weekly_messages", sa.Integer))
    op.create_table(
        "message_counts",
        sa.Column("week", sa.Date, nullable=False),
        sa.Column("user_id", Key, nullable=False),
        sa.Column("posts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("week", "user_id", name="pk_message_counts"),
    )
    postgresql = op.get_context().dialect.name == "postgresql"
    monday = (
        "CAST(date_trunc('week', created_at AT TIME ZONE 'UTC') AS date)"
        if postgresql
        else "date(created_at, 'weekday 0', '-6 days')"
    )
    op.execute(
        f"INSERT INTO message_counts (week, user_id, posts) SELECT {monday}, author_id, count(*) "
        "FROM messages JOIN participants ON participants.id = author_id AND kind = 'user' GROUP BY 1, 2"
    )
