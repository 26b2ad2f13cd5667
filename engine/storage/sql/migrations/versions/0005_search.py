"""Full-text search; `engine/storage/sql/tables/search.py` says how it works."""

import sqlalchemy as sa
from alembic import op

from engine.search.words import indexed

revision = "0005"
down_revision = "0004"

_LANGUAGES = {
    "ar": "arabic",
    "hy": "armenian",
    "eu": "basque",
    "ca": "catalan",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "no": "norwegian",
    "nb": "norwegian",
    "nn": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""The text search configurations of PostgreSQL 14 and newer."""
_PUNCTUATION = r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""
_PAGE = 1000

messages = sa.table("messages", sa.column("id"), sa.column("text"), sa.column("search_text"))


def upgrade() -> None:
    op.add_column("messages", sa.Column("search_text", sa.Text))
    _prepare_texts()
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
    else:
        _postgresql()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for trigger in ("messages_search_added", "messages_search_changed", "messages_search_removed"):
            op.execute(f"DROP TRIGGER {trigger}")
        op.execute("DROP TRIGGER timelines_numbered")
        op.execute("DROP TABLE message_search")
        op.execute("DROP TABLE timeline_numbers")
    else:
        op.execute("ALTER TABLE messages DROP COLUMN words")
        op.execute("DROP FUNCTION message_words(text, text, text, bigint, text)")
        op.execute("DROP FUNCTION search_dictionary(text)")
    op.drop_column("messages", "search_text")


def _prepare_texts() -> None:
    """Fill the new column for the messages that are there."""
    connection, last = op.get_bind(), ""
    page = sa.select(messages.c.id, messages.c.text).order_by(messages.c.id).limit(_PAGE)
    while rows := connection.execute(page.where(messages.c.id > last)).all():
        last = rows[-1].id
        values = [{"key": row.id, "words": words} for row in rows if (words := indexed(row.text)) is not None]
        if values:
            found = sa.update(messages).where(messages.c.id == sa.bindparam("key"))
            connection.execute(found.values(search_text=sa.bindparam("words")), values)


_NUMBER = '((SELECT number FROM timeline_numbers WHERE timeline_id = {0}.timeline_id) << 32) | {0}."offset"'
_SQLITE = (
    """CREATE TABLE timeline_numbers (
        number INTEGER PRIMARY KEY, timeline_id VARCHAR(64) NOT NULL CONSTRAINT uq_timeline_numbers_timeline_id UNIQUE
    )""",
    "INSERT INTO timeline_numbers (timeline_id) SELECT id FROM timelines",
    """CREATE TRIGGER timelines_numbered AFTER INSERT ON timelines BEGIN
        INSERT INTO timeline_numbers (timeline_id) VALUES (new.id);
    END""",
    """CREATE VIRTUAL TABLE message_search USING fts5(
        words, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    )""",
    f"""INSERT INTO message_search (rowid, words)
        SELECT {_NUMBER.format("messages")}, coalesce(search_text, text) FROM messages WHERE text <> ''""",
    f"""CREATE TRIGGER messages_search_added AFTER INSERT ON messages WHEN new.text <> '' BEGIN
        INSERT INTO message_search (rowid, words)
        VALUES ({_NUMBER.format("new")}, coalesce(new.search_text, new.text));
    END""",
    f"""CREATE TRIGGER messages_search_changed AFTER UPDATE OF text, search_text ON messages
    WHEN old.text <> new.text OR old.search_text IS NOT new.search_text BEGIN
        INSERT INTO message_search (message_search, rowid, words)
        SELECT 'delete', {_NUMBER.format("old")}, coalesce(old.search_text, old.text) WHERE old.text <> '';
        INSERT INTO message_search (rowid, words)
        SELECT {_NUMBER.format("new")}, coalesce(new.search_text, new.text) WHERE new.text <> '';
    END""",
    f"""CREATE TRIGGER messages_search_removed AFTER DELETE ON messages WHEN old.text <> '' BEGIN
        INSERT INTO message_search (message_search, rowid, words)
        VALUES ('delete', {_NUMBER.format("old")}, coalesce(old.search_text, old.text));
    END""",
)


def _postgresql() -> None:
    known = " ".join(f"WHEN '{tag}' THEN 'pg_catalog.{name}'::regconfig" for tag, name in _LANGUAGES.items())
    op.execute(
        f"""CREATE FUNCTION search_dictionary(language text) RETURNS regconfig LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE lower(split_part(language, '-', 1)) {known} END
        $$"""
    )
    # PostgreSQL's parser would take addresses and numbers for one word each; punctuation is gone before it looks.
    punctuation = _PUNCTUATION.replace("'", "''")
    op.execute(
        sa.text(
            f"""CREATE FUNCTION message_words(id text, timeline_id text, language text, "offset" bigint, words text)
            RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
                SELECT CASE WHEN words = '' THEN ''::tsvector ELSE
                    to_tsvector('pg_catalog.simple'::regconfig, plain)
                    || coalesce(to_tsvector(search_dictionary(language), plain), ''::tsvector)
                    || array_to_tsvector(ARRAY[
                        '@' || right(timeline_id, 8),
                        '@' || right(timeline_id, 8) || '/' || ("offset" >> 12),
                        '#' || left(id, 6)
                    ])
                END
                FROM (SELECT translate(words, '{punctuation}', '{" " * len(_PUNCTUATION)}') AS plain) AS made
            $$""".replace(":", r"\:")
        )
    )
    op.execute(
        sa.text(
            """ALTER TABLE messages ADD COLUMN words tsvector GENERATED ALWAYS AS
            (message_words(id, timeline_id, language, "offset", coalesce(search_text, text))) STORED"""
        )
    )
    op.execute("CREATE INDEX ix_messages_words ON messages USING gin (words) WITH (gin_pending_list_limit = 512)")
