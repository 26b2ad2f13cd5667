"""A person's own timeline: what concerns them alone, on the channel `user:<id>`."""

from contextlib import suppress
from typing import ClassVar

from actors import ActorStopped, Call, Exit, MailboxFull, Message, Ref, Unavailable, handles
from engine.domain.events import Invited
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.people import Participant, Principal
from engine.errors import Forbidden, NotFound
from engine.timelines.commands import Subscribe, Subscribed, Unsubscribe
from engine.timelines.fanout import Publication
from engine.timelines.surroundings import Surroundings
from engine.timelines.timeline import Timeline
from engine.timelines.turn import TURN, Turn


class Notify(Message["PersonalTimeline", None], frozen=True):
    """Tell a person that `actor` added them to a timeline. `name` is its title; `by` is None when the actor is not a member."""

    actor: ParticipantId
    timeline_id: TimelineId
    kind: TimelineKind
    name: str | None
    by: Participant | None


class Whisper(Message["PersonalTimeline", None], frozen=True):
    """Tell whoever is connected an ephemeral event; `data` is its JSON."""

    data: bytes


def tell(person: "Ref[PersonalTimeline]", notice: Notify) -> None:
    """Pass a notice on. Refused, it is counted as a dead letter; what it tells of stands."""
    with suppress(MailboxFull, ActorStopped, Unavailable):
        person.tell(notice)


class PersonalTimeline(Timeline):
    """Read by its owner, written by the engine. It stands in `connected` as long as a client of its owner is subscribed."""

    kind: ClassVar[TimelineKind] = TimelineKind.USER

    def __init__(self, timeline_id: TimelineId, surroundings: Surroundings, connected: set[ParticipantId]) -> None:
        super().__init__(timeline_id, surroundings)
        self._connected = connected

    async def exists(self) -> bool:
        """See `Timeline.exists`."""
        owner, storage = ParticipantId(self.id), self._surroundings.storage
        return await storage.users.get(owner) is not None or await storage.agents.get(owner) is not None

    def check_reader(self, by: Principal) -> None:
        """Only its owner."""
        if str(by.id) != str(self.id):
            raise NotFound("there is no such timeline")

    def check_author(self, turn: Turn, by: Principal) -> None:
        """Nobody posts here."""
        raise Forbidden("nobody posts to a personal timeline")

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """Nobody."""
        return False

    async def subscribe(self, message: Subscribe) -> Subscribed:
        """See `Timeline.subscribe`."""
        subscribed = await super().subscribe(message)
        self._connected.add(ParticipantId(self.id))
        return subscribed

    async def unsubscribe(self, message: Unsubscribe) -> None:
        """See `Timeline.unsubscribe`."""
        await super().unsubscribe(message)
        if not self.subscribers:
            self._connected.discard(ParticipantId(self.id))

    async def stopping(self, why: Exit) -> None:
        """See `Timeline.stopping`."""
        self._connected.discard(ParticipantId(self.id))
        await super().stopping(why)

    @handles(Whisper)
    async def whisper(self, message: Whisper) -> None:
        """Deliver to whoever is connected."""
        self.subscribers.deliver([Publication(self.channel, None, message.data)])

    @handles(Notify, batch=TURN)
    async def notify(self, calls: list[Call[Notify, None]]) -> None:
        """Add notices."""
        self.propose(calls, self._decide_notify)

    def _decide_notify(self, turn: Turn, command: Notify) -> None:
        turn.add(
            Invited(
                offset=turn.next_offset,
                at=turn.now,
                actor=command.actor,
                timeline_id=command.timeline_id,
                kind=command.kind,
                name=command.name,
                by=command.by,
            )
        )
