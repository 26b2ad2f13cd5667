"""Composes the agents of a process."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from actors import Activation, ActorSystem, AskFailed, Limits, Ref
from engine.agents.actor import AgentActor
from engine.agents.agents import Agents
from engine.agents.archivist import Archivist
from engine.agents.conductor import Conductor, Gone, Heard, Wake
from engine.agents.definitions import Definitions
from engine.agents.documents import Documents
from engine.agents.here import Surroundings
from engine.agents.memories import Memories
from engine.agents.models import Models
from engine.agents.notebooks import Notebooks
from engine.agents.persona import PersonaAgent
from engine.agents.registry import Make, Registry
from engine.agents.rosters import Rosters
from engine.agents.showing import Showing
from engine.agents.stage import AgentSettings, Stage
from engine.clock import Clock
from engine.domain.fields import ParticipantId
from engine.domain.messages import Message
from engine.errors import StorageUnavailable
from engine.presence import People
from engine.settings import Settings
from engine.storage.repositories import Storage
from engine.timelines.directory import Timelines
from engine.timelines.feed import Feed

BUILT_IN: Final[Mapping[str, Make]] = {"archivist": Archivist}
"""What needs neither a model nor a class of one's own, by the model's name."""
IDLE_AFTER: Final = 120.0
"""Seconds until an agent that is not asked anything leaves memory."""
_BETWEEN: Final = "@"
"""Between an agent's id and a channel, in the name of its actor."""


async def start_agents(
    system: ActorSystem,
    storage: Storage,
    clock: Clock,
    settings: Settings,
    *,
    feed: Feed,
    timelines: Timelines,
    presence: People,
    models: Models | None = None,
) -> Agents:
    """Start them; what was left unanswered by a process that died is taken up. Without `models`, personas fail to answer.

    `Unloadable` when the settings name an agent that cannot be loaded.
    """
    registry = Registry(BUILT_IN, lambda: PersonaAgent(models))
    registry.load(settings.agents)
    definitions = Definitions(storage.agents, clock, registry, Showing(presence).show)
    memories = Memories(storage, clock, definitions, timelines)
    documents = Documents(storage, clock, definitions, settings.agent_document_tokens)

    def actor(agent_id: ParticipantId, channel: str) -> Ref[AgentActor]:
        return actors.ref(f"{agent_id}{_BETWEEN}{channel}")

    def make_actor(key: str) -> AgentActor:
        agent_id, _, channel = key.partition(_BETWEEN)
        return AgentActor(ParticipantId(agent_id), channel, stage)

    def conductor(channel: str) -> Ref[Conductor]:
        return conductors.ref(channel)

    rosters = Rosters(_Wakes(conductor))
    stage = Stage(
        around=Surroundings(storage, timelines),
        clock=clock,
        monotonic=system.clock,
        definitions=definitions,
        registry=registry,
        rosters=rosters,
        memories=memories,
        documents=documents,
        settings=_settings(settings),
        actor=actor,
        conductor=conductor,
    )
    activation = Activation(idle_after=IDLE_AFTER, limits=Limits(start=3 * settings.storage_timeout + 1))
    actors = await system.virtual(make_actor, "agents", mailbox=AgentActor.mailbox, activation=activation)
    conductors = await system.virtual(
        lambda channel: Conductor(channel, stage), "conductors", mailbox=Conductor.mailbox, activation=activation
    )
    notebooks = Notebooks(memories, documents, storage.messages, stage.settings.memory_tokens)
    agents = Agents(
        storage,
        clock,
        definitions,
        timelines,
        rosters,
        memories=memories,
        documents=documents,
        notebooks=notebooks,
        conductor=conductor,
    )
    feed.watch(rosters.hear)
    feed.greet(rosters.greet)
    with suppress(StorageUnavailable):  # it is learned again soon
        await agents.learn()
        for each in await storage.agents.stirred(clock.now() - timedelta(seconds=stage.settings.recent)):
            conductor(f"{each.kind}:{each.timeline_id}").tell(Wake())
    return agents


class _Wakes:
    """See `rosters.Listener`: wakes conductors. One that cannot be told now looks by itself when it wakes."""

    def __init__(self, conductor: Callable[[str], Ref[Conductor]]) -> None:
        self._conductor = conductor

    def said(self, channel: str, messages: tuple[Message, ...]) -> None:
        with suppress(AskFailed):
            self._conductor(channel).tell(Heard(messages))

    def gone(self, channel: str, agent_id: ParticipantId) -> None:
        with suppress(AskFailed):
            self._conductor(channel).tell(Gone(agent_id))

    def expected(self, channel: str) -> None:
        with suppress(AskFailed):
            self._conductor(channel).tell(Wake())  # it reads what it has to know before somebody waits for it


def _settings(settings: Settings) -> AgentSettings:
    return AgentSettings(
        chain=settings.agent_chain,
        room_answers=settings.agent_room_answers,
        room_tokens=settings.agent_room_tokens,
        context_tokens=settings.agent_context_tokens,
        memory_tokens=settings.agent_memory_tokens,
        first=settings.agent_first_seconds,
        between=settings.agent_pause_seconds,
        total=settings.answer_seconds,
        patience=settings.agent_patience_seconds,
    )
