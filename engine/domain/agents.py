"""Agents: participants that a program speaks for. What an administrator says of one, and when it speaks."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from engine.domain.fields import DisplayName, Language, ParticipantId, ParticipantKind, TimelineId, TimelineKind
from engine.domain.people import Participant, Principal, User

PROBABILITY: Final = 0.5
"""How likely an agent with the policy `probability` speaks when it does not say."""

EXTERNAL: Final = "external"
"""The model of an agent for which a program speaks that runs elsewhere, and is connected with an API key."""

AgentName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^(?!(?i:room)$)[^\x00-\x1f\x7f@\s](?:[^\x00-\x1f\x7f@]*[^\x00-\x1f\x7f@\s])?$",
        description="how it is mentioned, in any script: 1 to 64 characters, no @, and not `room`",
    ),
]
Persona = Annotated[str, Meta(max_length=20_000, pattern=r"^[^\x00]*$")]
ModelName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x20\x7f]+$",
        description="a chat model (`openai:gpt-5-mini`), a class of one's own (`python:greeter`), `archivist`, or `external`",
    ),
]
Temperature = Annotated[float, Meta(ge=0, le=2)]
MaxTokens = Annotated[int, Meta(ge=1, le=1_000_000)]
ToolNames = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^\w+$")]], Meta(max_length=64)]
Probability = Annotated[float, Meta(ge=0, le=1)]
CooldownSeconds = Annotated[int, Meta(ge=0, le=86_400)]
Budget = Annotated[int, Meta(ge=0, le=1_000_000_000, description="a day (UTC), everywhere together")]
Goodbye = Annotated[str, Meta(min_length=1, max_length=1_000, pattern=r"^[^\x00]*\S[^\x00]*$")]


class Policy(StrEnum):
    """On which messages an agent speaks. `smart` is on those that mention it, and on questions."""

    NEVER = "never"
    MENTION = "mention"
    QUESTION = "question"
    SMART = "smart"
    PROBABILITY = "probability"
    ALWAYS = "always"


class NewAgent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a new agent."""

    name: AgentName
    display_name: DisplayName | None = None
    persona: Persona
    model: ModelName
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    tools: ToolNames = []
    room_policy: Policy
    conversation_policy: Policy
    probability: Probability | None = None
    cooldown_seconds: CooldownSeconds = 0
    language: Language | None = None
    daily_answers: Budget | None = None
    daily_tokens: Budget | None = None
    goodbye: Goodbye | None = None


class AgentChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of an agent; UNSET leaves it as it is, null clears it."""

    name: AgentName | UnsetType = UNSET
    display_name: DisplayName | None | UnsetType = UNSET
    persona: Persona | UnsetType = UNSET
    model: ModelName | UnsetType = UNSET
    temperature: Temperature | None | UnsetType = UNSET
    max_tokens: MaxTokens | None | UnsetType = UNSET
    tools: ToolNames | UnsetType = UNSET
    room_policy: Policy | UnsetType = UNSET
    conversation_policy: Policy | UnsetType = UNSET
    probability: Probability | None | UnsetType = UNSET
    cooldown_seconds: CooldownSeconds | UnsetType = UNSET
    language: Language | None | UnsetType = UNSET
    daily_answers: Budget | None | UnsetType = UNSET
    daily_tokens: Budget | None | UnsetType = UNSET
    goodbye: Goodbye | None | UnsetType = UNSET


class AgentDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """An agent. `model` selects what speaks for it; `persona` is what that is told of itself.

    Budgets are for a day, UTC; None is no limit. `goodbye` is what it says when it is sent away.
    """

    id: ParticipantId
    kind: Literal["agent"] = "agent"
    name: str
    display_name: str | None = None
    persona: str
    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    tools: list[str] = []
    room_policy: Policy
    conversation_policy: Policy
    probability: float | None = None
    cooldown_seconds: int = 0
    language: str | None = None
    daily_answers: int | None = None
    daily_tokens: int | None = None
    goodbye: str | None = None
    created_by: ParticipantId
    created_at: datetime

    @property
    def username(self) -> str:
        """How it is mentioned."""
        return self.name

    @property
    def participant(self) -> Participant:
        """This agent as others see it."""
        return Participant(self.id, ParticipantKind.AGENT, self.display_name or self.name)

    @property
    def principal(self) -> Principal:
        """This agent as the one who acts."""
        return Principal(self.participant, language=self.language, username=self.name)

    def policy(self, kind: TimelineKind) -> Policy:
        """When it speaks in a timeline of this kind."""
        return self.room_policy if kind is TimelineKind.ROOM else self.conversation_policy


class AgentAccount(User, frozen=True, kw_only=True, gc=False):
    """An agent that has come in by the door, with an API key: an account without a password, which is nowhere stored."""

    @classmethod
    def of(cls, agent: AgentDefinition) -> "AgentAccount":
        """The account of an agent."""
        return cls(
            id=agent.id,
            email="",
            username=agent.name,
            display_name=agent.display_name,
            language=agent.language,
            created_at=agent.created_at,
        )

    @property
    def participant(self) -> Participant:
        """This agent as others see it."""
        return Participant(self.id, ParticipantKind.AGENT, self.display_name or self.username)


class AgentMembership(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that is a member of a timeline."""

    agent_id: ParticipantId
    timeline_id: TimelineId
    kind: TimelineKind
    joined_at: datetime


class AgentPlace(msgspec.Struct, frozen=True, kw_only=True):
    """How far an agent has come in a timeline: whatever stands up to `cursor` it has answered, or will not answer any more.

    `answered_at` is when its last answer ended, None before the first.
    """

    agent_id: ParticipantId
    timeline_id: TimelineId
    cursor: int
    answered_at: datetime | None = None


class AgentBudgets(msgspec.Struct, frozen=True, kw_only=True):
    """What may be spent in a day: by one agent everywhere, and in one timeline by all agents. None is no limit."""

    answers: int | None = None
    tokens: int | None = None
    room_answers: int | None = None
    room_tokens: int | None = None

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit at all."""
        return all(limit is None for limit in msgspec.structs.astuple(self))
