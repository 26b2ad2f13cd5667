"""Memories: what an agent has learned of a person, or of a place, and keeps beyond the messages that it is shown.

Where one may be used follows from where it was learned: see `Circle`.
"""

from datetime import datetime
from typing import Annotated, Final, NamedTuple, NewType

import msgspec
from msgspec import UNSET, Meta, UnsetType

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.people import Participant

MemoryId = NewType("MemoryId", str)

MOST: Final = 100
"""How much an agent remembers of one person, and of one place without a person."""
LONGEST: Final = 1_000
"""Characters of a memory."""

MemoryText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST,
        pattern=r"^[^\x00]*[^\s\x00][^\x00]*$",
        description=f"1 to {LONGEST:,} characters",
    ),
]
Keywords = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]],
    Meta(max_length=16, description="other words by which it is found, at most 16"),
]


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent remembers. `about` is a person, or None: then it is about the place `timeline_id`.

    It was learned in `timeline_id`, from the message `message_id`; None where somebody has told the agent so by its page.
    """

    id: MemoryId
    agent_id: ParticipantId
    about: ParticipantId | None
    timeline_id: TimelineId | None
    message_id: MessageId | None
    text: str
    keywords: list[str] = []
    created_at: datetime
    updated_at: datetime

    @property
    def words(self) -> str:
        """What is searched."""
        return "\n".join((self.text, *self.keywords))


class Known(NamedTuple):
    """A memory with its words as they are compared, spaces between them: taken apart when it is written, not for each question."""

    memory: Memory
    words: str


class OwnMemory(Memory, frozen=True, kw_only=True):
    """What an agent remembers of the one who reads it."""

    agent: Participant


class NewMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an agent is to remember. `about` is who asks for it if nothing is said, and null for a place.

    With `timeline_id` it is used there, and in private conversations of the agent with that person; without, only in those.
    """

    text: MemoryText
    keywords: Keywords = []
    about: ParticipantId | None | UnsetType = UNSET
    timeline_id: TimelineId | None = None


class MemoryChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a memory is corrected; UNSET leaves a part as it is."""

    text: MemoryText | UnsetType = UNSET
    keywords: Keywords | UnsetType = UNSET


class Circle(msgspec.Struct, frozen=True):
    """Where an agent is asked, and by whom. `private`: it is their private conversation, of these two.

    An agent knows only what the members of its timeline may read. So what it has learned in a timeline it uses there: what is about
    the one who asks, and about the place. Beyond it only that person may hear of it: in private with the agent.
    """

    asker: ParticipantId
    timeline_id: TimelineId
    private: bool

    def admits(self, memory: Memory) -> bool:
        """Whether a memory may be used here."""
        if memory.about == self.asker:
            return self.private or memory.timeline_id == self.timeline_id
        return memory.about is None and memory.timeline_id == self.timeline_id
