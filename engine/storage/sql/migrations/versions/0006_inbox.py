"""Read markers, mentions, notifications."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("members", sa.Column("read_offset", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(  # what was there before markers were is not news
        'UPDATE members SET read_offset = COALESCE((SELECT MAX(events."offset") FROM events'
        " WHERE events.timeline_id = members.timeline_id), 0)"
    )
    op.create_table(
        "mentions",
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("participant_id", Key, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("message_id", Key, nullable=False),
        sa.Column("author_id", Key, nullable=False),
        sa.PrimaryKeyConstraint("timeline_id", "participant_id", "offset", name="pk_mentions"),
    )
    op.create_index("ix_mentions_message_id", "mentions", ["message_id"])
    op.create_table(
        "notifications",
        sa.Column("id", Key, nullable=False),
        sa.Column("participant_id", Key, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("message_id", Key),
        sa.Column("actor", Key, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("everyone", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("read_at", Moment),
        sa.PrimaryKeyConstraint("id", "participant_id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_participant_id_id", "notifications", ["participant_id", "id"])
    unread = sa.text("read_at IS NULL")
    op.create_index(
        "ix_notifications_participant_id_timeline_id",
        "notifications",
        ["participant_id", "timeline_id"],
        sqlite_where=unread,
        postgresql_where=unread,
    )


def downgrade() -> None:
    op.drop_table("notifications")
    op.drop_table("mentions")
    op.drop_column("members", "read_offset")
