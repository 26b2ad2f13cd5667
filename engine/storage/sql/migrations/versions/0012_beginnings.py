"""SQLite's index of the beginnings of words; `engine/storage/sql/tables/search.py` says what it is for.

The options of an FTS5 table are given when it is made, so it is made anew: 13 seconds for a million messages. The triggers on
`messages` name it, and stay.
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _build_anew(", prefix = '1 2 3 4 5 6 7'")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _build_anew("")


def _build_anew(beginnings: str) -> None:
    op.execute("DROP TABLE message_search")
    op.execute(
        f"""CREATE VIRTUAL TABLE message_search USING fts5(
            words, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'{beginnings}
        )"""
    )
    # In the order of the rowids: FTS5 writes out what it has gathered whenever one is not greater than that before it.
    op.execute(
        """INSERT INTO message_search (rowid, words)
        SELECT (number << 32) | "offset", coalesce(search_text, text)
        FROM timeline_numbers CROSS JOIN messages ON messages.timeline_id = timeline_numbers.timeline_id
        WHERE text <> '' ORDER BY number, "offset" """
    )
