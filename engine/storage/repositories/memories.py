"""What agents remember."""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from engine.domain.fields import ParticipantId
from engine.domain.memories import Circle, Known, Memory, MemoryId
from engine.search.query import Query

Refusal: TypeAlias = Literal["full", "gone"]


class Memories(Protocol):
    """Memories of agents, newest first wherever there are several.

    One goes with its agent, with its person, and with the message that it was learned from: in the transaction of whatever takes
    these away. Who may see one is not checked.
    """

    async def add(self, memory: Memory, *, most: int) -> Refusal | None:
        """Store a new memory, or tell why not.

        `full`: the agent has `most` of this person or place; `gone`: there is no such agent, or the message is deleted from which it
        was learned.
        """
        ...

    async def get(self, agent_id: ParticipantId, memory_id: MemoryId) -> Memory | None:
        """One memory of an agent."""
        ...

    async def page(
        self,
        *,
        agent_id: ParticipantId | None = None,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> list[Memory]:
        """The memories of an agent, of all agents that are not retired, about everything, or about a person, with ids below `after`."""
        ...

    async def search(
        self,
        agent_id: ParticipantId,
        query: Query,
        *,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> list[Memory]:
        """Those of an agent that have the words of a query in their text or their keywords; the rest as in `page`."""
        ...

    async def within(self, agent_id: ParticipantId, circle: Circle) -> list[Known]:
        """All that the agent may use in a circle: see `Circle.admits`."""
        ...

    async def remembering(self) -> set[ParticipantId]:
        """The agents that remember anything."""
        ...

    async def change(
        self,
        agent_id: ParticipantId,
        memory_id: MemoryId,
        *,
        text: str | None = None,
        keywords: list[str] | None = None,
        at: datetime,
    ) -> Memory | None:
        """Replace the text, the keywords, or both; the memory as it is then, None when there is none."""
        ...

    async def remove(self, agent_id: ParticipantId, memory_id: MemoryId) -> bool:
        """Forget one; whether there was one."""
        ...

    async def remove_about(self, about: ParticipantId, *, agent_id: ParticipantId | None = None) -> int:
        """Forget what all agents, or one, remember of a person; how many that was."""
        ...
