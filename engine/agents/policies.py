"""When an agent speaks: a rule over one message, the same whenever and wherever it is asked."""

from hashlib import blake2b
from typing import Final

from engine.agents.names import names
from engine.agents.questions import is_question
from engine.domain.agents import PROBABILITY, AgentDefinition, Policy
from engine.domain.fields import ParticipantId
from engine.domain.messages import Message

_SIDES: Final = 2**64


def addresses(message: Message, agent: AgentDefinition, answered: ParticipantId | None = None) -> bool:
    """Whether a message is for this agent: it mentions or names it, or replies to what it said. `answered` wrote what is replied to."""
    return (
        agent.id in message.mentions or answered == agent.id or names(message.text, agent.name, agent.participant.name)
    )


def wants(policy: Policy, message: Message, agent: AgentDefinition, answered: ParticipantId | None = None) -> bool:
    """Whether an agent with this policy answers a message. Its own it never does."""
    if message.author.id == agent.id or message.deleted_at is not None:
        return False
    match policy:
        case Policy.NEVER:
            return False
        case Policy.ALWAYS:
            return True
        case Policy.MENTION:
            return addresses(message, agent, answered)
        case Policy.QUESTION:
            return is_question(message.text)
        case Policy.SMART:
            return addresses(message, agent, answered) or is_question(message.text)
        case Policy.PROBABILITY:
            return dice(agent.id, message) < (PROBABILITY if agent.probability is None else agent.probability)


def dice(agent_id: ParticipantId, message: Message) -> float:
    """A number from 0 to 1 that belongs to this agent and this message: thrown again, after a crash, it falls the same way."""
    digest = blake2b(f"{agent_id}:{message.id}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest) / _SIDES
