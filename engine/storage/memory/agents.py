"""Agents: their definitions, how far they have come, what they have spent."""

from collections.abc import Sequence
from datetime import date, datetime

from msgspec.structs import asdict, replace

from engine.domain.agents import AgentBudgets, AgentDefinition, AgentMembership, AgentPlace
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.storage.memory.state import Spent, State, Timeline
from engine.storage.records import search_key


class MemoryAgents:
    """See `repositories.Agents`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, agent: AgentDefinition) -> bool:
        await self._state.enter()
        if self._taken(agent):
            return False
        self._state.agents[agent.id] = agent
        self._state.participants[agent.id] = agent.participant
        self._state.timelines[TimelineId(agent.id)] = Timeline(TimelineKind.USER, agent.id)
        return True

    async def get(self, agent_id: ParticipantId) -> AgentDefinition | None:
        await self._state.enter()
        return self._state.agents.get(agent_id)

    async def all(self) -> list[AgentDefinition]:
        await self._state.enter()
        return sorted(self._state.agents.values(), key=lambda agent: agent.id)

    async def update(self, agent: AgentDefinition, *, was: AgentDefinition) -> bool:
        await self._state.enter()
        if self._taken(agent):
            return False
        stored = self._state.agents.get(agent.id)
        if stored is not None:
            before = asdict(was)
            changed = replace(
                stored, **{field: value for field, value in asdict(agent).items() if value != before[field]}
            )
            self._state.agents[agent.id] = changed
            self._state.participants[agent.id] = changed.participant
        return True

    async def retire(self, agent_id: ParticipantId) -> bool:
        await self._state.enter()
        agent = self._state.agents.pop(agent_id, None)
        if agent is None:
            return False
        self._state.retired_agents[agent_id] = agent
        return True

    async def retired(self) -> list[AgentDefinition]:
        await self._state.enter()
        return sorted(self._state.retired_agents.values(), key=lambda agent: agent.id)

    async def erase(self, agent_id: ParticipantId) -> None:
        await self._state.enter()
        state = self._state
        state.retired_agents.pop(agent_id, None)
        state.agent_places = {key: place for key, place in state.agent_places.items() if key[0] != agent_id}
        state.agent_usage = {key: spent for key, spent in state.agent_usage.items() if key[1] != agent_id}
        state.counted_answers = {key: day for key, day in state.counted_answers.items() if key[0] != agent_id}
        state.documents = {key: each for key, each in state.documents.items() if each[0].agent_id != agent_id}
        state.memories = {key: memory for key, memory in state.memories.items() if memory.agent_id != agent_id}

    async def memberships(self, agent_id: ParticipantId | None = None) -> list[AgentMembership]:
        await self._state.enter()
        known = self._state.agents.keys() | self._state.retired_agents.keys()
        found = [
            AgentMembership(
                agent_id=participant_id, timeline_id=timeline_id, kind=timeline.kind, joined_at=member.joined_at
            )
            for timeline_id, timeline in self._state.timelines.items()
            for participant_id, member in timeline.members.items()
            if participant_id in known and agent_id in (None, participant_id)
        ]
        return sorted(found, key=lambda each: (each.joined_at, each.timeline_id, each.agent_id))

    async def stirred(self, since: datetime) -> list[AgentMembership]:
        found = await self.memberships()
        return [each for each in found if self._last_said(each.timeline_id, since)]

    def _last_said(self, timeline_id: TimelineId, since: datetime) -> bool:
        posted = self._state.timelines[timeline_id].posted
        return bool(posted) and self._state.messages[posted[-1][1]].created_at >= since

    async def places(self, timeline_id: TimelineId) -> list[AgentPlace]:
        await self._state.enter()
        return [place for key, place in sorted(self._state.agent_places.items()) if key[1] == timeline_id]

    async def keep(self, places: Sequence[AgentPlace]) -> None:
        await self._state.enter()
        for place in places:
            known = self._state.agent_places.get((place.agent_id, place.timeline_id))
            if known is None or place.cursor >= known.cursor:
                self._state.agent_places[place.agent_id, place.timeline_id] = place

    async def take_answer(
        self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str, day: date, budgets: AgentBudgets
    ) -> str | None:
        await self._state.enter()
        if (agent_id, timeline_id, answer_id) in self._state.counted_answers:
            return None
        usage = self._state.agent_usage
        own = [spent for (when, who, _), spent in usage.items() if when == day and who == agent_id]
        here = [spent for (when, _, where), spent in usage.items() if when == day and where == timeline_id]
        used = {
            "answers": sum(spent.answers for spent in own),
            "tokens": sum(spent.tokens for spent in own),
            "room_answers": sum(spent.answers for spent in here),
            "room_tokens": sum(spent.tokens for spent in here),
        }
        for name, limit in asdict(budgets).items():
            if limit is not None and used[name] >= limit:
                return name
        usage.setdefault((day, agent_id, timeline_id), Spent()).answers += 1
        self._state.counted_answers[agent_id, timeline_id, answer_id] = day
        return None

    async def counted(self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> bool:
        await self._state.enter()
        return (agent_id, timeline_id, answer_id) in self._state.counted_answers

    async def give_back(self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> None:
        await self._state.enter()
        day = self._state.counted_answers.pop((agent_id, timeline_id, answer_id), None)
        if day is not None:
            self._state.agent_usage[day, agent_id, timeline_id].answers -= 1

    async def spend(
        self, agent_id: ParticipantId, timeline_id: TimelineId, day: date, *, answers: int = 0, tokens: int = 0
    ) -> None:
        await self._state.enter()
        spent = self._state.agent_usage.setdefault((day, agent_id, timeline_id), Spent())
        spent.answers += answers
        spent.tokens += tokens

    async def purge(self, *, before: date) -> int:
        await self._state.enter()
        usage = self._state.agent_usage
        old = [key for key in usage if key[0] < before]
        for key in old:
            del usage[key]
        counted = self._state.counted_answers
        self._state.counted_answers = {key: day for key, day in counted.items() if day >= before}
        return len(old)

    def _taken(self, agent: AgentDefinition) -> bool:
        key = search_key(agent.name)
        others = [each.name for each in self._state.agents.values() if each.id != agent.id]
        people = [account.user.username for account in self._state.accounts.values()]
        return any(search_key(name) == key for name in (*others, *people))
