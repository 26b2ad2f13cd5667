"""One answer of an agent outside against a server that refuses, forgets, and loses what it is told."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from actors.testing.asyncio_scheduler import AsyncioScheduler
from engine.agents.agent import Agent
from engine.agents.turn import Turn
from engine.domain.messages import Message
from engine.errors import Conflict, NotFound
from gateway.client.connection import CallFailed
from gateway.client.elsewhere import Elsewhere
from gateway.client.notebook import NotebookElsewhere
from gateway.client.speech import PATIENCE, Speech
from tests.gateway.client.test_place import BOT, agent, said

pytestmark = pytest.mark.anyio

Script = Callable[[Turn, "Server"], AsyncGenerator[str]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", AsyncioScheduler(None).options


class Server:
    """Stands for the connection and for the interface, as far as an answer needs them."""

    channel = "room:1"

    def __init__(self) -> None:
        self.question = said(1)
        self.answers: dict[str, str] = {}
        self.posted: list[str] = []
        self.failed: list[tuple[str, str]] = []
        self.tools: list[str] = []
        self.remembered: list[str] = []
        self.refusal: CallFailed | None = None
        """What `answer.start` is refused with, for a number of times."""
        self.refusals = PATIENCE
        self.lost: list[str] = []
        """Methods whose next reply is lost."""
        self.starts = 0
        self.deltas: list[str] = []
        self.speech: Speech | None = None

    async def call(self, method: str, data: Any, body: Any = None) -> Any:
        if not isinstance(data, dict):
            return await self._ask(method, body)
        await anyio.sleep(0.01)
        self._carry_out(method.removeprefix("answer."), **data)
        if method in self.lost:
            self.lost.remove(method)
            raise CallFailed("the server did not answer", final=False, interrupted=True)
        return {}

    def _carry_out(self, method: str, *, timeline: str, answer_id: str, **data: Any) -> None:
        assert timeline == self.channel
        if method == "start":
            self.starts += 1
            if self.refusal is not None and self.starts <= self.refusals:
                raise self.refusal
            if answer_id in self.answers:
                raise CallFailed("conflict", final=True, code="conflict")
            self.answers[answer_id] = ""
            return
        if answer_id not in self.answers:
            raise CallFailed("not found", final=True, code="not_found")
        so_far = self.answers[answer_id]
        match method:
            case "delta":
                assert data["at"] <= len(so_far)
                self.deltas.append(data["text"])
                self.answers[answer_id] += data["text"][len(so_far) - data["at"] :]
            case "finish":
                self.posted.append(self.answers.pop(answer_id))
            case "fail":
                self.failed.append((data["code"], self.answers.pop(answer_id)))
            case _:
                self.tools.append(f"{data['name']} {data['state']}")

    async def _ask(self, method: str, body: Any) -> Any:
        if not self.answers:
            raise NotFound("there is no such answer in progress")
        assert method == "POST"
        self.remembered.append(body["text"])
        now = datetime.now(UTC).isoformat()
        ids = {"id": "m", "agent_id": BOT.id, "about": None, "timeline_id": None, "message_id": None}
        return {**ids, "text": body["text"], "created_at": now, "updated_at": now}

    async def message(self, _message_id: str) -> Message:
        return self.question

    async def page(self, *, limit: int) -> list[Message]:
        assert limit
        return [said(2, BOT, answer_id=answer_id) for answer_id in self.posted]

    def connected_again(self) -> None:
        """The connection was lost and stands again."""
        assert self.speech is not None
        self.speech.reconnected()


async def speak(server: Server, script: Script) -> None:
    """Give one answer, whatever becomes of it."""

    class Mind(Agent):
        async def respond(self, turn: Turn) -> AsyncIterator[str]:
            async for piece in script(turn, server):
                yield piece

    async def look(speech: Speech) -> Turn:
        here = Elsewhere(server, server.question, ())  # type: ignore[arg-type] # stands for it
        notebook = NotebookElsewhere(server, speech.id, speech.renew)  # type: ignore[arg-type]
        return Turn(
            agent=agent(), message=server.question, history=(), here=here, now=datetime.now(UTC), notebook=notebook
        )

    server.speech = Speech(server, server, server.question, by=BOT.id, mind=Mind(), look=look)  # type: ignore[arg-type]
    await server.speech.run()


async def two_words(_turn: Turn, _server: Server) -> AsyncGenerator[str]:
    yield "one "
    await anyio.sleep(1)
    yield "two"


async def test_what_it_says_is_passed_on_and_posted() -> None:
    server = Server()

    await speak(server, two_words)

    assert (server.posted, server.starts, server.answers) == (["one two"], 1, {})


@pytest.mark.parametrize("code", ["rate_limited", "quota_exceeded", "permission denied"])
async def test_who_may_not_begin_is_not_asked(code: str) -> None:
    server, asked = Server(), []
    server.refusal = CallFailed(code, final=code != "rate_limited", code=code)

    async def script(turn: Turn, _server: Server) -> AsyncGenerator[str]:
        asked.append(turn)
        yield "never"

    await speak(server, script)

    assert (asked, server.starts) == ([], 1)


@pytest.mark.parametrize("method", ["answer.start", "answer.delta"])
async def test_a_call_whose_reply_is_lost_is_made_again_and_nothing_is_said_twice(method: str) -> None:
    server = Server()
    server.lost = [method]

    await speak(server, two_words)

    assert server.posted == ["one two"]


async def test_a_server_that_has_forgotten_an_answer_is_told_it_again() -> None:
    server = Server()

    async def script(_turn: Turn, server: Server) -> AsyncGenerator[str]:
        yield "one "
        await anyio.sleep(1)
        server.answers.clear()
        yield "two"

    await speak(server, script)

    assert (server.posted, server.starts) == (["one two"], 2)


async def test_what_is_to_be_remembered_waits_until_the_answer_is_in_progress_again() -> None:
    server = Server()

    async def script(turn: Turn, server: Server) -> AsyncGenerator[str]:
        assert turn.notebook is not None
        yield "one "
        await anyio.sleep(1)
        server.answers.clear()
        await turn.notebook.remember("likes tea")
        yield "two"

    await speak(server, script)

    assert (server.remembered, server.posted, server.starts) == (["likes tea"], ["one two"], 2)


async def test_whoever_comes_back_in_the_middle_of_an_answer_says_so_at_once() -> None:
    server = Server()

    async def script(_turn: Turn, server: Server) -> AsyncGenerator[str]:
        yield "one"
        await anyio.sleep(1)
        server.connected_again()
        await anyio.sleep(60)
        said_meanwhile.extend(server.deltas)
        yield " two"

    said_meanwhile: list[str] = []
    await speak(server, script)

    assert said_meanwhile == ["one", "e"]
    assert server.posted == ["one two"]


async def test_an_answer_whose_question_has_changed_is_not_begun_again() -> None:
    server = Server()

    async def script(_turn: Turn, server: Server) -> AsyncGenerator[str]:
        yield "one "
        await anyio.sleep(1)
        server.answers.clear()
        server.question = said(1, edited_at=datetime.now(UTC))
        yield "two"

    await speak(server, script)

    assert (server.posted, server.starts) == ([], 1)


async def test_an_earlier_self_is_followed_when_it_has_let_go() -> None:
    server = Server()
    server.refusal, server.refusals = CallFailed("conflict", final=True, code="conflict"), 3

    await speak(server, two_words)

    assert (server.posted, server.starts) == (["one two"], 4)


async def test_an_earlier_self_that_does_not_let_go_is_waited_for_a_while() -> None:
    server = Server()
    server.refusal = CallFailed("conflict", final=True, code="conflict")

    await speak(server, two_words)

    assert (server.posted, server.starts) == ([], PATIENCE)


async def test_a_refusal_fails_the_answer_with_its_code_as_inside() -> None:
    server = Server()

    async def script(_turn: Turn, _server: Server) -> AsyncGenerator[str]:
        yield "well, "
        raise Conflict("too many things")

    await speak(server, script)

    assert server.failed == [("conflict", "well, ")]
