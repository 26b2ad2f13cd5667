"""Agents: their definitions, how far they have come, what they have spent."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from engine.domain.agents import AgentBudgets, AgentDefinition, AgentMembership, AgentPlace
from engine.domain.fields import ParticipantId, TimelineId


class Agents(Protocol):
    """Agents. A participant row is created and renamed with each, and stays when it is gone: its messages keep their author.

    A name is unique among agents and the usernames of people, without case.
    """

    async def add(self, agent: AgentDefinition) -> bool:
        """Store a new agent, with a timeline of its own as people have; False when the name is taken, by a person or an agent."""
        ...

    async def get(self, agent_id: ParticipantId) -> AgentDefinition | None:
        """An agent that is not retired."""
        ...

    async def all(self) -> list[AgentDefinition]:
        """Every agent that is not retired, by id."""
        ...

    async def update(self, agent: AgentDefinition, *, was: AgentDefinition) -> bool:
        """Store the fields in which `agent` differs from what it `was`; False, with nothing changed, when the name is taken."""
        ...

    async def retire(self, agent_id: ParticipantId) -> bool:
        """Take an agent out of use: it is found no more, and its name is free. Whether there was one."""
        ...

    async def retired(self) -> list[AgentDefinition]:
        """The agents that are out of use and not yet erased, by id."""
        ...

    async def erase(self, agent_id: ParticipantId) -> None:
        """Forget a retired agent, where it stood, what it spent and what it remembered."""
        ...

    async def memberships(self, agent_id: ParticipantId | None = None) -> list[AgentMembership]:
        """Where agents, retired ones too, are members now, in the order in which they joined; all agents, or one."""
        ...

    async def stirred(self, since: datetime) -> list[AgentMembership]:
        """Where agents are members and the newest message is not older than a moment, in the order in which they joined."""
        ...

    async def places(self, timeline_id: TimelineId) -> list[AgentPlace]:
        """How far agents have come in a timeline. Those that never spoke there have no place."""
        ...

    async def keep(self, places: Sequence[AgentPlace]) -> None:
        """Remember how far agents have come. Nobody goes back: an earlier cursor than the one stored changes nothing."""
        ...

    async def take_answer(
        self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str, day: date, budgets: AgentBudgets
    ) -> str | None:
        """Count one more answer of a day, unless a budget is used up: then name that one, as `AgentBudgets` does.

        One that is counted already, and not posted yet, costs nothing more, on whatever day it is begun again. It is no longer
        known once a message of the agent with this `answer_id` is in the timeline's log, or `give_back` has been called.
        """
        ...

    async def counted(self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> bool:
        """Whether an answer is counted already and not posted yet."""
        ...

    async def give_back(self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> None:
        """Take back that an answer was counted: it did not begin. One that is not counted, or posted, changes nothing."""
        ...

    async def spend(
        self, agent_id: ParticipantId, timeline_id: TimelineId, day: date, *, answers: int = 0, tokens: int = 0
    ) -> None:
        """Count answers, and what they have cost, whatever the budgets say."""
        ...

    async def purge(self, *, before: date) -> int:
        """Forget what was spent before a day, and which answers were counted then; tells how many entries of spending."""
        ...
