"""The scribe: what the parts of the engine tell when something was done. Returns at once, and never raises."""

from collections.abc import Callable

from engine.activity.reading import deed
from engine.clock import Clock
from engine.domain.activity import UNKNOWN, Action, Activity, Detail, Origin
from engine.domain.fields import ParticipantId, TimelineKind
from engine.timelines.feed import News

Record = Callable[[tuple[Activity, ...]], None]
"""Where entries go: neither waits nor raises."""


class Scribe:
    """Makes entries of what happens, and passes them on.

    scribe = Scribe(clock, lambda entries: recorder.tell(Record(entries)))
    scribe.note(Action.SIGNED_IN, ada.id, origin=Origin(ip="203.0.113.7"))
    feed.watch(scribe.follow)
    """

    def __init__(self, clock: Clock, record: Record) -> None:
        self._clock = clock
        self._record = record

    def note(
        self,
        action: Action,
        actor: ParticipantId | None,
        *,
        subject: str | None = None,
        origin: Origin = UNKNOWN,
        **details: Detail,
    ) -> None:
        """Something was done just now, outside of timelines."""
        entry = Activity(
            id=self._clock.new_id(),
            at=self._clock.now(),
            action=action,
            actor=actor,
            subject=subject,
            ip=origin.ip,
            request_id=origin.request_id,
            details=details,
        )
        self._record((entry,))

    def follow(self, news: News) -> None:
        """A timeline has committed events. For `Feed.watch`."""
        if news.kind is TimelineKind.USER:  # notices to one person; whatever they tell of is recorded where it was done
            return
        entries = tuple(
            Activity(
                id=self._clock.new_id(),
                at=event.at,
                action=found.action,
                actor=event.actor,
                timeline_id=news.timeline_id,
                subject=found.subject,
                details=found.details or {},
            )
            for event in news.events
            if (found := deed(event)) is not None
        )
        if entries:
            self._record(entries)


def unrecorded(_entries: tuple[Activity, ...]) -> None:
    """For a scribe whose notes nobody keeps."""
