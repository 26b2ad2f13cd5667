"""What conductors and the agents of their timelines say to each other."""

from typing import TYPE_CHECKING

import actors
from engine.agents.utterance import Outcome
from engine.domain.fields import ParticipantId
from engine.domain.messages import Message
from engine.timelines.answer_commands import StartAnswer

if TYPE_CHECKING:
    from engine.agents.actor import AgentActor  # noqa: F401 - named as the receivers of messages
    from engine.agents.conductor import Conductor  # noqa: F401


class Speak(actors.Message["AgentActor", Outcome], frozen=True):
    """Answer a message; `addressed`: it was meant for this agent, so that silence would be noticed.

    `again` tells answers apart that were asked for once more; the first one has none.
    """

    question: Message
    addressed: bool
    again: str = ""


class Begun(actors.Message["Conductor", None], frozen=True):
    """An agent has begun to speak: it keeps the floor until it ends."""

    agent_id: ParticipantId


class Admit(actors.Message["Conductor", str], frozen=True):
    """An agent outside wants to begin an answer. Answers its id.

    `RateLimited` while the agent rests, and for what an agent has said when agents have said enough among themselves;
    `QuotaExceeded` when a budget is used up, and what `StartAnswer` refuses.
    """

    start: StartAnswer
