"""What agents were given to read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from engine.domain.documents import Chunk, Document, DocumentId, Part
from engine.domain.fields import ParticipantId
from engine.storage.repositories.memories import Refusal


class ChunkKey(NamedTuple):
    """Names a chunk: the one at `position` of a document."""

    document_id: DocumentId
    position: int


class Documents(Protocol):
    """Documents of agents, with their chunks; they go with their agent. Newest first wherever there are several.

    A long document is stored and removed in several transactions, so that nobody waits long for the database. It is found when all of it
    is there, and not any more as soon as some of it is gone; what a crash has left in between is taken away by `sweep`.
    """

    async def add(self, document: Document, parts: Sequence[Part], *, most: int) -> Refusal | None:
        """Store a new document, or tell why not: `full`, the agent has `most` already, or `gone`, there is no such agent any more."""
        ...

    async def get(self, agent_id: ParticipantId, document_id: DocumentId) -> Document | None:
        """One document of an agent."""
        ...

    async def page(self, agent_id: ParticipantId, *, after: DocumentId | None = None, limit: int) -> list[Document]:
        """The documents of an agent with ids below `after`."""
        ...

    async def remove(self, agent_id: ParticipantId, document_id: DocumentId) -> bool:
        """Remove one; whether there was one."""
        ...

    async def remove_all(self, agent_id: ParticipantId) -> None:
        """Remove all that an agent has."""
        ...

    async def informed(self) -> Mapping[ParticipantId, int]:
        """The agents that have any, and how many chunks."""
        ...

    async def having(
        self, agent_id: ParticipantId, words: Sequence[str], *, most: int
    ) -> Mapping[str, Sequence[ChunkKey]]:
        """In which chunks of the agent's documents each of these words is (as in `engine.search.words`), up to `most` of each.

        A word that is in none, or in more than `most`, is not in the answer: it would say nothing.
        """
        ...

    async def chunks(self, agent_id: ParticipantId, keys: Sequence[ChunkKey]) -> list[Chunk]:
        """These chunks, as far as they are there, in the order of the keys."""
        ...

    async def sweep(self, *, before: datetime) -> None:
        """Take away what is left of documents that were begun before this, and never finished or not wholly removed."""
        ...
