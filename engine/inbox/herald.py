"""The herald: tells connected people what has changed in their inbox, on their own channel.

It tells of each timeline at most once a second. That costs one look at the read markers for all timelines that are due, and for each
of them one pass over the messages in memory that are newer than what it told last, however many people there are. What it tells is
ephemeral: who was away asks for it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec
import structlog

from actors import Actor, ActorStopped, MailboxFull, Message, Ref, Unavailable, handles
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.inbox import MOST_COUNTED, Notification, NotificationId, Unread
from engine.errors import StorageUnavailable
from engine.inbox.agenda import Agenda, Topic
from engine.inbox.counting import Count, count_unread
from engine.storage.repositories import Storage
from engine.timelines.personal import PersonalTimeline, Whisper
from engine.timelines.state import Recent
from engine.traffic import Courtesy, Traffic

log = structlog.get_logger(__name__)

GATHER: Final = 0.02
"""Seconds in which what happens at the same time comes together."""
PATIENCE: Final = 0.03
"""Seconds for which those who post come first, at most, before each timeline."""


class UnreadChanged(Unread, frozen=True, kw_only=True, tag_field="type", tag="unread"):
    """The ephemeral event `unread`."""


class Notified(msgspec.Struct, frozen=True, tag_field="type", tag="notification"):
    """The ephemeral event `notification`."""

    notification: Notification


class _Told(NamedTuple):
    """What someone was told of a timeline: the messages up to an offset, as an `edition` had them (see `Recent`)."""

    unread: Unread
    up_to: int
    edition: object


class Wake(Message["Herald", None], frozen=True):
    """There is something to tell."""


class _Tell(Message["Herald", None], frozen=True):
    """Tell what may be told by now."""


class Herald(Actor):
    """Works off an agenda. A storage that fails costs the news that it could not read, never anybody's post."""

    def __init__(
        self,
        agenda: Agenda,
        storage: Storage,
        traffic: Traffic,
        personal: Callable[[ParticipantId], Ref[PersonalTimeline]],
    ) -> None:
        self._agenda = agenda
        self._storage = storage
        self._courtesy = Courtesy(traffic, PATIENCE)
        self._personal = personal
        self._told: dict[ParticipantId, dict[TimelineId, _Told]] = {}
        """What each connected person has been told last."""

    async def started(self) -> None:
        """Go on with what an instance before this one has left."""
        self._rest()

    @handles(Wake)
    async def wake(self, message: Wake) -> None:
        """Begin, after a moment."""
        self._rest()

    @handles(_Tell)
    async def tell_all(self, message: _Tell) -> None:
        """Tell what may be told by now."""
        for person in self._told.keys() - self._agenda.connected:
            del self._told[person]
        due = self._agenda.take()
        await self._courtesy.after_you()
        try:
            markers = await self._markers(due)
        except StorageUnavailable:
            for timeline_id, topic in due.items():
                self._agenda.put_back(timeline_id, topic)
            due, markers = {}, {}
        for timeline_id, topic in due.items():
            await self._courtesy.after_you()
            try:
                await self._tell(timeline_id, topic, markers.get(timeline_id, {}))
            except StorageUnavailable:
                self._agenda.put_back(timeline_id, topic)
            except Exception:  # a supervision boundary: the others are told
                log.exception("herald.failed", timeline=timeline_id)
        self._rest()

    async def _markers(self, due: Mapping[TimelineId, Topic]) -> dict[TimelineId, dict[ParticipantId, int]]:
        """Where those stand who are to be told, in the timelines that are held in memory: one query, however many there are."""
        heard = {key: topic.audience(self._agenda.connected) for key, topic in due.items() if topic.kind is not None}
        wanted = {key: audience for key, audience in heard.items() if audience}
        return await self._storage.markers.of(wanted) if wanted else {}

    def _rest(self) -> None:
        pause = self._agenda.pause()
        self._agenda.awake = pause is not None
        if pause is not None:
            self.send_after(max(GATHER, pause), _Tell(), key=_Tell)

    async def _tell(self, timeline_id: TimelineId, topic: Topic, markers: Mapping[ParticipantId, int]) -> None:
        audience = topic.audience(self._agenda.connected)
        if not audience:
            return
        if topic.notices:
            await self._tell_notifications(audience, topic.notices)
            topic.notices.clear()  # should counting fail and be tried again
        for person, counted in (await self._count(timeline_id, topic, audience, markers)).items():
            told = self._told.setdefault(person, {})
            before = told.get(timeline_id)
            if topic.is_news(person, counted.unread, before and before.unread):
                self._whisper(person, UnreadChanged(**msgspec.structs.asdict(counted.unread)))
            told[timeline_id] = counted

    async def _tell_notifications(self, audience: Sequence[ParticipantId], ids: Sequence[NotificationId]) -> None:
        listening = set(audience)
        for person, notification in await self._storage.notifications.by_ids(ids):
            if person in listening and notification.read_at is None:
                self._whisper(person, Notified(notification))

    async def _count(
        self,
        timeline_id: TimelineId,
        topic: Topic,
        audience: Sequence[ParticipantId],
        markers: Mapping[ParticipantId, int],
    ) -> dict[ParticipantId, _Told]:
        """From memory, for nearly everyone; from the database for those of whose unread messages some were never held or counted."""
        kind, recent = topic.kind, topic.recent
        if kind is None or recent is None:
            unread = await self._storage.markers.unread_in(timeline_id, audience)
            return {person: _Told(each, 0, None) for person, each in unread.items()}
        bases = {
            person: base
            for person, marker in markers.items()
            if (base := self._base(timeline_id, kind, recent, person, marker)) is not None
        }
        edition, head = recent.edition, recent.head
        since = count_unread(recent.messages.values(), {person: base.up_to for person, base in bases.items()})
        told = {person: _Told(_sum(base.unread, since[person]), head, edition) for person, base in bases.items()}
        far = [
            person
            for person in markers.keys() - bases.keys()
            if not self._is_lost(timeline_id, person, markers[person])
        ]
        if far:
            unread = await self._storage.markers.unread_in(timeline_id, far, up_to=head)
            told |= {person: _Told(each, head, edition) for person, each in unread.items()}
        return told

    def _base(
        self, timeline_id: TimelineId, kind: TimelineKind, recent: Recent, person: ParticipantId, marker: int
    ) -> _Told | None:
        """What newer messages are to be added to: what someone was told last, or nothing, if all above their marker are held."""
        told = self._told.get(person, {}).get(timeline_id)
        if (
            told is not None
            and told.edition is recent.edition
            and told.up_to >= recent.start
            and told.unread.last_read_offset == marker
        ):
            return told
        if marker < recent.start:
            return None
        nothing = Unread(timeline_id=timeline_id, kind=kind, unread=0, mentions=0, last_read_offset=marker)
        return _Told(nothing, marker, recent.edition)

    def _is_lost(self, timeline_id: TimelineId, person: ParticipantId, marker: int) -> bool:
        """Whether someone has been told of more than can be counted, and has read nothing since: there is nothing new to tell."""
        told = self._told.get(person, {}).get(timeline_id)
        return told is not None and told.unread.unread >= MOST_COUNTED and told.unread.last_read_offset == marker

    def _whisper(self, person: ParticipantId, event: msgspec.Struct) -> None:
        if person in self._agenda.connected:
            with suppress(MailboxFull, ActorStopped, Unavailable):
                self._personal(person).tell(Whisper(msgspec.json.encode(event)))


def _sum(unread: Unread, newer: Count) -> Unread:
    return msgspec.structs.replace(
        unread,
        unread=min(unread.unread + newer.unread, MOST_COUNTED),
        mentions=min(unread.mentions + newer.mentions, MOST_COUNTED),
    )
