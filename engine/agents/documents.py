"""What agents were given to read: for administrators, who give it, and for agents, in their turns."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, TypeAlias

import anyio

from engine.agents.consulting import COMMON, asked_words, best, fitting
from engine.agents.definitions import Definitions
from engine.clock import Clock
from engine.domain.documents import LARGEST, LONGEST_NAME, MOST, Chunk, Document, DocumentId, DocumentType, Part
from engine.domain.fields import ParticipantId
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.reading import Unreadable, read_file
from engine.storage.records import is_storable
from engine.storage.repositories import Storage

AT_A_TIME: Final = 2
"""Files that are read at a time; others wait."""
UNFINISHED: Final = timedelta(hours=1)
"""After so long a document that is not complete was left behind by a process that died."""

ReadFile: TypeAlias = Callable[[bytes, DocumentType], Awaitable[list[Part]]]
"""See `engine.reading.read_file`."""


class Documents:
    """The documents of all agents. `budget` is how much of them an agent is given for a question, in tokens.

    An agent without any is not looked up for each question: what this process has one given is known at once, what another process
    has, at the next `look_through`.
    """

    def __init__(
        self, storage: Storage, clock: Clock, definitions: Definitions, budget: int, read: ReadFile = read_file
    ) -> None:
        self._documents = storage.documents
        self._clock = clock
        self._definitions = definitions
        self._budget = budget
        self._read = read
        self._reading = anyio.CapacityLimiter(AT_A_TIME)
        self._informed: Mapping[ParticipantId, int] | None = None
        """The agents that have any, and how many chunks; None: that has not been read yet."""

    async def look_through(self) -> None:
        """Find out which agents have any."""
        self._informed = await self._documents.informed()

    async def purge(self) -> None:
        """Take away what processes that died have left behind."""
        await self._documents.sweep(before=self._clock.now() - UNFINISHED)

    async def forget(self, agent_id: ParticipantId) -> None:
        """Take away what an agent has that is leaving for good."""
        await self._documents.remove_all(agent_id)

    # -- for administrators ----------------------------------------------------------------------------------------------

    async def add(self, agent_id: ParticipantId, name: str, media_type: DocumentType, data: bytes) -> Document:
        """Give an agent a file to read. Cancelling leaves it without.

        `InvalidRequest` when it is too large or cannot be read, `Conflict` when the agent has as many as it may.
        """
        await self._definitions.get(agent_id)
        _check_name(name)
        if len(data) > LARGEST:
            raise InvalidRequest.field("file", f"has {len(data):,} bytes; at most {LARGEST:,} are read")
        try:
            async with self._reading:
                parts = await self._read(data, media_type)
        except Unreadable as problem:
            raise InvalidRequest.field("file", str(problem)) from None
        document = Document(
            id=DocumentId(self._clock.new_id()),
            agent_id=agent_id,
            name=name,
            media_type=media_type,
            bytes=len(data),
            characters=sum(len(part.text) for part in parts),
            chunks=len(parts),
            created_at=self._clock.now(),
        )
        refused = await self._documents.add(document, parts, most=MOST)
        if refused == "gone":
            raise NotFound("the agent is gone")
        if refused == "full":
            raise Conflict(f"an agent has at most {MOST} documents: remove one first")
        await self.look_through()
        return document

    async def page(self, agent_id: ParticipantId, *, after: DocumentId | None = None, limit: int) -> Sequence[Document]:
        """What an agent has, newest first."""
        await self._definitions.get(agent_id)
        return await self._documents.page(agent_id, after=after, limit=limit)

    async def read(self, agent_id: ParticipantId, document_id: DocumentId) -> Document:
        """One document; `NotFound`."""
        await self._definitions.get(agent_id)
        found = await self._documents.get(agent_id, document_id)
        if found is None:
            raise _nothing()
        return found

    async def remove(self, agent_id: ParticipantId, document_id: DocumentId) -> None:
        """Have an agent know a document no more."""
        await self._definitions.get(agent_id)
        if not await self._documents.remove(agent_id, document_id):
            raise _nothing()
        await self.look_through()

    async def search(self, agent_id: ParticipantId, question: str) -> Sequence[Chunk]:
        """What the agent would be given for a question."""
        await self._definitions.get(agent_id)
        return await self.consult(agent_id, question)

    # -- for agents, in their turns --------------------------------------------------------------------------------------

    async def consult(self, agent_id: ParticipantId, question: str) -> tuple[Chunk, ...]:
        """The chunks that bear on a question, in the order in which they are read, as many as the budget holds."""
        if self._informed is None:
            await self.look_through()
        assert self._informed is not None
        number = self._informed.get(agent_id, 0)
        if not number or not self._budget:
            return ()
        having = await self._documents.having(agent_id, asked_words(question), most=COMMON)
        return fitting(await self._documents.chunks(agent_id, best(having, number)), self._budget)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidRequest.field("file", f"its name has {len(name)} characters; 1 to {LONGEST_NAME} are accepted")
    if not is_storable(name) or not name.isprintable():
        raise InvalidRequest.field("file", "its name has characters in it that cannot be printed")


def _nothing() -> NotFound:
    return NotFound("there is no such document")
