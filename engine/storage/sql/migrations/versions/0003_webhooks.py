"""Webhooks and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", Key, nullable=False),
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_by", Key, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("delivered_up_to", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failing_since", Moment),
        sa.Column("next_attempt_at", Moment),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("lease_holder", Key),
        sa.Column("lease_until", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.ForeignKeyConstraint(["timeline_id"], ["timelines.id"], name="fk_webhooks_timeline_id"),
    )
    op.create_index("ix_webhooks_timeline_id", "webhooks", ["timeline_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", Key, nullable=False),
        sa.Column("offset", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("status_code", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("first_attempt_at", Moment, nullable=False),
        sa.Column("last_attempt_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "offset", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_webhook_id_state_offset", "webhook_deliveries", ["webhook_id", "state", "offset"]
    )


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
