"""What agents were given to read, and its full-text search; `engine/storage/sql/tables/search.py` says how that works."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

Moment = sa.DateTime(timezone=True)
Key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("id", Key, nullable=False),
        sa.Column("agent_id", Key, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("characters", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_documents_agent_id", ondelete="CASCADE"),
    )
    op.create_index("ix_documents_agent_id_id", "documents", ["agent_id", "id"])
    op.create_table(
        "document_chunks",
        sa.Column("number", Number, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_document_chunks"),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_document_chunks_document_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_document_chunks_document_id_position", "document_chunks", ["document_id", "position"], unique=True
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
    else:
        op.execute(
            """ALTER TABLE document_chunks ADD COLUMN words tsvector
            GENERATED ALWAYS AS (message_words('', '', NULL, 0, search_text)) STORED"""
        )
        op.execute("CREATE INDEX ix_document_chunks_words ON document_chunks USING gin (words)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE chunk_search")
    op.drop_table("document_chunks")
    op.drop_table("documents")


_SQLITE = (
    """CREATE VIRTUAL TABLE chunk_search USING fts5(
        words, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    )""",
    """CREATE TRIGGER chunks_search_added AFTER INSERT ON document_chunks BEGIN
        INSERT INTO chunk_search (rowid, words) VALUES (new.number, new.search_text);
    END""",
    """CREATE TRIGGER chunks_search_removed AFTER DELETE ON document_chunks BEGIN
        INSERT INTO chunk_search (chunk_search, rowid, words) VALUES ('delete', old.number, old.search_text);
    END""",
)
