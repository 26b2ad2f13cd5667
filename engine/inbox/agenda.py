"""What connected people are still to be told, gathered while timelines go on; the herald works it off."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from engine.domain.events import MemberJoined, MessageDeleted, MessageEdited, MessagePosted
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.inbox import NotificationId, Unread, notice_of
from engine.domain.rooms import Member
from engine.timelines.feed import News
from engine.timelines.state import Recent

INTERVAL: Final = 1.0
"""Seconds between two looks at the same timeline: nobody hears of it more often."""


@dataclass(slots=True)
class Topic:
    """One timeline in which something has changed: for everyone in it, or only for `people`.

    `kind` and `recent` are None as long as the timeline itself was not heard. `members` and `recent` are its own and go on changing.
    """

    kind: TimelineKind | None = None
    members: Mapping[ParticipantId, Member] = field(default_factory=dict)
    recent: Recent | None = None
    everyone: bool = False
    deleted: bool = False
    """Whether a message was deleted: without that, and without reading, no count has become less."""
    people: set[ParticipantId] = field(default_factory=set)
    notices: list[NotificationId] = field(default_factory=list)

    def audience(self, connected: AbstractSet[ParticipantId]) -> list[ParticipantId]:
        """Who is to be told, of those who are connected."""
        if not self.everyone:
            return [person for person in self.people if person in connected]
        fewer, more = sorted((self.members.keys(), connected), key=len)
        return [person for person in fewer if person in more]

    def is_news(self, person: ParticipantId, unread: Unread, told: Unread | None) -> bool:
        """Whether a count is to be told, after what was `told` last; None: nothing, since the person connected."""
        if told is None:
            return unread.unread > 0 or self.deleted or person in self.people
        return unread != told


class Agenda:
    """Topics by timeline. `wake` is called when there is something to do and the herald sleeps.

    `connected` are the people who are connected to this process: nothing is gathered for others.
    """

    def __init__(self, monotonic: Callable[[], float], connected: AbstractSet[ParticipantId]) -> None:
        self.connected = connected
        self.awake = False
        self.wake: Callable[[], None] = lambda: None
        self._monotonic = monotonic
        self._topics: dict[TimelineId, Topic] = {}
        self._rests: dict[TimelineId, float] = {}

    def note(self, news: News) -> None:
        """Take in what a timeline has committed; called inside its turn."""
        if not self.connected or news.kind is TimelineKind.USER:
            return
        counted = [each for each in news.events if isinstance(each, MessagePosted | MessageEdited | MessageDeleted)]
        joined = {each.member.participant.id for each in news.events if isinstance(each, MemberJoined)}
        if not counted and not joined:
            return
        topic = self._topics.setdefault(news.timeline_id, Topic())
        topic.kind, topic.members, topic.recent = news.kind, news.members, news.recent
        topic.people |= joined
        topic.everyone = topic.everyone or bool(counted)
        topic.deleted = topic.deleted or any(isinstance(each, MessageDeleted) for each in counted)
        for event in news.events:
            notice = notice_of(news.timeline_id, event)
            if notice is not None and (
                notice.people or notice.reply_to is not None or notice.everyone or news.conversation is not None
            ):
                topic.notices.append(notice.id)
        self._stir()

    def note_read(self, timeline_id: TimelineId, person: ParticipantId) -> None:
        """Someone's marker has moved: their other devices are told."""
        if person in self.connected:
            self._topics.setdefault(timeline_id, Topic()).people.add(person)
            self._stir()

    def take(self) -> dict[TimelineId, Topic]:
        """What may be told now. Each of these timelines rests for `INTERVAL` from now on."""
        now = self._monotonic()
        self._rests = {key: until for key, until in self._rests.items() if until > now}
        due = {key: topic for key, topic in self._topics.items() if key not in self._rests}
        for key in due:
            del self._topics[key]
            self._rests[key] = now + INTERVAL
        return due

    def put_back(self, timeline_id: TimelineId, topic: Topic) -> None:
        """What could not be told: it is tried again after the rest, with what has come meanwhile."""
        newer = self._topics.get(timeline_id)
        if newer is not None:
            newer.everyone = newer.everyone or topic.everyone
            newer.deleted = newer.deleted or topic.deleted
            newer.people |= topic.people
            newer.notices = topic.notices + newer.notices
            if newer.kind is None:
                newer.kind, newer.members, newer.recent = topic.kind, topic.members, topic.recent
        else:
            self._topics[timeline_id] = topic

    def pause(self) -> float | None:
        """Seconds until something may be told; None when there is nothing to tell."""
        if not self._topics:
            return None
        now = self._monotonic()
        return max(0.0, min(self._rests.get(key, now) for key in self._topics) - now)

    def _stir(self) -> None:
        if not self.awake:
            self.awake = True
            self.wake()
