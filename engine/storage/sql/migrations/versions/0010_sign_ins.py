"""What signed in, when, and when it was last heard of."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

LONG_AGO = sa.text("'1970-01-01 00:00:00'")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("refresh_families", sa.Column("client", sa.Text))
    for name in ("created_at", "last_used_at"):
        op.add_column("refresh_families", sa.Column(name, moment, nullable=False, server_default=LONG_AGO))
    families = sa.table("refresh_families", sa.column("id", sa.Text), *_moments(moment))
    connection = op.get_bind()
    for (family_id,) in connection.execute(sa.select(families.c.id)).all():
        began = _time_of(family_id)
        if began is not None:
            known = families.update().where(families.c.id == family_id)
            connection.execute(known.values(created_at=began, last_used_at=began))


def downgrade() -> None:
    for name in ("last_used_at", "created_at", "client"):
        op.drop_column("refresh_families", name)


def _moments(kind: sa.DateTime) -> tuple[sa.ColumnClause[datetime], ...]:
    return sa.column("created_at", kind), sa.column("last_used_at", kind)


def _time_of(family_id: str) -> datetime | None:
    """Ids are UUIDv7: their first 48 bits are milliseconds."""
    try:
        return datetime.fromtimestamp(int(family_id.replace("-", "")[:12], 16) / 1000, UTC)
    except ValueError:
        return None
