"""The signals of one timeline: what its subscribers are told and nobody keeps. Without I/O."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from engine.domain.answers import AnswerSoFar
from engine.domain.events import (
    ConversationUpdated,
    Event,
    MemberJoined,
    MemberLeft,
    MemberMuted,
    MemberRemoved,
    MessagePosted,
    RoomArchived,
)
from engine.domain.fields import ParticipantId
from engine.domain.rooms import Member
from engine.domain.signals import Signal
from engine.presence import Following, People
from engine.timelines.attendance import Attendance
from engine.timelines.commands import Live
from engine.timelines.fanout import Publication
from engine.timelines.typists import Typists


class Signals:
    """Presence of the members, and typing.

    `wake` is called, outside of the timeline's turn, when `people` know of changes; `time` is monotonic, in seconds.
    """

    def __init__(self, channel: str, people: People, wake: Callable[[], bool], time: Callable[[], float]) -> None:
        self.typists = Typists()
        self._channel = channel
        self._people = people
        self._wake = wake
        self._time = time
        self._attendance = Attendance()
        self._following: Following | None = None

    @property
    def due(self) -> float:
        """When `take` may have something; infinity while nothing is in sight."""
        return min(self.typists.due, self._attendance.due)

    def listen(self, members: Mapping[ParticipantId, Member]) -> None:
        """There are subscribers."""
        following = self._following
        if following is None:
            following = self._following = self._people.follow(self._wake)
            following.add(members)
            self._see(members)
            self._attendance.settle()
        elif not following.listening:
            self._see(following.take())
            self._attendance.settle()
            following.listening = True

    def rest(self) -> None:
        """There are no subscribers: changes of presence are only remembered."""
        if self._following is not None:
            self._following.listening = False

    def close(self) -> None:
        """The timeline leaves memory."""
        if self._following is not None:
            self._following.close()
            self._following = None

    def look(self) -> None:
        """Take in whose presence has changed."""
        if self._following is not None:
            self._see(self._following.take())

    def learn(self, event: Event) -> None:
        """Take in what the timeline has committed."""
        match event:
            case MessagePosted(actor=author):
                self.typists.stop(author)
            case MemberMuted(participant_id=muted, until=until) if until is not None:
                self.typists.stop(muted)
            case MemberJoined(member=member) if self._following is not None:
                self._following.add([member.participant.id])
                self._see([member.participant.id])
            case MemberLeft(participant_id=gone) | MemberRemoved(participant_id=gone):
                self._forget(gone)
            case RoomArchived():
                self.typists.clear()
            case ConversationUpdated(conversation=conversation) if conversation.archived_at is not None:
                self.typists.clear()
            case _:
                pass

    def set_typing(self, person: ParticipantId, *, typing: bool) -> None:
        """Someone types, or has stopped."""
        if typing:
            self.typists.start(person, self._time())
        else:
            self.typists.stop(person)

    def live(self, shown: Iterable[ParticipantId], answers: tuple[AnswerSoFar, ...]) -> Live:
        """What a new subscriber is shown, of these members."""
        attendance = self._attendance
        return Live(attendance.online, attendance.of(shown), self.typists.now.participants, answers)

    def take(self, *, large: bool) -> Iterator[Publication]:
        """What is to be delivered now."""
        now = self._time()
        typing = self.typists.take(now)
        if typing is not None:
            yield self._publication(typing)
        for presence in self._attendance.take(now, large=large):
            yield self._publication(presence)

    def _publication(self, signal: Signal) -> Publication:
        return Publication(self._channel, None, msgspec.json.encode(signal))

    def _see(self, people: Iterable[ParticipantId]) -> None:
        now = self._time()
        for person in people:
            self._attendance.see(person, self._people.of(person), now)

    def _forget(self, person: ParticipantId) -> None:
        self.typists.stop(person)
        if self._following is not None:
            self._following.discard(person)
            self._attendance.forget(person)
