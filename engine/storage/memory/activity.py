"""The activity and audit log."""

from collections.abc import Sequence
from datetime import datetime

from engine.domain.activity import Activity, ActivityFilter
from engine.storage.memory.state import State


class MemoryActivityLog:
    """See `repositories.ActivityLog`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, entries: Sequence[Activity]) -> None:
        await self._state.enter()
        for entry in entries:
            self._state.activity.setdefault(entry.id, entry)

    async def search(self, which: ActivityFilter, *, after: str | None = None, limit: int) -> list[Activity]:
        await self._state.enter()
        found = [
            entry
            for entry in self._state.activity.values()
            if _matches(entry, which) and (after is None or entry.id < after)
        ]
        return sorted(found, key=lambda entry: entry.id, reverse=True)[:limit]

    async def purge(self, *, before: datetime, most: int) -> int:
        await self._state.enter()
        old = sorted((entry.at, entry.id) for entry in self._state.activity.values() if entry.at < before)[:most]
        for _, entry_id in old:
            del self._state.activity[entry_id]
        return len(old)


def _matches(entry: Activity, which: ActivityFilter) -> bool:
    return (
        which.actor in {None, entry.actor}
        and which.action in {None, entry.action}
        and which.timeline_id in {None, entry.timeline_id}
        and (which.since is None or entry.at >= which.since)
        and (which.until is None or entry.at < which.until)
    )
