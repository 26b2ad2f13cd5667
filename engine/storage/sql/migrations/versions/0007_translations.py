"""Translations of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "translations",
        sa.Column("timeline_id", Key, nullable=False),
        sa.Column("message_id", Key, nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("source", sa.String(35), nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("timeline_id", "message_id", "language", name="pk_translations"),
    )
    op.create_index("ix_translations_fingerprint_language", "translations", ["fingerprint", "language"])


def downgrade() -> None:
    op.drop_table("translations")
