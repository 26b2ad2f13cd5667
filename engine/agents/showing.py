"""Which agents others see as present."""

from collections.abc import Mapping

from engine.domain.agents import EXTERNAL, AgentAccount, AgentDefinition
from engine.domain.fields import ParticipantId
from engine.presence import People


class Showing:
    """Agents that speak from inside are there as long as they are defined; those outside, while their program is connected."""

    def __init__(self, presence: People) -> None:
        self._presence = presence
        self._shown: dict[ParticipantId, None] = {}

    def show(self, known: Mapping[ParticipantId, AgentDefinition]) -> None:
        """These are the agents now."""
        inside = {each: agent for each, agent in known.items() if agent.model != EXTERNAL}
        for agent_id, agent in inside.items():
            if agent_id not in self._shown:
                self._presence.connected(AgentAccount.of(agent), self)
        for agent_id in self._shown:
            if agent_id not in inside:
                self._presence.disconnected(agent_id, self)
        self._shown = dict.fromkeys(inside)
