"""What agents remember: of oneself, for everybody; of anybody, for administrators."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from engine.domain.fields import ParticipantId
from engine.domain.memories import Memory, MemoryChanges, MemoryId, NewMemory, OwnMemory
from engine.domain.people import Principal
from engine.engine import Engine
from engine.search.query import QueryText
from gateway.rest.endpoints import Endpoint, delete, get, patch, post
from gateway.rest.pages import UUID, Cursor, Limit, Page, page

Id = Annotated[str, Meta(pattern=UUID)]


class MemoriesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page; `about` is a person, for administrators: others are shown what is about them."""

    about: Id | None = None
    after: Cursor | None = None
    limit: Limit = 50


class MemorySearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look for: words, "phrases", -exclusions, beginnings*. `about` as in the list."""

    q: QueryText
    about: Id | None = None
    after: Cursor | None = None
    limit: Limit = 20


class OwnMemoriesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page, of all agents or of one."""

    agent_id: Id | None = None
    after: Cursor | None = None
    limit: Limit = 50


class WhoseMemories(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All agents, or one."""

    agent_id: Id | None = None


async def list_memories(engine: Engine, by: Principal, agent_id: ParticipantId, query: MemoriesQuery) -> Page[Memory]:
    """What an agent remembers of oneself, newest first; administrators see all that it remembers, or what is `about` somebody."""
    rows = await engine.memories.page(
        by, agent_id, about=_person(query.about), after=_memory(query.after), limit=query.limit + 1
    )
    return page(rows, query.limit, lambda memory: memory.id)


async def add_memory(engine: Engine, by: Principal, agent_id: ParticipantId, body: NewMemory) -> Memory:
    """Have an agent remember something of oneself; administrators, of anybody, or of a place (`about` null, with its `timeline_id`).

    It is used in private conversations of the agent with that person and, with `timeline_id`, in that room or conversation.
    """
    return await engine.memories.add(by, agent_id, body)


async def search_memories(
    engine: Engine, by: Principal, agent_id: ParticipantId, query: MemorySearchQuery
) -> Page[Memory]:
    """What an agent remembers with all the words in its text or its keywords, newest first; who is shown what is as in the list."""
    rows = await engine.memories.search(
        by, agent_id, query.q, about=_person(query.about), after=_memory(query.after), limit=query.limit + 1
    )
    return page(rows, query.limit, lambda memory: memory.id)


async def read_memory(engine: Engine, by: Principal, agent_id: ParticipantId, memory_id: MemoryId) -> Memory:
    """One memory: for the person whom it is about, and administrators."""
    return await engine.memories.read(by, agent_id, memory_id)


async def change_memory(
    engine: Engine, by: Principal, agent_id: ParticipantId, memory_id: MemoryId, body: MemoryChanges
) -> Memory:
    """Correct a memory: for the person whom it is about, and administrators. Where it is used stays as it is."""
    return await engine.memories.change(by, agent_id, memory_id, body)


async def forget_memory(engine: Engine, by: Principal, agent_id: ParticipantId, memory_id: MemoryId) -> None:
    """Have a memory forgotten, for good: for the person whom it is about, and administrators."""
    await engine.memories.forget(by, agent_id, memory_id)


async def list_own_memories(engine: Engine, by: Principal, query: OwnMemoriesQuery) -> Page[OwnMemory]:
    """What all agents, or one, remember of oneself, newest first."""
    rows = await engine.memories.own(
        by, agent_id=_person(query.agent_id), after=_memory(query.after), limit=query.limit + 1
    )
    return page(rows, query.limit, lambda memory: memory.id)


async def forget_own_memories(engine: Engine, by: Principal, query: WhoseMemories) -> None:
    """Have forgotten, for good, all that agents, or one of them, remember of oneself."""
    await engine.memories.forget_own(by, agent_id=_person(query.agent_id))


def _person(given: str | None) -> ParticipantId | None:
    return None if given is None else ParticipantId(given)


def _memory(cursor: str | None) -> MemoryId | None:
    return None if cursor is None else MemoryId(cursor)


_TAG: Final = "Agents"
_ONE: Final = "/agents/{agent_id}/memories/{memory_id}"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/agents/{agent_id}/memories", list_memories, tag=_TAG, problems=("forbidden",)),
    post("/agents/{agent_id}/memories", add_memory, tag=_TAG, status=201, problems=("forbidden", "conflict")),
    get("/agents/{agent_id}/memories/search", search_memories, tag=_TAG, problems=("forbidden",)),
    get(_ONE, read_memory, tag=_TAG),
    patch(_ONE, change_memory, tag=_TAG),
    delete(_ONE, forget_memory, tag=_TAG),
    get("/me/memories", list_own_memories, tag=_TAG),
    delete("/me/memories", forget_own_memories, tag=_TAG),
)
