"""Noticing that another process has taken timelines over, also where nobody writes.

A writer learns it from the fence at its next write. Listeners of a quiet timeline would wait for events that the other process
publishes; so the terms of all active timelines are looked up now and then, in one query. The same look wakes timelines that lost
the answer to a write, once the database answers again: what was committed unheard reaches their listeners without another write.
"""

from collections.abc import Callable, Container, Iterable
from contextlib import suppress

from actors import AskFailed, Ref
from engine.domain.fields import TimelineId
from engine.storage.repositories import TimelineLog
from engine.timelines.commands import SeeTerm
from engine.timelines.timeline import Timeline


class Ownership:
    """Compares terms, whenever `check` is called.

    `active` lists the timelines that this process holds; those in `adrift` do not know where their log stands.
    """

    def __init__(
        self,
        log_: TimelineLog,
        active: Callable[[], Iterable[Ref[Timeline]]],
        adrift: Container[TimelineId],
    ) -> None:
        self._log = log_
        self._active = active
        self._adrift = adrift
        self._seen: dict[TimelineId, int] = {}

    async def check(self) -> None:
        """Look once; tell the timelines whose term has changed since the last time, and those adrift.

        Raises `StorageUnavailable`: nobody can take anything over then, and the next look tells.
        """
        terms = await self._log.terms([TimelineId(ref.key) for ref in self._active()])
        # Those of now: telling one that has gone to sleep meanwhile would wake it, and take it back from its new owner.
        active = {TimelineId(ref.key): ref for ref in self._active()}
        self._seen = {timeline_id: term for timeline_id, term in self._seen.items() if timeline_id in active}
        for timeline_id, ref in active.items():
            term = terms.get(timeline_id)
            if term is None or (self._seen.get(timeline_id) == term and timeline_id not in self._adrift):
                continue
            with suppress(AskFailed):  # overloaded or resting: it counts as not seen, and is told again next time
                ref.tell(SeeTerm(term))
                self._seen[timeline_id] = term
