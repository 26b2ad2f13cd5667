"""One answer of an agent outside: from the question to its message, whatever becomes of the connection and of the server.

The server decides whether it begins: an agent that has to rest, has used up its budget, or has talked enough with other agents is not
asked. The generator runs beside the calls that pass its text on, and knows nothing of them. A call that was not answered is made
again: the answer has an id that belongs to agent and question, and each piece says where it stands, so nothing is taken twice. A
server that was killed has forgotten the answer: it is started again there, with the text so far.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

import anyio
import anyio.lowlevel
import structlog

from engine.agents.agent import Agent
from engine.agents.models import ModelFailed
from engine.agents.turn import Turn
from engine.agents.utterance import answer_id
from engine.domain.answers import ToolState
from engine.domain.fields import ParticipantId
from engine.domain.messages import Message
from engine.errors import EngineError
from gateway.client.asking import RETRY, Asking
from gateway.client.connection import CallFailed, Connection

INTERVAL: Final = 0.05
"""Seconds between two pieces that are passed on, at least."""
PIECE: Final = 8_000
"""Characters of one piece at most."""
PATIENCE: Final = 50
"""How often an answer is begun again at most: longer than the server waits for an author who was disconnected."""
TOTAL: Final = 600.0
"""Seconds for an answer, with everything that comes between."""
_LOOKED_AT: Final = 50
_DETAIL: Final = 500

log = structlog.get_logger(__name__)


class Speech:
    """Brings a generator and its timeline together, once. `look` makes the turn, when the answer has begun."""

    def __init__(
        self,
        connection: Connection,
        asking: Asking,
        question: Message,
        *,
        by: ParticipantId,
        mind: Agent,
        look: Callable[["Speech"], Awaitable[Turn]],
    ) -> None:
        self.id = answer_id(by, question)
        self.asking = asking
        self.question = question
        self.mind = mind
        self._connection = connection
        self._channel = asking.channel
        self._look = look
        self._turn: Turn | None = None
        self._text = ""
        self._told = 0
        """How many characters of the text the server has."""
        self._tools: deque[tuple[str, ToolState]] = deque()
        """What readers are still to be shown."""
        self._fault: tuple[str, str] | None = None
        self._over = False
        self._ours = False
        """Whether it was in progress once: then a server that says so again means this one."""
        self._in_progress = anyio.Event()
        self._interrupted = False
        self._more = anyio.Event()
        self._scope = anyio.CancelScope()

    def stop(self) -> None:
        """Nobody wants it any more: the timeline has ended it."""
        if self._turn is not None:
            self._turn.cancelled = True
        self._scope.cancel()

    def reconnected(self) -> None:
        """Tell the server something that it has already: so it knows that the author of this answer is back."""
        self._told = max(0, self._told - 1)
        self._wake()

    def show(self, name: str, state: ToolState) -> None:
        """Let readers see that a tool is used. Returns at once."""
        self._tools.append((name, state))
        self._wake()

    async def renew(self) -> None:
        """Begin it again, for the server may have forgotten it; returns when it is in progress."""
        self._doubt()
        self._wake()
        await self._in_progress.wait()

    async def run(self) -> None:
        """Answer. What the agent raises fails the answer and nothing else."""
        with self._scope:
            self._scope.deadline = anyio.current_time() + TOTAL
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._generate)
                await self._pass_on()
                tasks.cancel_scope.cancel()

    # -- what it says --------------------------------------------------------------------------------------------------

    async def _generate(self) -> None:
        try:
            await self._in_progress.wait()
            turn = self._turn = await self._look(self)
            self.question = turn.message
            pieces: Any = self.mind.respond(turn)
            async with aclosing(pieces):
                async for piece in pieces:
                    self._text += piece
                    self._wake()
                    await anyio.lowlevel.checkpoint()
        except ModelFailed as failure:
            self._fault = failure.code, failure.detail
        except EngineError as refusal:
            self._fault = refusal.code, str(refusal)
        except Exception:  # a boundary: whatever an agent raises is this answer's failure alone
            log.exception("agent.failed", timeline=self._channel)
            self._fault = "agent_failed", "the agent failed, by a fault of its own"
        self._over = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = anyio.Event()

    # -- what the server is told ---------------------------------------------------------------------------------------

    async def _pass_on(self) -> None:
        patience = PATIENCE
        while patience:
            try:
                if await self._step():
                    return
            except CallFailed as failed:
                refused = failed.code == "rate_limited" and not self._in_progress.is_set()
                if failed.final or refused:
                    if failed.code not in {"not_found", "conflict"} or await self._is_over():
                        log.info("agent.answer_ended", timeline=self._channel, reason=str(failed))
                        return
                    # Not found: a server that was started again has forgotten it. Conflict: an earlier self of this program
                    # has begun it, and has some seconds to come back.
                    self._doubt()
                    patience -= 1
                self._interrupted = self._interrupted or failed.interrupted
                await anyio.sleep(RETRY)

    def _doubt(self) -> None:
        """It may not be in progress: the next call begins it. Who waits for that already goes on waiting."""
        if self._in_progress.is_set():
            self._in_progress = anyio.Event()

    async def _step(self) -> bool:
        """Make the next call, or wait until there is one to make; whether it was the last."""
        if not self._in_progress.is_set():
            await self._start()
        elif self._tools:
            name, state = self._tools[0]
            await self._call("answer.tool", name=name, state=state)
            self._tools.popleft()
        elif self._told < len(self._text):
            piece = self._text[self._told : self._told + PIECE]
            await self._call("answer.delta", text=piece, at=self._told)
            self._told += len(piece)
            await anyio.sleep(INTERVAL)
        elif not self._over:
            await self._more.wait()
        elif self._fault is not None:
            code, detail = self._fault
            await self._call("answer.fail", code=code, detail=detail[:_DETAIL])
            return True
        else:
            await self._finish()
            return True
        return False

    async def _start(self) -> None:
        try:
            await self._call("answer.start", question=self.question.id)
        except CallFailed as failed:
            if failed.code != "conflict" or not (self._interrupted or self._ours):
                raise
        self._interrupted = False  # it has begun, now or by a call whose answer was lost
        self._ours, self._told = True, 0
        self._in_progress.set()

    async def _finish(self) -> None:
        assert self._turn is not None
        language = self._turn.answer_language or self._turn.agent.language or self.question.language
        await self._call("answer.finish", client_id=self.id, language=language)

    async def _call(self, method: str, **data: Any) -> Any:
        return await self._connection.call(method, {"timeline": self._channel, "answer_id": self.id, **data})

    async def _is_over(self) -> bool:
        """Whether the server has not lost it: there is a message of it, whole or not, or its question has changed."""
        try:
            now = await self.asking.message(self.question.id)
            recent = await self.asking.page(limit=_LOOKED_AT)
        except EngineError:
            return True  # this agent is no member any more
        changed = now.deleted_at is not None or now.edited_at != self.question.edited_at
        return changed or any(self.id in {each.answer_id, each.client_id} for each in recent)


Make = Callable[[], Agent]
"""Makes what speaks in one timeline: usually the class itself."""
