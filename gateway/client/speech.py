"""One answer of an agent outside: from the question to its message, whatever becomes of the connection and of the server.

The generator runs beside the calls that pass its text on, and knows nothing of them. A call that was not answered is made again:
the answer has an id that belongs to agent and question, and each piece says where it stands, so nothing is taken twice. A server
that was killed has forgotten the answer: it is started again there, with the text so far.
"""

from collections.abc import Callable
from contextlib import aclosing
from enum import Enum, auto
from typing import Any, Final

import anyio
import anyio.lowlevel
import structlog

from engine.agents.agent import Agent
from engine.agents.turn import Turn
from engine.agents.utterance import answer_id
from gateway.client.connection import CallFailed, Connection
from gateway.client.elsewhere import page
from gateway.client.remote import Refused, Remote, Unreachable, timeline_path

INTERVAL: Final = 0.05
"""Seconds between two pieces that are passed on, at least."""
PIECE: Final = 8_000
"""Characters of one piece at most."""
RETRY: Final = 0.3
"""Seconds until a call is made again that was not answered."""
PATIENCE: Final = 50
"""How often an answer is begun again at most: longer than the server waits for an author who was disconnected."""
TOTAL: Final = 600.0
"""Seconds for an answer, with everything that comes between."""
_LOOKED_AT: Final = 50

log = structlog.get_logger(__name__)


class Outcome(Enum):
    """What became of an answer."""

    ANSWERED = auto()
    FAILED = auto()
    STOPPED = auto()


class Speech:
    """Brings a generator and its timeline together, once."""

    def __init__(self, connection: Connection, remote: Remote, agent: Agent, turn: Turn) -> None:
        self.id = answer_id(turn.agent.id, turn.message)
        self._connection = connection
        self._remote = remote
        self._agent = agent
        self._turn = turn
        self._text = ""
        self._fault: str | None = None
        self._over = False
        self._interrupted = False
        self._more = anyio.Event()
        self._scope = anyio.CancelScope()

    def stop(self) -> None:
        """Nobody wants it any more: the timeline has ended it."""
        self._turn.cancelled = True
        self._scope.cancel()

    async def run(self) -> Outcome:
        """Answer. What the agent raises fails the answer and nothing else."""
        outcome = Outcome.STOPPED
        with self._scope:
            self._scope.deadline = anyio.current_time() + TOTAL
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._generate)
                outcome = await self._pass_on()
                tasks.cancel_scope.cancel()
        return outcome

    async def _generate(self) -> None:
        try:
            pieces: Any = self._agent.respond(self._turn)
            async with aclosing(pieces):
                async for piece in pieces:
                    self._text += piece
                    self._wake()
                    await anyio.lowlevel.checkpoint()
        except Exception:  # a boundary: whatever an agent raises is this answer's failure alone
            log.exception("agent.failed", agent=self._turn.agent.id, timeline=self._turn.channel)
            self._fault = "the agent failed, by a fault of its own"
        self._over = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = anyio.Event()

    async def _pass_on(self) -> Outcome:
        started, told, patience = False, 0, PATIENCE
        while patience:
            try:
                if not started:
                    await self._start()
                    started, told = True, 0
                elif told < len(self._text):
                    piece = self._text[told : told + PIECE]
                    await self._call("answer.delta", text=piece, at=told)
                    told += len(piece)
                    await anyio.sleep(INTERVAL)
                elif not self._over:
                    await self._more.wait()
                elif self._fault is not None:
                    await self._call("answer.fail", code="agent_failed", detail=self._fault)
                    return Outcome.FAILED
                else:
                    return await self._finish()
            except CallFailed as failed:
                if failed.final or (not started and failed.code == "rate_limited"):  # the agent rests
                    if failed.code not in {"not_found", "conflict"} or await self._is_over():
                        log.info("agent.answer_ended", timeline=self._turn.channel, reason=str(failed))
                        return Outcome.STOPPED
                    # Not found: a server that was started again has forgotten it. Conflict: the question is gone, or an
                    # earlier self of this program has begun it and has some seconds to come back.
                    started = False
                    patience -= 1
                self._interrupted = self._interrupted or failed.interrupted
                await anyio.sleep(RETRY)
        return Outcome.FAILED

    async def _start(self) -> None:
        try:
            await self._call("answer.start", question=self._turn.message.id)
        except CallFailed as failed:
            if failed.code != "conflict" or not self._interrupted:
                raise
        self._interrupted = False  # it has begun, now or by a call whose answer was lost

    async def _finish(self) -> Outcome:
        turn = self._turn
        language = turn.agent.language or turn.message.language
        await self._call("answer.finish", client_id=self.id, language=language)
        return Outcome.ANSWERED

    async def _call(self, method: str, **data: Any) -> Any:
        return await self._connection.call(method, {"timeline": self._turn.channel, "answer_id": self.id, **data})

    async def _is_over(self) -> bool:
        """Whether there is a message of this answer, whole or not: then the server has not lost it."""
        while True:
            try:
                recent = await page(self._remote, timeline_path(self._turn.channel), limit=_LOOKED_AT)
            except Unreachable:
                await anyio.sleep(RETRY)
            except Refused:
                return True  # this agent is no member any more
            else:
                return any(self.id in {each.answer_id, each.client_id} for each in recent)


Make = Callable[[], Agent]
"""Makes what speaks in one timeline: usually the class itself."""
