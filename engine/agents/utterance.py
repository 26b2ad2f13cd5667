"""One answer of one agent, from the question to its message: what runs beside the turns of the agent's actor."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from enum import Enum, auto
from functools import partial
from hashlib import blake2b
from typing import Any, Final

import anyio
import structlog

from actors import AskFailed, MailboxFull, Ref
from engine.agents.agent import Agent
from engine.agents.budgets import USED_UP, beginning, limits, take_answer
from engine.agents.here import InTimeline, completed, history
from engine.agents.models import ModelFailed
from engine.agents.notebook import InNotebook, circle_of
from engine.agents.stage import Stage
from engine.agents.toolbox import Toolbox
from engine.agents.tools import Tool
from engine.agents.turn import Turn
from engine.agents.window import MOST
from engine.domain.agents import AgentDefinition
from engine.domain.answers import MemoryUsed, StopReason, ToolState
from engine.domain.documents import Chunk
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.memories import Memory
from engine.domain.messages import Message
from engine.errors import EngineError, NotFound, TryLater
from engine.timelines.answer_commands import (
    ExtendAnswer,
    FailAnswer,
    FinishAnswer,
    OpenAnswer,
    StartAnswer,
    UseMemories,
    UseTool,
)
from engine.timelines.commands import CheckWriter, Scene
from engine.timelines.shared import SharedTimeline

log = structlog.get_logger(__name__)

ABREAST: Final = 32
"""After so many pieces the timeline is waited for: an agent never runs further ahead of it."""
PAUSES: Final = (0.2, 1.0, 3.0)
"""Seconds before an answer is posted again that the database did not take."""
POSTING: Final = 10.0
"""Seconds for posting it once."""


class Outcome(Enum):
    """What became of a turn."""

    ANSWERED = auto()
    """There is a message."""
    FAILED = auto()
    """It was begun, and could not be finished; the timeline's readers have been told."""
    STOPPED = auto()
    """Someone did not want it any more."""
    SKIPPED = auto()
    """It was not begun: the agent may not write, the question is gone, there is no budget."""
    UNDONE = auto()
    """The server stops, or could not take it: after the restart it is made up for."""


