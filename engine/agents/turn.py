"""One turn of an agent: what it is asked, by whom, and everything that it may know and do while it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.agents.toolbox import NO_TOOLS, Toolbox
from engine.domain.agents import AgentDefinition
from engine.domain.documents import Chunk
from engine.domain.memories import Memory, MemoryId
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.domain.rooms import Member


class Here(Protocol):
    """The timeline around a turn, as its members may see it: nothing that was said after the question."""

    async def search(self, text: str, *, limit: int = 10) -> Sequence[Message]:
        """Messages with these words, newest first; see `engine.search.query` for what may be typed. None for no words at all."""
        ...

    async def messages(self, *, before: int | None = None, limit: int = 50) -> Sequence[Message]:
        """Messages with offsets below `before` (None: up to the question), newest first, at most 100."""
        ...

    async def members(self) -> Sequence[Member]:
        """Who is here, in the order in which they joined; of many the first 200."""
        ...


class Notebook(Protocol):
    """Where an agent writes down what it learns in a turn, of the one who asks. Refusals are `EngineError`s."""

    async def remember(self, text: str, keywords: Sequence[str] = ()) -> Memory:
        """Remember something: here, and in private with that person. `keywords` are other words by which to find it."""
        ...

    async def forget(self, memory_id: MemoryId) -> None:
        """Forget something that the agent knows here of the one who asks."""
        ...


@dataclass(slots=True, kw_only=True)
class Turn:
    """A message to answer, and what surrounds it.

    `history` are the messages up to and including `message`, oldest first, as many as the token budget holds; after it come
    only the answers that other agents have already given to the same message. `language` is what to answer in, if anybody
    has said; `channel` names the timeline, `title` is what people call it. `memories` are those of the agent that may be used here and
    bear on the question, oldest first; the tools `remember` and `forget` write into `notebook`, None where there is none. `documents` are
    the parts of its documents that bear on it, in the order in which they are read.
    """

    agent: AgentDefinition
    message: Message
    history: tuple[Message, ...]
    here: Here
    now: datetime
    channel: str = ""
    title: str | None = None
    members: tuple[Member, ...] = ()
    language: str | None = None
    memories: tuple[Memory, ...] = ()
    documents: tuple[Chunk, ...] = ()
    notebook: Notebook | None = None
    tools: Toolbox = NO_TOOLS
    cancelled: bool = field(default=False, init=False)
    """Whether the answer has been stopped: what is still yielded is heard by nobody. For agents that do not await."""
    tokens: int | None = field(default=None, init=False)
    """What the answer has cost so far; None: nobody has said, and it is estimated by the length of the text."""

    answer_language: str | None = field(default=None, init=False)
    """What the answer is written in (BCP 47), where that is not `language`; an agent that knows better says so."""

    @property
    def asker(self) -> Participant:
        """Who wrote the message."""
        return self.message.author

    def spend(self, tokens: int) -> None:
        """Count what the answer costs, against the agent's and the room's budgets."""
        self.tokens = (self.tokens or 0) + tokens
