"""Quotas, activity, API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    _quotas()
    _activity()
    _api_keys()


def downgrade() -> None:
    op.drop_table("api_keys")
    op.drop_table("activity")
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


def _activity() -> None:
    op.create_table(
        "activity",
        sa.Column("id", Key, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("actor", Key),
        sa.Column("timeline_id", Key),
        sa.Column("subject", Key),
        sa.Column("ip", sa.String(64)),
        sa.Column("request_id", sa.Text),
        sa.Column("details", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_activity"),
    )
    op.create_index("ix_activity_at", "activity", ["at"])
    op.create_index("ix_activity_action_id", "activity", ["action", "id"])
    op.create_index("ix_activity_actor_id", "activity", ["actor", "id"])
    op.create_index("ix_activity_timeline_id_id", "activity", ["timeline_id", "id"])


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", Key, nullable=False),
        sa.Column("user_id", Key, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_used_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_api_keys_user_id"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
