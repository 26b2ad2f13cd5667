"""Conversations, bans, mutes, reactions, invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("room_id", Key),
        sa.Column("pair_key", sa.String(128)),
        sa.Column("created_by", Key, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("archived_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        sa.ForeignKeyConstraint(["id"], ["timelines.id"], name="fk_conversations_id"),
        sa.UniqueConstraint("pair_key", name="uq_conversations_pair_key"),
    )
    op.create_table(
        "bans",
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("participant_id", Key, nullable=False),
        sa.Column("until", Moment),
        sa.Column("reason", sa.Text),
        sa.Column("by", Key, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("timeline_id", "participant_id", name="pk_bans"),
        sa.ForeignKeyConstraint(["timeline_id"], ["timelines.id"], name="fk_bans_timeline_id"),
        sa.ForeignKeyConstraint(["participant_id"], ["participants.id"], name="fk_bans_participant_id"),
    )
    op.create_table(
        "invites",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("created_by", Key, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_invites"),
        sa.ForeignKeyConstraint(["timeline_id"], ["timelines.id"], name="fk_invites_timeline_id"),
    )
    op.create_index("ix_invites_expires_at", "invites", ["expires_at"])
    op.create_table(
        "reactions",
        sa.Column("message_id", Key, nullable=False),
        sa.Column("participant_id", Key, nullable=False),
        sa.Column("emoji", sa.String(64), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "participant_id", "emoji", name="pk_reactions"),
    )
    op.add_column("members", sa.Column("muted_until", Moment))
    op.add_column("messages", sa.Column("mentions_all", sa.Boolean, nullable=False, server_default=sa.false()))
    op.drop_column("messages", "reactions")
    answers = sa.text("reply_to IS NOT NULL")
    op.create_index(
        "ix_messages_timeline_id_reply_to",
        "messages",
        ["timeline_id", "reply_to"],
        sqlite_where=answers,
        postgresql_where=answers,
    )


def downgrade() -> None:
    op.drop_index("ix_messages_timeline_id_reply_to", "messages")
    op.add_column("messages", sa.Column("reactions", sa.Text))
    op.drop_column("messages", "mentions_all")
    op.drop_column("members", "muted_until")
    for table in ("reactions", "invites", "bans", "conversations"):
        op.drop_table(table)
