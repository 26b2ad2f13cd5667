"""The activity and audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.domain.activity import Activity, ActivityFilter


class ActivityLog(Protocol):
    """Entries by id. They are added and forgotten, never changed."""

    async def add(self, entries: Sequence[Activity]) -> None:
        """Store entries, all in one transaction; those that are stored already stay as they are."""
        ...

    async def search(self, which: ActivityFilter, *, after: str | None = None, limit: int) -> list[Activity]:
        """Entries newest first, by id downwards; `after` is the last id of the page before."""
        ...

    async def purge(self, *, before: datetime, most: int) -> int:
        """Forget entries older than a moment, the oldest first and at most `most`; tells how many."""
        ...
