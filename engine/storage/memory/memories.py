"""What agents remember."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from engine.domain.fields import ParticipantId
from engine.domain.memories import Circle, Known, Memory, MemoryId
from engine.search.highlights import matches
from engine.search.query import Query
from engine.search.words import folded
from engine.storage.memory.state import State
from engine.storage.repositories.memories import Refusal


class MemoryMemories:
    """See `repositories.Memories`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, memory: Memory, *, most: int) -> Refusal | None:
        await self._state.enter()
        source = self._state.messages.get(memory.message_id) if memory.message_id is not None else None
        if memory.agent_id not in self._state.agents or (source is not None and source.deleted_at is not None):
            return "gone"
        if len(self._found(lambda each: _subject(each) == _subject(memory))) >= most:
            return "full"
        self._state.memories[memory.id] = memory
        return None

    async def get(self, agent_id: ParticipantId, memory_id: MemoryId) -> Memory | None:
        await self._state.enter()
        found = self._state.memories.get(memory_id)
        return found if found is not None and found.agent_id == agent_id else None

    async def page(
        self,
        *,
        agent_id: ParticipantId | None = None,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> list[Memory]:
        await self._state.enter()
        return self._found(lambda each: self._of(each, agent_id, about, after))[:limit]

    async def search(
        self,
        agent_id: ParticipantId,
        query: Query,
        *,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> list[Memory]:
        await self._state.enter()
        return self._found(lambda each: self._of(each, agent_id, about, after) and matches(query, each.words))[:limit]

    async def within(self, agent_id: ParticipantId, circle: Circle) -> list[Known]:
        await self._state.enter()
        found = self._found(lambda each: each.agent_id == agent_id and circle.admits(each))
        return [Known(memory, folded(memory.words)) for memory in found]

    async def remembering(self) -> set[ParticipantId]:
        await self._state.enter()
        return {each.agent_id for each in self._state.memories.values()}

    async def change(
        self,
        agent_id: ParticipantId,
        memory_id: MemoryId,
        *,
        text: str | None = None,
        keywords: list[str] | None = None,
        at: datetime,
    ) -> Memory | None:
        known = await self.get(agent_id, memory_id)
        if known is None:
            return None
        text = known.text if text is None else text
        keywords = known.keywords if keywords is None else keywords
        changed = self._state.memories[memory_id] = replace(known, text=text, keywords=keywords, updated_at=at)
        return changed

    async def remove(self, agent_id: ParticipantId, memory_id: MemoryId) -> bool:
        found = await self.get(agent_id, memory_id)
        return found is not None and self._state.memories.pop(memory_id, None) is not None

    async def remove_about(self, about: ParticipantId, *, agent_id: ParticipantId | None = None) -> int:
        await self._state.enter()
        gone = self._found(lambda each: each.about == about and agent_id in (None, each.agent_id))
        for each in gone:
            del self._state.memories[each.id]
        return len(gone)

    def _of(
        self, memory: Memory, agent_id: ParticipantId | None, about: ParticipantId | None, after: MemoryId | None
    ) -> bool:
        return (
            (memory.agent_id in self._state.agents if agent_id is None else memory.agent_id == agent_id)
            and about in (None, memory.about)
            and (after is None or memory.id < after)
        )

    def _found(self, which: Callable[[Memory], bool]) -> list[Memory]:
        found = [each for each in self._state.memories.values() if which(each)]
        return sorted(found, key=lambda each: each.id, reverse=True)


def _subject(memory: Memory) -> tuple[str | None, ...]:
    """What a memory is about, of all that there is."""
    return memory.agent_id, memory.about, memory.timeline_id if memory.about is None else None
