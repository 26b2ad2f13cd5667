"""The notebooks of agents outside: while one gives an answer, what an agent inside would have in that turn.

Who is asked, and so of whom and where something may be remembered, is never said by the program: it is the question of the answer that
it has in progress (`Circle` in `engine.domain.memories` is the rule).
"""

from collections.abc import Sequence

from actors import Ref
from engine.agents.documents import Documents
from engine.agents.memories import Memories
from engine.agents.notebook import InNotebook, circle_of
from engine.domain.answers import MemoryUsed
from engine.domain.documents import Chunk
from engine.domain.fields import TimelineId
from engine.domain.memories import Memory, MemoryId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.errors import NotFound
from engine.storage.repositories import Messages
from engine.timelines.answer_commands import ReadQuestion, UseMemories
from engine.timelines.commands import ReadScene
from engine.timelines.shared import SharedTimeline


class Notebooks:
    """Everything is `NotFound` but for the author of an answer in progress. `budget` as `Turn.memories` has it, in tokens."""

    def __init__(self, memories: Memories, documents: Documents, messages: Messages, budget: int) -> None:
        self._memories = memories
        self._documents = documents
        self._messages = messages
        self._budget = budget

    async def recall(self, by: Principal, timeline: Ref[SharedTimeline], answer_id: str) -> tuple[Memory, ...]:
        """What the agent remembers that bears on the question, oldest first; readers are told that it is used."""
        notebook, question = await self._open(by, timeline, answer_id)
        recalled = await notebook.recall(question.text, self._budget)
        if recalled:
            used = tuple(MemoryUsed(each.id, each.about) for each in recalled)
            await timeline.ask(UseMemories(by, answer_id, used))
        return recalled

    async def consult(self, by: Principal, timeline: Ref[SharedTimeline], answer_id: str) -> tuple[Chunk, ...]:
        """What of the agent's documents bears on the question, in the order in which it is read."""
        return await self._documents.consult(by.id, (await self._question(by, timeline, answer_id)).text)

    async def remember(
        self, by: Principal, timeline: Ref[SharedTimeline], answer_id: str, text: str, keywords: Sequence[str]
    ) -> Memory:
        """Remember something of the one who asks; see `Memories.learn`."""
        notebook, _ = await self._open(by, timeline, answer_id)
        return await notebook.remember(text, keywords)

    async def forget(self, by: Principal, timeline: Ref[SharedTimeline], answer_id: str, memory_id: MemoryId) -> None:
        """Forget something that the agent knows here of the one who asks."""
        notebook, _ = await self._open(by, timeline, answer_id)
        await notebook.forget(memory_id)

    async def _question(self, by: Principal, timeline: Ref[SharedTimeline], answer_id: str) -> Message:
        question_id = await timeline.ask(ReadQuestion(by, answer_id))
        question = await self._messages.get(TimelineId(timeline.key), question_id)
        if question is None:
            raise NotFound("there is no such question any more")
        return question

    async def _open(self, by: Principal, timeline: Ref[SharedTimeline], answer_id: str) -> tuple[InNotebook, Message]:
        question = await self._question(by, timeline, answer_id)
        scene = await timeline.ask(ReadScene(by, question.id, question.offset, 1))
        return InNotebook(self._memories, by.id, circle_of(scene, question), question.id), question
