"""Accounts, timelines, rooms, messages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
ByteOrderedText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _accounts()
    _timelines()
    _messages()


def downgrade() -> None:
    for table in ("messages", "events", "members", "rooms", "timelines", "refresh_tokens", "refresh_families"):
        op.drop_table(table)
    op.drop_table("users")
    op.drop_table("participants")


def _accounts() -> None:
    op.create_table(
        "participants",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_participants"),
    )
    op.create_table(
        "users",
        sa.Column("id", Key, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("username_key", ByteOrderedText, nullable=False),
        sa.Column("display_name", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.ForeignKeyConstraint(["id"], ["participants.id"], name="fk_users_id"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("username_key", name="uq_users_username_key"),
    )
    op.create_table(
        "refresh_families",
        sa.Column("id", Key, nullable=False),
        sa.Column("user_id", Key, nullable=False),
        sa.Column("revoked_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_families"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_refresh_families_user_id"),
    )
    op.create_index("ix_refresh_families_user_id", "refresh_families", ["user_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("family_id", Key, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("rotated_at", Moment),
        sa.PrimaryKeyConstraint("digest", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(["family_id"], ["refresh_families.id"], name="fk_refresh_tokens_family_id"),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])
    op.create_index("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"])


def _timelines() -> None:
    op.create_table(
        "timelines",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_timelines"),
    )
    op.create_table(
        "rooms",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("capacity", sa.Integer),
        sa.Column("language", sa.Text),
        sa.Column("translation", sa.Boolean, nullable=False),
        sa.Column("slow_mode_seconds", sa.Integer, nullable=False),
        sa.Column("glossary", sa.Text),
        sa.Column("formality", sa.Text),
        sa.Column("created_by", Key, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("archived_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
        sa.ForeignKeyConstraint(["id"], ["timelines.id"], name="fk_rooms_id"),
    )
    op.create_table(
        "members",
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("participant_id", Key, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("joined_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("timeline_id", "participant_id", name="pk_members"),
        sa.ForeignKeyConstraint(["timeline_id"], ["timelines.id"], name="fk_members_timeline_id"),
        sa.ForeignKeyConstraint(["participant_id"], ["participants.id"], name="fk_members_participant_id"),
    )
    op.create_index("ix_members_participant_id", "members", ["participant_id"])


def _messages() -> None:
    op.create_table(
        "events",
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("actor", Key, nullable=False),
        sa.Column("message_id", Key),
        sa.Column("payload", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("timeline_id", "offset", name="pk_events"),
    )
    about_a_message = sa.text("message_id IS NOT NULL")
    op.create_index(
        "ix_events_message_id",
        "events",
        ["message_id"],
        sqlite_where=about_a_message,
        postgresql_where=about_a_message,
    )
    op.create_table(
        "messages",
        sa.Column("id", Key, nullable=False),
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("author_id", Key, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("reply_to", Key),
        sa.Column("client_id", sa.Text),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("edited_at", Moment),
        sa.Column("deleted_at", Moment),
        sa.Column("reactions", sa.Text),
        sa.Column("mentions", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index("ix_messages_timeline_id_offset", "messages", ["timeline_id", "offset"], unique=True)
    with_client_id = sa.text("client_id IS NOT NULL")
    op.create_index(
        "uq_messages_timeline_id_author_id_client_id",
        "messages",
        ["timeline_id", "author_id", "client_id"],
        unique=True,
        sqlite_where=with_client_id,
        postgresql_where=with_client_id,
    )
