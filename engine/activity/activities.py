"""The activity of a process: notes go in, and what was noted comes out."""

from contextlib import suppress
from datetime import timedelta
from typing import Final, Self

import anyio

from actors import ActorStopped, ActorSystem, AskFailed, Ref, Unavailable
from engine.activity.recorder import Record, Recorder
from engine.activity.scribe import Scribe
from engine.clock import Clock
from engine.domain.activity import Activity, ActivityFilter
from engine.storage.repositories import ActivityLog
from engine.timelines.feed import Feed
from engine.traffic import Traffic

_AT_ONCE: Final = 1000
"""Entries that are forgotten in one transaction."""
_PAUSE: Final = 0.1
"""Seconds between two of those."""
_PATIENCE: Final = 1.0
"""Seconds for which a search waits for what was noted before it."""


class Activities:
    """Made by `start`."""

    def __init__(self, recorder: Ref[Recorder], stored: ActivityLog, clock: Clock) -> None:
        self._recorder = recorder
        self._stored = stored
        self._clock = clock

    @classmethod
    async def start(
        cls, system: ActorSystem, stored: ActivityLog, clock: Clock, traffic: Traffic, *, feed: Feed
    ) -> Self:
        """Start the recorder and let it follow the timelines."""
        recorder = await system.spawn(lambda: Recorder(stored, traffic), "activity", mailbox=Recorder.mailbox)
        activities = cls(recorder, stored, clock)
        feed.watch(Scribe(clock, activities.note).follow)
        return activities

    def note(self, entries: tuple[Activity, ...]) -> None:
        """Take entries, oldest first; returns at once and never raises."""
        with suppress(ActorStopped, Unavailable):  # nobody waits for the record
            self._recorder.tell(Record(entries))

    async def search(self, which: ActivityFilter, *, after: str | None = None, limit: int) -> list[Activity]:
        """Entries that match, newest first, below the id `after`: with what this process has noted until now.

        Raises `StorageUnavailable`.
        """
        with suppress(AskFailed):
            await self._recorder.ask(Record(()), timeout=_PATIENCE)
        return await self._stored.search(which, after=after, limit=limit)

    async def purge(self, kept: timedelta) -> None:
        """Forget what is older than `kept`, a little at a time: nobody's post waits for long."""
        forgotten = _AT_ONCE
        while forgotten == _AT_ONCE:
            forgotten = await self._stored.purge(before=self._clock.now() - kept, most=_AT_ONCE)
            await anyio.sleep(_PAUSE)
