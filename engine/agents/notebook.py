"""What an agent remembers in one turn, and what it may learn and unlearn."""

from collections.abc import Sequence

from engine.agents.memories import Memories
from engine.agents.recalling import recall
from engine.domain.fields import ConversationKind, MessageId, ParticipantId, TimelineId
from engine.domain.memories import Circle, Memory, MemoryId
from engine.domain.messages import Message
from engine.timelines.commands import Scene


class InNotebook:
    """See `turn.Notebook`."""

    def __init__(self, memories: Memories, agent_id: ParticipantId, circle: Circle, message_id: MessageId) -> None:
        self._memories = memories
        self._agent_id = agent_id
        self._circle = circle
        self._message_id = message_id

    async def recall(self, question: str, budget: int) -> tuple[Memory, ...]:
        """What the agent may use here and bears on the question, oldest first, as much as fits into so many tokens."""
        return recall(await self._memories.within(self._agent_id, self._circle), question, budget) if budget else ()

    async def remember(self, text: str, keywords: Sequence[str] = ()) -> Memory:
        """See `Notebook.remember`."""
        return await self._memories.learn(self._agent_id, self._circle, self._message_id, text, keywords)

    async def forget(self, memory_id: MemoryId) -> None:
        """See `Notebook.forget`."""
        await self._memories.unlearn(self._agent_id, self._circle, memory_id)


def circle_of(scene: Scene, question: Message) -> Circle:
    """Within which circle a question is answered."""
    conversation = scene.conversation
    private = conversation is not None and conversation.kind is ConversationKind.PRIVATE
    return Circle(question.author.id, TimelineId(question.timeline_id), private)
