"""Storage in SQLite or PostgreSQL through SQLAlchemy Core; see `storage.SqlStorage`.

`tables` is the schema and `migrations/` the way to it, `engine` opens connections, `database` bounds and repeats operations,
`errors` says what a driver's error means, `projections` and `rows` translate, and each repository has a module of its name.
"""

from engine.storage.sql.migrate import SchemaOutdated, migrate, revision
from engine.storage.sql.storage import SqlStorage

__all__ = ["SchemaOutdated", "SqlStorage", "migrate", "revision"]
