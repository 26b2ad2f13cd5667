"""What agents were given to read."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.domain.documents import Chunk, Document, DocumentId, Part
from engine.domain.fields import ParticipantId
from engine.storage.memory.state import State
from engine.storage.repositories.documents import ChunkKey
from engine.storage.repositories.memories import Refusal


class MemoryDocuments:
    """See `repositories.Documents`. Everything is done at once, so there is never anything to sweep."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, document: Document, parts: Sequence[Part], *, most: int) -> Refusal | None:
        await self._state.enter()
        if document.agent_id not in self._state.agents:
            return "gone"
        if len(self._of(document.agent_id)) >= most:
            return "full"
        self._state.documents[document.id] = document, tuple(parts)
        return None

    async def get(self, agent_id: ParticipantId, document_id: DocumentId) -> Document | None:
        await self._state.enter()
        document, _ = self._state.documents.get(document_id, (None, ()))
        return document if document is not None and document.agent_id == agent_id else None

    async def page(self, agent_id: ParticipantId, *, after: DocumentId | None = None, limit: int) -> list[Document]:
        await self._state.enter()
        found = [each for each, _ in self._of(agent_id) if after is None or each.id < after]
        return sorted(found, key=lambda each: each.id, reverse=True)[:limit]

    async def remove(self, agent_id: ParticipantId, document_id: DocumentId) -> bool:
        found = await self.get(agent_id, document_id)
        return found is not None and self._state.documents.pop(document_id, None) is not None

    async def remove_all(self, agent_id: ParticipantId) -> None:
        await self._state.enter()
        for document, _ in self._of(agent_id):
            del self._state.documents[document.id]

    async def informed(self) -> dict[ParticipantId, int]:
        await self._state.enter()
        agents = {document.agent_id for document, _ in self._state.documents.values()}
        return {agent_id: sum(len(parts) for _, parts in self._of(agent_id)) for agent_id in agents}

    async def having(
        self, agent_id: ParticipantId, words: Sequence[str], *, most: int
    ) -> Mapping[str, Sequence[ChunkKey]]:
        await self._state.enter()
        known = [
            (ChunkKey(document.id, index), frozenset(part.words.split()))
            for document, parts in self._of(agent_id)
            for index, part in enumerate(parts)
        ]
        found = {word: [key for key, having in known if word in having] for word in words}
        return {word: keys for word, keys in found.items() if 0 < len(keys) <= most}

    async def chunks(self, agent_id: ParticipantId, keys: Sequence[ChunkKey]) -> list[Chunk]:
        await self._state.enter()
        found = {document.id: (document, parts) for document, parts in self._of(agent_id)}
        return [
            Chunk(document_id=document.id, name=document.name, position=key.position, text=parts[key.position].text)
            for key in keys
            if key.document_id in found
            for document, parts in (found[key.document_id],)
            if key.position < len(parts)
        ]

    async def sweep(self, *, before: datetime) -> None:
        del before
        await self._state.enter()

    def _of(self, agent_id: ParticipantId) -> list[tuple[Document, tuple[Part, ...]]]:
        return [each for each in self._state.documents.values() if each[0].agent_id == agent_id]
