"""What every agent of a process is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from actors import Ref
from engine.agents.definitions import Definitions
from engine.agents.documents import Documents
from engine.agents.here import Surroundings
from engine.agents.memories import Memories
from engine.agents.registry import Registry
from engine.agents.rosters import Rosters
from engine.clock import Clock
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.timelines.shared import SharedTimeline

if TYPE_CHECKING:
    from engine.agents.actor import AgentActor
    from engine.agents.conductor import Conductor


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How agents of a process behave. Times are in seconds.

    `chain`: after how many messages of agents in a row no agent answers another one. `room_answers`, `room_tokens`: what all agents
    may spend in one timeline in a day. `context_tokens`: of what was said before; `memory_tokens`: of what an agent
    remembers. `first`: until the first piece of an answer; `between`: two pieces; `total`: for the whole. `patience`: how long the
    next in turn waits for one that has not begun to speak. `recent`: how old a question may be that is answered after a restart.
    """

    chain: int = 4
    room_answers: int | None = None
    room_tokens: int | None = None
    context_tokens: int = 4_000
    memory_tokens: int = 500
    first: float = 60.0
    between: float = 60.0
    total: float = 300.0
    patience: float = 10.0
    recent: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The engine as agents see it.

    `monotonic` tells the time in seconds for waiting, `clock` the time of day. `actor` is an agent in a timeline, `conductor` has
    the order of turns in one, by its channel.
    """

    around: Surroundings
    clock: Clock
    monotonic: Callable[[], float]
    definitions: Definitions
    registry: Registry
    rosters: Rosters
    memories: Memories
    documents: Documents
    settings: AgentSettings
    actor: "Callable[[ParticipantId, str], Ref[AgentActor]]"
    conductor: "Callable[[str], Ref[Conductor]]"

    def timeline(self, channel: str) -> Ref[SharedTimeline]:
        """The room or conversation that a channel names."""
        kind, _, timeline_id = channel.partition(":")
        if kind == TimelineKind.ROOM:
            return self.around.timelines.room(TimelineId(timeline_id))
        return self.around.timelines.conversation(TimelineId(timeline_id))
