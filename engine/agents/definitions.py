"""The agents that there are: what administrators say of them, in memory as in the database."""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import UNSET

from engine.agents.registry import Registry
from engine.clock import Clock
from engine.domain.agents import AgentChanges, AgentDefinition, NewAgent
from engine.domain.fields import ParticipantId
from engine.domain.people import Principal
from engine.errors import Conflict, NotFound
from engine.storage.records import search_key
from engine.storage.repositories import Agents


class Definitions:
    """Agents by id. What this process changes is known at once, what another one does at the next `learn`.

    `watch` is called with all that are known whenever these may have become others.
    """

    def __init__(
        self,
        storage: Agents,
        clock: Clock,
        registry: Registry,
        watch: Callable[[Mapping[ParticipantId, AgentDefinition]], None],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._registry = registry
        self._watch = watch
        self._known: dict[ParticipantId, AgentDefinition] = {}

    @property
    def known(self) -> Mapping[ParticipantId, AgentDefinition]:
        """Every agent, as far as this process knows."""
        return self._known

    def named(self, name: str) -> AgentDefinition | None:
        """The agent of this name, in any case, or this id."""
        if (found := self._known.get(ParticipantId(name))) is not None:
            return found
        key = search_key(name)
        return next((each for each in self._known.values() if search_key(each.name) == key), None)

    async def learn(self) -> None:
        """Read them all."""
        self._known = {each.id: each for each in await self._storage.all()}
        self._watch(self._known)

    async def create(self, by: Principal, new: NewAgent) -> AgentDefinition:
        """Add an agent. `InvalidRequest` for a model or a tool that there is not, `Conflict` when the name is taken."""
        agent = AgentDefinition(
            id=ParticipantId(self._clock.new_id()),
            created_by=by.id,
            created_at=self._clock.now(),
            **msgspec.structs.asdict(new),
        )
        self._check(agent)
        if not await self._storage.add(agent):
            raise _taken(agent)
        self._know(agent.id, agent)
        return agent

    async def get(self, agent_id: ParticipantId) -> AgentDefinition:
        """An agent as the database has it; `NotFound`."""
        found = await self._storage.get(agent_id)
        self._know(agent_id, found)
        if found is None:
            raise NotFound("there is no such agent")
        return found

    async def all(self) -> list[AgentDefinition]:
        """Every agent, by id."""
        return await self._storage.all()

    async def change(self, agent_id: ParticipantId, changes: AgentChanges) -> AgentDefinition:
        """Change what is said of an agent; where it is a member it stays one. Its next turn is as it is then."""
        known = await self.get(agent_id)
        given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
        changed = msgspec.structs.replace(known, **given)
        self._check(changed)
        if not await self._storage.update(changed, was=known):
            raise _taken(changed)
        return await self.get(agent_id)

    async def retire(self, agent_id: ParticipantId) -> None:
        """Take an agent out of use."""
        if not await self._storage.retire(agent_id):
            raise NotFound("there is no such agent")
        self._know(agent_id, None)

    def _know(self, agent_id: ParticipantId, agent: AgentDefinition | None) -> None:
        if agent is None:
            self._known.pop(agent_id, None)
        else:
            self._known[agent_id] = agent
        self._watch(self._known)

    def _check(self, agent: AgentDefinition) -> None:
        self._registry.make(agent.model)
        self._registry.check_tools(agent.tools)


def _taken(agent: AgentDefinition) -> Conflict:
    return Conflict(f"the name {agent.name!r} is taken")
