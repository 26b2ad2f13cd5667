"""What all tables share: their metadata, and the type of keys."""

from sqlalchemy import MetaData, String

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

Key = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Ids and other keys: compared and ordered by their bytes on both databases, whatever the database's locale."""
