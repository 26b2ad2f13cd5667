"""What rooms and conversations have in common: members, who are told when others add them and hear no more when they have gone."""

from collections.abc import Callable, Sequence

from actors import Call, Ref, handles
from engine.domain.events import Event, MemberJoined, MemberLeft, MemberRemoved
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.rooms import Member
from engine.timelines.commands import Leave
from engine.timelines.personal import Notify, PersonalTimeline, tell
from engine.timelines.surroundings import Surroundings
from engine.timelines.timeline import Timeline
from engine.timelines.turn import TURN, Turn


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
