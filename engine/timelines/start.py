"""Composes the timelines of a process."""

from actors import Activation, ActorSystem, Limits, Ref
from engine.domain.fields import ParticipantId, TimelineId
from engine.timelines.conversation import ConversationActor
from engine.timelines.directory import Timelines
from engine.timelines.personal import PersonalTimeline
from engine.timelines.room import RoomActor
from engine.timelines.surroundings import Surroundings


async def start_timelines(
    system: ActorSystem,
    surroundings: Surroundings,
    *,
    idle_after: float,
    start_limit: float,
    connected: set[ParticipantId],
) -> Timelines:
    """Start the three families: each timeline begins with the first message for it, and rests when nobody needs it.

    `idle_after` and `start_limit` are seconds: until an idle one leaves memory, and how long one may take to begin. `connected`
    is kept: the people who listen to their own timeline.
    """
    activation = Activation(idle_after=idle_after, limits=Limits(start=start_limit))

    def person(key: str) -> PersonalTimeline:
        return PersonalTimeline(TimelineId(key), surroundings, connected)

    people = await system.virtual(person, "people", mailbox=PersonalTimeline.mailbox, activation=activation)

    def personal(user_id: ParticipantId) -> Ref[PersonalTimeline]:
        return people.ref(user_id)

    def room(key: str) -> RoomActor:
        return RoomActor(TimelineId(key), surroundings, personal)

    def conversation(key: str) -> ConversationActor:
        return ConversationActor(TimelineId(key), surroundings, personal)

    rooms = await system.virtual(room, "rooms", mailbox=RoomActor.mailbox, activation=activation)
    conversations = await system.virtual(
        conversation, "conversations", mailbox=ConversationActor.mailbox, activation=activation
    )
    return Timelines(surroundings.storage, surroundings.clock, rooms, conversations, people)
