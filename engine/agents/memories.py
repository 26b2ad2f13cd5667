"""What agents remember, for the doors: who may see it, add to it, correct it, and have it forgotten.

A person sees what is remembered of them, and nothing else; administrators see everything. To anybody else there is no such memory.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from actors import Ref
from engine.agents.definitions import Definitions
from engine.clock import Clock
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.memories import MOST, Circle, Known, Memory, MemoryChanges, MemoryId, NewMemory, OwnMemory
from engine.domain.people import Principal
from engine.errors import Conflict, Forbidden, InvalidRequest, NotFound
from engine.search.query import parse
from engine.storage.records import is_storable
from engine.storage.repositories import Storage
from engine.timelines.commands import CheckReader
from engine.timelines.directory import Timelines


class Memories:
    """The memories of all agents. Everything runs in the caller's task, no agent waits for it.

    An agent without any needs not be looked up for each question. What this process has one remember is known at once, that there is
    something at all by another process at the next `look_through`.
    """

    def __init__(self, storage: Storage, clock: Clock, definitions: Definitions, timelines: Timelines) -> None:
        self._storage = storage
        self._clock = clock
        self._definitions = definitions
        self._timelines = timelines
        self._found: set[ParticipantId] | None = None
        """The agents that remembered something when that was read last; None: it has not been read yet."""
        self._added: set[ParticipantId] = set()
        """Those that have been told something here."""

    async def look_through(self) -> None:
        """Find out which agents remember anything."""
        self._found = await self._storage.memories.remembering()

    # -- for people ------------------------------------------------------------------------------------------------------

    async def add(self, by: Principal, agent_id: ParticipantId, new: NewMemory) -> Memory:
        """Have an agent remember something: of oneself; for administrators, of anybody or of a place.

        `InvalidRequest` for a person or a timeline that there is not, as far as `by` may know; `Conflict` when it would be too much.
        """
        await self._definitions.get(agent_id)
        about = by.id if new.about is UNSET else new.about
        if about != by.id and not by.admin:
            raise Forbidden("what an agent remembers of others, or of a place, is for administrators to say")
        if about is None and new.timeline_id is None:
            raise InvalidRequest.field("timeline_id", "is required where it is about nobody: it is about that place")
        if about is not None and await self._storage.users.get(about) is None:
            raise InvalidRequest.field("about", "there is no such person")
        if new.timeline_id is not None:
            await self._check_place(by, new.timeline_id)
        return await self._keep(agent_id, about, new.timeline_id, text=new.text, keywords=new.keywords)

    async def page(
        self,
        by: Principal,
        agent_id: ParticipantId,
        *,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> Sequence[Memory]:
        """What an agent remembers, newest first: of oneself; for administrators everything, or what is `about` somebody."""
        await self._definitions.get(agent_id)
        about = _seen(by, about)
        return await self._storage.memories.page(agent_id=agent_id, about=about, after=after, limit=limit)

    async def search(
        self,
        by: Principal,
        agent_id: ParticipantId,
        text: str,
        *,
        about: ParticipantId | None = None,
        after: MemoryId | None = None,
        limit: int,
    ) -> Sequence[Memory]:
        """What of it has these words: see `engine.search.query`. The rest as in `page`."""
        query = parse(text)
        await self._definitions.get(agent_id)
        about = _seen(by, about)
        return await self._storage.memories.search(agent_id, query, about=about, after=after, limit=limit)

    async def own(
        self, by: Principal, *, agent_id: ParticipantId | None = None, after: MemoryId | None = None, limit: int
    ) -> Sequence[OwnMemory]:
        """What all agents, or one, remember of oneself, newest first."""
        agents = {agent.id: agent.participant for agent in await self._definitions.all()}
        found = await self._storage.memories.page(agent_id=agent_id, about=by.id, after=after, limit=limit)
        return [
            OwnMemory(**msgspec.structs.asdict(each), agent=agents[each.agent_id])
            for each in found
            if each.agent_id in agents
        ]

    async def read(self, by: Principal, agent_id: ParticipantId, memory_id: MemoryId) -> Memory:
        """One memory; `NotFound`, too, for whom it does not concern."""
        await self._definitions.get(agent_id)
        found = await self._storage.memories.get(agent_id, memory_id)
        if found is None or not (by.admin or found.about == by.id):
            raise _nothing()
        return found

    async def change(
        self, by: Principal, agent_id: ParticipantId, memory_id: MemoryId, changes: MemoryChanges
    ) -> Memory:
        """Correct a memory: for those who may read it. Where it may be used stays as it is."""
        known = await self.read(by, agent_id, memory_id)
        text = None if changes.text is UNSET else changes.text
        keywords = None if changes.keywords is UNSET else changes.keywords
        if text is None and keywords is None:
            return known
        _check_text(text or "", keywords or ())
        changed = await self._storage.memories.change(
            agent_id, memory_id, text=text, keywords=keywords, at=self._clock.now()
        )
        if changed is None:
            raise _nothing()
        return changed

    async def forget(self, by: Principal, agent_id: ParticipantId, memory_id: MemoryId) -> None:
        """Have a memory forgotten: for those who may read it."""
        await self.read(by, agent_id, memory_id)
        await self._storage.memories.remove(agent_id, memory_id)

    async def forget_own(self, by: Principal, *, agent_id: ParticipantId | None = None) -> None:
        """Have forgotten what all agents, or one, remember of oneself."""
        await self._storage.memories.remove_about(by.id, agent_id=agent_id)

    # -- for agents, in their turns --------------------------------------------------------------------------------------

    async def within(self, agent_id: ParticipantId, circle: Circle) -> Sequence[Known]:
        """What an agent may use in a circle, newest first."""
        if self._found is not None and agent_id not in self._found and agent_id not in self._added:
            return ()
        return await self._storage.memories.within(agent_id, circle)

    async def learn(
        self, agent_id: ParticipantId, circle: Circle, message_id: MessageId, text: str, keywords: Sequence[str]
    ) -> Memory:
        """Keep what an agent has learned from a message of the one who asks. What it knows in so many words it keeps once."""
        if await self._storage.users.get(circle.asker) is None:
            raise InvalidRequest("only what people say of themselves is remembered")
        for known, _ in await self.within(agent_id, circle):
            if known.about == circle.asker and known.text.casefold() == text.casefold():
                return known
        place = circle.timeline_id
        return await self._keep(agent_id, circle.asker, place, message_id, text=text, keywords=list(keywords))

    async def unlearn(self, agent_id: ParticipantId, circle: Circle, memory_id: MemoryId) -> None:
        """Forget what the agent knows here of the one who asks; `NotFound` for anything else."""
        found = await self._storage.memories.get(agent_id, memory_id)
        if found is None or found.about != circle.asker or not circle.admits(found):
            raise _nothing()
        await self._storage.memories.remove(agent_id, memory_id)

    async def _keep(
        self,
        agent_id: ParticipantId,
        about: ParticipantId | None,
        timeline_id: TimelineId | None,
        message_id: MessageId | None = None,
        *,
        text: str,
        keywords: list[str],
    ) -> Memory:
        _check_text(text, keywords)
        now = self._clock.now()
        memory = Memory(
            id=MemoryId(self._clock.new_id()),
            agent_id=agent_id,
            about=about,
            timeline_id=timeline_id,
            message_id=message_id,
            text=text,
            keywords=keywords,
            created_at=now,
            updated_at=now,
        )
        self._added.add(agent_id)
        refused = await self._storage.memories.add(memory, most=MOST)
        if refused == "gone":
            raise NotFound("the agent is gone, or the message from which this was learned")
        if refused == "full":
            what = "this place" if about is None else "this person"
            raise Conflict(f"an agent remembers at most {MOST} things of {what}: have one forgotten first")
        return memory

    async def _check_place(self, by: Principal, timeline_id: TimelineId) -> None:
        is_room = await self._storage.rooms.get(timeline_id) is not None
        try:
            find = self._timelines.room if is_room else self._timelines.conversation
            timeline: Ref[Any] = find(timeline_id)
            await timeline.ask(CheckReader(by))
        except (NotFound, Forbidden):
            raise InvalidRequest.field("timeline_id", "there is no such room or conversation of yours") from None


def _seen(by: Principal, about: ParticipantId | None) -> ParticipantId | None:
    """About whom somebody is shown memories; None: about everybody."""
    if by.admin:
        return about
    if about not in (None, by.id):
        raise Forbidden("what an agent remembers of others is for administrators to see")
    return by.id


def _check_text(text: str, keywords: Sequence[str]) -> None:
    for path, each in (("text", text), *((f"keywords.{index}", word) for index, word in enumerate(keywords))):
        if not is_storable(each):
            raise InvalidRequest.field(path, "neither U+0000 nor half a surrogate pair")


def _nothing() -> NotFound:
    return NotFound("there is no such memory")
