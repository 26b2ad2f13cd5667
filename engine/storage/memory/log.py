"""The event log under its fence."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from engine.domain.events import Event
from engine.domain.fields import TimelineId
from engine.errors import Overtaken
from engine.storage.memory.state import State, posted_by
from engine.storage.records import Unstorable
from engine.storage.repositories import Append, AppendFailure, Claimed, never


class MemoryTimelineLog:
    """See `repositories.TimelineLog`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def claim(self, timelines: Sequence[TimelineId]) -> list[Claimed | None]:
        await self._state.enter()
        claimed: dict[TimelineId, Claimed] = {}
        for timeline_id in dict.fromkeys(timelines):
            if timeline := self._state.timelines.get(timeline_id):
                timeline.term += 1
                claimed[timeline_id] = Claimed(timeline_id, timeline.term, timeline.epoch, timeline.head)
        return [claimed.get(timeline_id) for timeline_id in timelines]

    async def terms(self, ids: Sequence[TimelineId]) -> dict[TimelineId, int]:
        await self._state.enter()
        known = self._state.timelines
        return {timeline_id: known[timeline_id].term for timeline_id in ids if timeline_id in known}

    async def append(
        self, batch: Sequence[Append], *, overtaken: Callable[[], bool] = never
    ) -> list[AppendFailure | None]:
        await self._state.enter()
        if overtaken():
            raise Overtaken("somebody goes first")
        return [self._append(entry) for entry in batch]

    def _append(self, entry: Append) -> AppendFailure | None:
        timeline = self._state.timelines.get(entry.timeline_id)
        if timeline is None:
            return AppendFailure("fenced", f"there is no timeline {entry.timeline_id}")
        if timeline.term != entry.term:
            return AppendFailure("fenced", f"timeline {entry.timeline_id} is at term {timeline.term}, not {entry.term}")
        try:
            conflict = self._state.conflict(timeline, entry.events)
        except Unstorable as error:
            return AppendFailure("invalid", str(error))
        if over := self._over_quota(entry):
            return over
        if conflict is not None:
            return AppendFailure("conflict", conflict)
        self._state.apply(entry.timeline_id, timeline, entry.events, entry.fingerprints)
        return None

    def _over_quota(self, entry: Append) -> AppendFailure | None:
        if not entry.limits:
            return None
        limits, counts = dict(entry.limits), self._state.counts
        posted = {key: new for key, new in posted_by(entry.events).items() if key[0] in limits}
        if all(counts[key] + new <= limits[key[0]] for key, new in posted.items()):
            return None
        used = tuple((*key, counts[key]) for key in posted)
        return AppendFailure("quota", "the quota of one of the authors is used up", used)

    async def events(self, timeline_id: TimelineId, *, after: int, limit: int) -> list[Event]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        first = bisect_right(timeline.offsets, after)
        return [timeline.events[offset] for offset in timeline.offsets[first : first + limit]]
