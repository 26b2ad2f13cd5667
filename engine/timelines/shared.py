"""What rooms and conversations have in common: members, who are told when others add them and hear no more when they have gone."""

from collections.abc import Callable, Sequence

from actors import Call, Message, Ref, handles
from engine.domain.events import Event, MemberJoined, MemberLeft, MemberRemoved
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.rooms import Member
from engine.errors import Forbidden, InvalidRequest
from engine.timelines.commands import Leave
from engine.timelines.fanout import Publication
from engine.timelines.personal import Notify, PersonalTimeline, tell
from engine.timelines.receipts import PAUSE, CheckRead, Receipts, ShowRead
from engine.timelines.surroundings import Surroundings
from engine.timelines.timeline import Timeline
from engine.timelines.turn import TURN, Turn


class _ShowReads(Message["SharedTimeline", None], frozen=True):
    """The pause after showing who has read is over."""


class SharedTimeline(Timeline):
    """A timeline with members. `personal` gives each one's own timeline."""

    def __init__(
        self,
        timeline_id: TimelineId,
        surroundings: Surroundings,
        personal: Callable[[ParticipantId], Ref[PersonalTimeline]],
    ) -> None:
        super().__init__(timeline_id, surroundings)
        self._personal = personal
        self._receipts = Receipts()

    def title(self) -> str | None:
        """What the timeline is called."""
        raise NotImplementedError

    def decide_leave(self, turn: Turn, command: Leave) -> None:
        """Let someone go."""
        raise NotImplementedError

    @handles(Leave, batch=TURN)
    async def leave(self, calls: list[Call[Leave, None]]) -> None:
        """Let people go."""
        self.propose(calls, self.decide_leave)

    @handles(CheckRead)
    async def check_read(self, message: CheckRead) -> None:
        """Refuse a read marker that cannot be."""
        self.check_reader(message.by)
        if message.by.id not in self._state.members:
            raise Forbidden("only members have a read marker")
        if message.offset > self._state.head:
            at_most = f"at most {self._state.head}, the offset of the last event, not {message.offset}"
            raise InvalidRequest.field("offset", at_most)

    @handles(ShowRead)
    async def show_read(self, message: ShowRead) -> None:
        """Show that someone has read, at once or after the pause."""
        self._receipts.add(message.participant_id, message.offset)
        if not self._receipts.resting:
            self._show_reads()

    @handles(_ShowReads)
    async def pause_over(self, message: _ShowReads) -> None:
        """Show who has read meanwhile."""
        self._show_reads()

    def _show_reads(self) -> None:
        shown = self._receipts.take(len(self.subscribers.online))
        self.subscribers.deliver([Publication(self.channel, None, data) for data in shown])
        if shown:
            self.send_after(PAUSE, _ShowReads())

    def committed(self, events: Sequence[Event]) -> None:
        """Those who lost their membership hear no more; those who were added by others are told."""
        for event in events:
            match event:
                case MemberLeft(participant_id=gone) | MemberRemoved(participant_id=gone):
                    if gone not in self._state.members:
                        self.end_subscriptions(gone)
                case MemberJoined(member=member, actor=actor) if actor != member.participant.id:
                    self._tell_invited(member, actor)
                case _:
                    pass

    def _tell_invited(self, member: Member, actor: ParticipantId) -> None:
        inviter = self._state.members.get(actor)
        notify = Notify(actor, self.id, self.kind, self.title(), inviter.participant if inviter else None)
        tell(self._personal(member.participant.id), notify)