class Failed(Exception):
    """The answer cannot be finished. `code` is for programs, `detail` a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def answer_id(agent_id: ParticipantId, question: Message, again: str = "") -> str:
    """The one answer of an agent to a message, whoever comes to give it, before a crash or after; another one for each `again`."""
    key = f"{agent_id}:{question.id}:{again}" if again else f"{agent_id}:{question.id}"
    return "answer-" + blake2b(key.encode(errors="replace"), digest_size=16).hexdigest()


class Utterance:
    """Brings an agent's generator and its timeline together, once.

    `agent` makes what speaks; `stopped` is told, in the timeline's turn, that nothing more is wanted. `begun` is called once, with
    the first words.
    """

    def __init__(
        self,
        stage: Stage,
        definition: AgentDefinition,
        agent: Callable[[], Agent],
        channel: str,
        question: Message,
        *,
        addressed: bool,
        again: str,
        begun: Callable[[], None],
        stopped: Callable[[str, StopReason], None],
    ) -> None:
        self.id = answer_id(definition.id, question, again)
        self.channel = channel
        self.turn: Turn | None = None
        self.text_bytes = 0
        self.due = stage.monotonic() + stage.settings.first
        """When it is overdue, by the stage's monotonic clock; moves with every piece."""
        self._ends = stage.monotonic() + stage.settings.total
        self._stage = stage
        self._definition = definition
        self._by = definition.principal
        self._agent = agent
        self._question = question
        self._addressed = addressed
        self._begun = begun
        self._stopped = stopped
        self._ref: Ref[SharedTimeline] = stage.timeline(channel)
        self._unsaid = ""
        self._pieces = 0
        self.counted = False
        """Whether it is counted among the answers of the day already."""

    @property
    def stalled(self) -> Failed:
        """Why it fails when it is overdue."""
        settings = self._stage.settings
        if self.due >= self._ends:
            return Failed("timeout", f"the agent took longer than {settings.total:g} seconds")
        if not self._pieces:
            return Failed("first_token_timeout", f"the agent said nothing for {settings.first:g} seconds")
        return Failed("stalled", f"the agent stopped in the middle, for {settings.between:g} seconds")

    def stop(self, answer_id: str, reason: StopReason) -> None:
        """See `AnswerAuthor`."""
        self._stopped(answer_id, reason)

    def failing(self, failed: Failed) -> FailAnswer:
        """What to tell the timeline when it fails."""
        return FailAnswer(self._by, self.id, failed.code, failed.detail)

    async def run(self) -> Outcome:
        """Answer. Raises nothing that could be foreseen."""
        try:
            over, scene = await self._start()
        except (EngineError, AskFailed) as refusal:
            log.info("agent.silent", agent=self._definition.id, timeline=self.channel, reason=str(refusal))
            return Outcome.UNDONE if isinstance(refusal, TryLater) else Outcome.SKIPPED
        if over is not None and not self._addressed:
            return Outcome.SKIPPED
        try:
            if over is not None:
                raise Failed("budget_exceeded", USED_UP[over])
            assert scene is not None
            await self._speak(scene)
            return await self._finish()
        except Exception as error:  # noqa: BLE001 - a boundary: whatever an agent raises is this answer's failure alone
            failed = self._failure(error)
        with suppress(EngineError, AskFailed):
            await self._ref.ask(self.failing(failed))
        return Outcome.FAILED

    def _failure(self, error: Exception) -> Failed:
        match error:
            case Failed():
                return error
            case ModelFailed():
                return Failed(error.code, error.detail)
            case EngineError():
                return Failed(error.code, str(error))
            case AskFailed():
                return Failed("overloaded", "the server has too much to do; ask again")
            case _:
                log.error("agent.failed", agent=self._definition.id, timeline=self.channel, exc_info=error)
                return Failed("agent_failed", "the agent failed, by a fault of its own")

    async def _start(self) -> tuple[str | None, Scene | None]:
        """Begin; the name of the budget that is used up, if one is: then nothing has begun, unless somebody would notice.

        And the scene, if it has begun: as it stands now. What is edited there from now on ends the answer.
        """
        start = StartAnswer(self._by, self.id, self._question.id, self)
        scene, pauses = None, iter(PAUSES)
        while True:
            try:
                over = await self._over_budget()
                if over is None or self._addressed:
                    async with beginning(self._stage, start, TimelineId(self._ref.key)):
                        scene = await self._ref.ask(OpenAnswer(start, self._question.offset, MOST))
            except TryLater:
                if (pause := next(pauses, None)) is None:
                    raise
                await anyio.sleep(pause)
            else:
                return over, scene

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def _speak(self, scene: Scene) -> None:
        agent = self._agent()
        turn = await self._look(scene, remembers=agent.remembers)
        pieces: AsyncIterator[str] = agent.respond(turn)
        async with aclosing(_closable(pieces)) as closable:
            async for piece in closable:
                self.due = min(self._stage.monotonic() + self._stage.settings.between, self._ends)
                if piece:
                    await self._say(piece)
        while self._unsaid:
            await self._extend(wait=True)

    async def _say(self, piece: str) -> None:
        if not isinstance(piece, str):
            raise TypeError(f"an agent yields text, not {type(piece).__name__}")
        if not self._pieces:
            self._begun()
        self._pieces += 1
        self._unsaid += piece
        self.text_bytes += len(piece.encode(errors="replace"))
        await self._extend(wait=self._pieces % ABREAST == 0)

    async def _extend(self, *, wait: bool) -> None:
        """Pass on what was not passed on yet. A timeline that has too much to do gets it with the next piece."""
        extend = ExtendAnswer(self._by, self.id, self._unsaid)
        try:
            if wait:
                await self._ref.ask(extend)
            else:
                self._ref.tell(extend)
        except MailboxFull:
            await anyio.sleep(PAUSES[0])
        else:
            self._unsaid = ""

    async def _finish(self) -> Outcome:
        assert self.turn is not None
        language = self.turn.answer_language or self._definition.language or self._question.language
        finish = FinishAnswer(self._by, self.id, language=language)
        for pause in (*PAUSES, None):
            self.due = self._stage.monotonic() + 2 * POSTING
            try:
                await self._ref.ask(finish, timeout=POSTING)
            except (TryLater, AskFailed):
                if pause is None:
                    raise
                await anyio.sleep(pause)
            except NotFound:
                return Outcome.STOPPED
            except EngineError as refusal:  # the timeline has told its readers
                log.info("agent.not_posted", agent=self._definition.id, timeline=self.channel, reason=str(refusal))
                return Outcome.FAILED
            else:
                break
        return Outcome.ANSWERED

    # -- what it is given ----------------------------------------------------------------------------------------------

    async def _look(self, scene: Scene, *, remembers: bool) -> Turn:
        definition, asked = self._definition, self._question
        scene = await completed(scene, self._stage.around, asked)
        # It may have been edited while it waited for this turn.
        question = self._question = next((each for each in scene.messages if each.id == asked.id), asked)
        room, conversation = scene.room, scene.conversation
        title = room.name if room is not None else conversation.title if conversation is not None else None
        here = InTimeline(self._stage.around, self._ref, self._by, question, scene)
        spoken = definition.language or question.language or (room.language if room is not None else None)
        turn = self.turn = Turn(
            agent=definition,
            message=question,
            history=history(scene, self._stage.settings.context_tokens, definition.id),
            here=here,
            now=self._stage.clock.now(),
            channel=self.channel,
            title=title,
            members=scene.members,
            language=spoken,
        )
        turn.notebook = InNotebook(self._stage.memories, definition.id, circle_of(scene, question), question.id)
        if remembers:
            turn.memories = await self._recall(turn.notebook)
            turn.documents = await self._consult()
        tools = self._stage.registry.tools(definition.tools)
        turn.tools = Toolbox({each.name: (each.spec, partial(self._use, each, turn)) for each in tools}, self._show)
        return turn

    async def _recall(self, notebook: InNotebook) -> tuple[Memory, ...]:
        """What the agent remembers that bears on the question; readers are told. When that cannot be read, it answers without."""
        try:
            recalled = await notebook.recall(self._question.text, self._stage.settings.memory_tokens)
        except EngineError as refusal:
            log.warning("agent.not_recalled", agent=self._definition.id, timeline=self.channel, reason=str(refusal))
            return ()
        if recalled:
            used = tuple(MemoryUsed(each.id, each.about) for each in recalled)
            with suppress(AskFailed):
                self._ref.tell(UseMemories(self._by, self.id, used))
        return recalled

    async def _consult(self) -> tuple[Chunk, ...]:
        """What of its documents bears on the question. When that cannot be read, it answers without."""
        try:
            return await self._stage.documents.consult(self._definition.id, self._question.text)
        except EngineError as refusal:
            log.warning("agent.not_informed", agent=self._definition.id, timeline=self.channel, reason=str(refusal))
            return ()

    async def _use(self, tool: Tool, turn: Turn, arguments: dict[str, Any]) -> object:
        if tool.writes:
            await self._ref.ask(CheckWriter(self._by))
        return await tool.run(turn, arguments)

    def _show(self, name: str, state: ToolState) -> None:
        with suppress(AskFailed):
            self._ref.tell(UseTool(self._by, self.id, name, state))

    # -- what it costs -------------------------------------------------------------------------------------------------

    async def _over_budget(self) -> str | None:
        """Take one answer from the budgets, if there are any: the name of the one that is used up."""
        if limits(self._stage, self._definition).unlimited:
            return None  # the first word need not wait for the database
        over = await take_answer(self._stage, self._definition, TimelineId(self._ref.key), self.id)
        self.counted = over is None
        return over


def _closable(pieces: AsyncIterator[str]) -> Any:
    """An async generator, which is what agents are asked to write; for anything else TypeError."""
    if not hasattr(pieces, "aclose"):
        raise TypeError("respond is to be an async generator: an `async def` method that yields")
    return pieces
