"""What the doors ask about agents; composed here, with everything that makes them speak."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from actors import Ref
from engine.agents.conductor import Conductor, Regenerate
from engine.agents.definitions import Definitions
from engine.agents.documents import Documents
from engine.agents.joining import Joining
from engine.agents.memories import Memories
from engine.agents.notebooks import Notebooks
from engine.agents.rosters import Rosters
from engine.clock import Clock
from engine.domain.agents import AgentChanges, AgentDefinition, NewAgent
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.people import Principal
from engine.domain.rooms import Member
from engine.errors import Conflict, NotFound
from engine.storage.repositories import Storage
from engine.timelines.commands import CheckWriter, ConversationView
from engine.timelines.directory import Timelines

REMEMBERED: Final = timedelta(days=31)
"""For how long it is known what agents have spent."""


class Agents:
    """The agents of this process. Made by `start_agents`."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        definitions: Definitions,
        timelines: Timelines,
        rosters: Rosters,
        *,
        memories: Memories,
        documents: Documents,
        notebooks: Notebooks,
        conductor: Callable[[str], Ref[Conductor]],
    ) -> None:
        self._storage = storage.agents
        self._messages = storage.messages
        self._timelines = timelines
        self._clock = clock
        self._definitions = definitions
        self._rosters = rosters
        self._joining = Joining(timelines, storage.agents)
        self.memories = memories
        """What they remember."""
        self.documents = documents
        """What they were given to read."""
        self.notebooks = notebooks
        """What those outside remember, for the answers that they give."""
        self.conductor = conductor
        """Who lets answers from outside begin, by the timeline's channel; see `cues.Admit`."""

    # -- definitions: for administrators ---------------------------------------------------------------------------------

    async def create(self, by: Principal, new: NewAgent) -> AgentDefinition:
        """Add an agent. `InvalidRequest` for a model or a tool that there is not, `Conflict` when the name is taken."""
        return await self._definitions.create(by, new)

    async def read(self, agent_id: ParticipantId) -> AgentDefinition:
        """One agent; `NotFound`."""
        return await self._definitions.get(agent_id)

    async def all(self) -> Sequence[AgentDefinition]:
        """Every agent, by id."""
        return await self._definitions.all()

    async def change(self, agent_id: ParticipantId, changes: AgentChanges) -> AgentDefinition:
        """Change what is said of an agent. Where it is a member it stays one, and its next turn is as it is then."""
        return await self._definitions.change(agent_id, changes)

    async def remove(self, agent_id: ParticipantId) -> None:
        """Remove an agent: at once nobody finds it any more, then it leaves its timelines. Its messages stay, with its name.

        When a timeline cannot be left now, that is made up for later.
        """
        agent = await self._definitions.get(agent_id)
        await self._definitions.retire(agent_id)
        await self._see_off(agent)

    async def _see_off(self, agent: AgentDefinition) -> None:
        await self._joining.leave_everything(agent)
        await self.documents.forget(agent.id)
        await self._storage.erase(agent.id)

    async def learn(self) -> None:
        """Learn what other processes have changed, and finish what a removal left undone."""
        await self._definitions.learn()
        await self.memories.look_through()
        await self.documents.look_through()
        self._rosters.learn(await self._storage.memberships())
        for agent in await self._storage.retired():
            await self._see_off(agent)

    async def purge(self) -> None:
        """Forget what was spent longer than a month ago, and what was begun to be read and never finished."""
        await self._storage.purge(before=(self._clock.now() - REMEMBERED).date())
        await self.documents.purge()

    def named(self, name: str) -> AgentDefinition | None:
        """The agent of this name, in any case, or this id, as far as this process knows."""
        return self._definitions.named(name)

    # -- answering once more: for those who may write --------------------------------------------------------------------

    async def regenerate(self, by: Principal, channel: str, message_id: MessageId, agent_id: ParticipantId) -> str:
        """Let an agent answer a message once more: the id of the answer to come, a reply like the one before, which stays.

        `Forbidden` and `NotFound` for who may not write there; else see `Regenerate`.
        """
        timeline: Ref[Any] | None = self._timelines.ref(channel)
        if timeline is None:
            raise NotFound("there is no such timeline")
        await timeline.ask(CheckWriter(by))
        question = await self._messages.get(TimelineId(timeline.key), message_id)
        if question is None:
            raise NotFound("there is no such message")
        if question.deleted_at is not None:
            raise Conflict("the message is deleted")
        return await self.conductor(channel).ask(Regenerate(agent_id, question))

    # -- joining: for those who moderate a room, or take part in a conversation ------------------------------------------

    async def join_room(self, by: Principal, room_id: TimelineId, agent_id: ParticipantId) -> Member:
        """Bring an agent into a room. One that is there already stays as it is."""
        return await self._joining.join_room(by, room_id, await self._definitions.get(agent_id))

    async def leave_room(
        self, by: Principal, room_id: TimelineId, agent_id: ParticipantId, *, goodbye: bool | None = None
    ) -> None:
        """Send an agent away. It says goodbye if it has words for it, or if `goodbye` asks for them; not if that is False."""
        await self._joining.leave_room(by, room_id, await self._definitions.get(agent_id), goodbye=goodbye)

    async def join_conversation(
        self, by: Principal, conversation_id: TimelineId, agent_id: ParticipantId
    ) -> ConversationView:
        """Bring an agent into a group."""
        return await self._joining.join_conversation(by, conversation_id, await self._definitions.get(agent_id))

    async def leave_conversation(
        self, by: Principal, conversation_id: TimelineId, agent_id: ParticipantId, *, goodbye: bool | None = None
    ) -> None:
        """Send an agent away from a conversation, in private too; as `leave_room`."""
        await self._joining.leave_conversation(
            by, conversation_id, await self._definitions.get(agent_id), goodbye=goodbye
        )
