"""Composes the activity log of a process."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias

import anyio

from actors import ActorStopped, ActorSystem, Unavailable
from engine.activity.recorder import Record, Recorder
from engine.activity.scribe import Scribe
from engine.clock import Clock
from engine.domain.activity import Activity
from engine.storage.repositories import Storage
from engine.timelines.feed import Feed

Note: TypeAlias = Callable[[tuple[Activity, ...]], None]
"""Takes entries, oldest first; returns at once and never raises."""

_AT_ONCE: Final = 1000
"""Entries that are forgotten in one transaction."""
_PAUSE: Final = 0.1
"""Seconds between two of those."""


async def start_activity(system: ActorSystem, storage: Storage, clock: Clock, *, feed: Feed) -> Note:
    """Start the recorder and let it follow the timelines; the answer is for what else happens."""
    recorder = await system.spawn(lambda: Recorder(storage.activity), "activity", mailbox=Recorder.mailbox)

    def note(entries: tuple[Activity, ...]) -> None:
        with suppress(ActorStopped, Unavailable):  # nobody waits for the record
            recorder.tell(Record(entries))

    feed.watch(Scribe(clock, note).follow)
    return note


async def purge(storage: Storage, clock: Clock, kept: timedelta) -> None:
    """Forget what is older than `kept`, a little at a time: nobody's post waits for long."""
    forgotten = _AT_ONCE
    while forgotten == _AT_ONCE:
        forgotten = await storage.activity.purge(before=clock.now() - kept, most=_AT_ONCE)
        await anyio.sleep(_PAUSE)
