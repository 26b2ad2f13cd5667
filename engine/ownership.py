"""Noticing that another process has taken timelines over, also where nobody writes.

A writer learns it from the fence at its next write. Listeners of a quiet timeline would wait for events that the other process
publishes; so the terms of all active timelines are looked up now and then, in one query. The same look wakes timelines that lost
the answer to a write, once the database answers again: what was committed unheard reaches their listeners without another write.
"""

from collections.abc import Callable, Container, Iterable

import anyio
import structlog

from actors import AskFailed, Ref
from engine.domain.fields import TimelineId
from engine.errors import StorageUnavailable
from engine.storage.repositories import TimelineLog
from engine.timelines.commands import SeeTerm
from engine.timelines.timeline import Timeline

log = structlog.get_logger(__name__)


class Ownership:
    """Compares terms every `interval` seconds.

    `active` lists the timelines that this process holds; those in `adrift` do not know where their log stands.
    """

    def __init__(
        self,
        log_: TimelineLog,
        active: Callable[[], Iterable[Ref[Timeline]]],
        adrift: Container[TimelineId],
        interval: float,
    ) -> None:
        self._log = log_
        self._active = active
        self._adrift = adrift
        self._interval = interval
        self._seen: dict[TimelineId, int] = {}

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await anyio.sleep(self._interval)
            await self.check()

    async def check(self) -> None:
        """Look once; tell the timelines whose term has changed since the last time, and those adrift."""
        active = {TimelineId(ref.key): ref for ref in self._active()}
        try:
            terms = await self._log.terms(list(active))
        except StorageUnavailable:
            return  # nobody can take anything over now; the next look tells
        for timeline_id, term in terms.items():
            if self._seen.get(timeline_id) != term or timeline_id in self._adrift:
                try:
                    active[timeline_id].tell(SeeTerm(term))
                except AskFailed:
                    continue  # it is overloaded or resting: not seen, so told again next time
            self._seen[timeline_id] = term
        self._seen = {timeline_id: term for timeline_id, term in self._seen.items() if timeline_id in active}
