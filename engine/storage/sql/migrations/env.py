"""Alembic's environment: the connection is given by `engine.storage.sql.migrate`, never opened here."""

from alembic import context

from engine.storage.sql.tables import metadata
from engine.storage.sql.tables.search import include_name

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_name=include_name,
    render_as_batch=connection.dialect.name == "sqlite",  # SQLite alters a table by building it anew
)
with context.begin_transaction():
    context.run_migrations()
