"""The recorder: writes activity, whatever has gathered in one transaction, and not while somebody is on the way.

Nearly every post is an entry. To write each at once would be as many commits again as the posts themselves need, each in the way of the
next post, for a log that nobody waits for.
"""

from collections import deque

import anyio
import structlog

from actors import Actor, Call, DropOldest, Mailbox, Message, handles
from engine.domain.activity import Activity
from engine.errors import EngineError, StorageUnavailable
from engine.storage.repositories import ActivityLog
from engine.traffic import Traffic

log = structlog.get_logger(__name__)

BATCH = 1024
"""The most notes taken into one round of writing."""
REST = 0.1
"""Seconds after each round in which notes gather."""
GIVE_WAY = 0.03
"""Seconds for which those who post come first, at most."""
ROWS = 1000
"""The most entries in one transaction: it keeps other writers waiting for a few milliseconds."""
KEPT = 10_000
"""The most entries that wait for a database that is away; the oldest go first."""
AGAIN = 5.0
"""Seconds until what could not be written is tried again, when nothing new comes."""


class Record(Message["Recorder", None], frozen=True):
    """Entries to write, oldest first."""

    entries: tuple[Activity, ...]


class _Retry(Message["Recorder", None], frozen=True):
    """Write what could not be written."""


class Recorder(Actor):
    """Writes what it is told, in order, and never says no.

    Under more than it can write the oldest notes are dropped, and counted among the dead letters (`dropped_oldest`); while the
    database is away, entries wait, and `dropped` counts those that found no room. Entries carry their ids, so that one that was
    written without our hearing of it is not written twice.
    """

    mailbox = Mailbox(4096, overflow=DropOldest())

    def __init__(self, activity: ActivityLog, traffic: Traffic) -> None:
        self._activity = activity
        self._traffic = traffic
        self._unwritten: deque[Activity] = deque()
        self.dropped = 0

    @handles(Record, batch=BATCH)
    async def record(self, calls: list[Call[Record, None]]) -> None:
        """Write them, with what has waited, and rest."""
        for call in calls:
            self._unwritten.extend(call.message.entries)
        waiting = bool(self._unwritten)
        if waiting:
            await self._traffic.give_way(GIVE_WAY)
            await self._write()
        for call in calls:
            call.answer(None)
        if waiting:
            await anyio.sleep(REST)

    @handles(_Retry)
    async def retry(self, message: _Retry) -> None:
        """Write what has waited."""
        await self._write()

    async def _write(self) -> None:
        while self._unwritten:
            batch = [self._unwritten[index] for index in range(min(ROWS, len(self._unwritten)))]
            try:
                await self._activity.add(batch)
            except StorageUnavailable as error:
                self._wait(str(error))
                return
            except EngineError as error:  # the data itself is refused: no other try will do
                self.dropped += len(batch)
                log.error("activity.refused", entries=len(batch), reason=str(error))  # noqa: TRY400 - the reason is all
            for _ in batch:
                self._unwritten.popleft()

    def _wait(self, reason: str) -> None:
        over = max(0, len(self._unwritten) - KEPT)
        for _ in range(over):
            self._unwritten.popleft()
        self.dropped += over
        log.warning("activity.postponed", waiting=len(self._unwritten), dropped=self.dropped, reason=reason)
        self.send_after(AGAIN, _Retry(), key=_Retry)
