"""What agents remember, and its full-text search; `engine/storage/sql/tables/search.py` says how that works."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "memories",
        sa.Column("number", Number, nullable=False),
        sa.Column("id", Key, nullable=False),
        sa.Column("agent_id", Key, nullable=False),
        sa.Column("about", Key),
        sa.Column("timeline_id", Key),
        sa.Column("message_id", Key),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("keywords", sa.Text, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_memories"),
        sa.UniqueConstraint("id", name="uq_memories_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_memories_agent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["about"], ["users.id"], name="fk_memories_about", ondelete="CASCADE"),
    )
    op.create_index("ix_memories_agent_id_about_id", "memories", ["agent_id", "about", "id"])
    op.create_index("ix_memories_about_id", "memories", ["about", "id"])
    op.create_index("ix_memories_message_id", "memories", ["message_id"])
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
    else:
        op.execute(
            """ALTER TABLE memories ADD COLUMN words tsvector
            GENERATED ALWAYS AS (message_words('', '', NULL, 0, search_text)) STORED"""
        )
        op.execute("CREATE INDEX ix_memories_words ON memories USING gin (words)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE memory_search")
    op.drop_table("memories")


_SQLITE = (
    """CREATE VIRTUAL TABLE memory_search USING fts5(
        words, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    )""",
    """CREATE TRIGGER memories_search_added AFTER INSERT ON memories BEGIN
        INSERT INTO memory_search (rowid, words) VALUES (new.number, new.search_text);
    END""",
    """CREATE TRIGGER memories_search_changed AFTER UPDATE OF search_text ON memories
    WHEN old.search_text <> new.search_text BEGIN
        INSERT INTO memory_search (memory_search, rowid, words) VALUES ('delete', old.number, old.search_text);
        INSERT INTO memory_search (rowid, words) VALUES (new.number, new.search_text);
    END""",
    """CREATE TRIGGER memories_search_removed AFTER DELETE ON memories BEGIN
        INSERT INTO memory_search (memory_search, rowid, words) VALUES ('delete', old.number, old.search_text);
    END""",
)
