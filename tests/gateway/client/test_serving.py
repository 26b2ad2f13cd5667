"""An agent outside, whole: the class that would run inside, over real sockets, bound by what the server says of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from engine.agents.agent import Agent
from engine.agents.toolbox import ToolFailed
from engine.agents.turn import Turn
from engine.domain.memories import MemoryId
from engine.errors import EngineError, NotFound
from gateway.client.serving import serve
from tests.gateway.test_answers import OUTSIDE, Conversant, reader, room
from tests.gateway.test_documents import GUIDE, upload
from tests.storage.made import new_id
from tests.support.rest import Client, Person

__all__ = ["reader", "room"]

pytestmark = pytest.mark.anyio

Say = Callable[[Turn], Awaitable[str]]


async def plainly(turn: Turn) -> str:
    return f"to {turn.message.text}"


@dataclass
class Bot:
    """An agent that a program in this process speaks for, and every turn that it was given."""

    server: str
    key: str
    say: Say = plainly
    turns: list[Turn] = field(default_factory=list)

    def mind(self) -> Agent:
        bot = self

        class Mind(Agent):
            async def respond(self, turn: Turn) -> AsyncIterator[str]:
                bot.turns.append(turn)
                yield await bot.say(turn)

        return Mind()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, self.server, self.key, self.mind)
            yield
            tasks.cancel_scope.cancel()


@dataclass
class Stage:
    """A room where Ada says something, and hears everything."""

    client: Client
    root: Person
    ada: Person
    reader: Conversant
    room: str

    async def bot(self, name: str = "outside", **fields: Any) -> Bot:
        """An agent outside, in the room."""
        defined = await self.root.post("/agents", {**OUTSIDE, "name": name, **fields})
        assert defined.status == 201, defined.body
        made = await self.root.post("/me/api-keys", {"name": "program", "agent_id": defined.body["id"]})
        await self.ada.put(f"/rooms/{self.room}/agents/{defined.body['id']}")
        return Bot(str(self.client.make_url("/")), made.body["key"])

    async def say(self, text: str) -> None:
        await self.ada.say(self.room, text)

    async def answered(self, text: str) -> None:
        """Wait for an answer with this text."""
        with anyio.fail_after(20):
            while text not in [each["message"]["text"] for each in self.heard("message.posted")]:
                await self.reader.listen()

    def heard(self, *kinds: str) -> list[dict[str, Any]]:
        return [each for each in self.reader.heard if each["type"] in kinds]


@pytest.fixture
def stage(client: Client, root: Person, ada: Person, reader: Conversant, room: str) -> Stage:
    return Stage(client, root, ada, reader, room)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another task brings about."""
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is beyond the sockets
            await anyio.sleep(0.01)


def refusals(logs: list[Any]) -> list[str]:
    return [line["reason"] for line in logs if line["event"] == "agent.answer_ended"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"cooldown_seconds": 3600}, "rate limited"), ({"daily_answers": 1}, "quota exceeded")],
)
async def test_what_the_server_refuses_the_agent_is_not_asked(
    stage: Stage, limits: dict[str, Any], reason: str
) -> None:
    bot = await stage.bot(**limits)

    with capture_logs() as logs:
        async with bot.serving():
            await stage.say("one")
            await stage.answered("to one")
            await stage.say("two")
            await until(lambda: bool(refusals(logs)))

    assert [turn.message.text for turn in bot.turns] == ["one"]
    assert refusals(logs) == [reason]


async def test_two_programs_that_always_answer_stop_and_a_person_starts_them_again(stage: Stage) -> None:
    ann, bo = await stage.bot("ann"), await stage.bot("bo")

    def turns() -> list[Turn]:
        return [*ann.turns, *bo.turns]

    def settled() -> bool:
        """Whether each answer has been a question to the other one, who answered it or was refused."""
        to_agents = [turn for turn in turns() if turn.message.author.id != stage.ada.id]
        return len(turns()) == len(to_agents) + len(refusals(logs))

    with capture_logs() as logs:
        async with ann.serving(), bo.serving():
            await stage.say("hello")
            await until(lambda: len(turns()) >= 2 and settled())
            among_themselves = len(turns())
            await stage.say("go on")
            await until(lambda: len(turns()) > among_themselves + 2 and settled())

    assert 4 <= among_themselves <= 6
    assert set(refusals(logs)) == {"rate limited"}


async def test_what_is_remembered_outside_is_what_would_be_inside(stage: Stage) -> None:
    bot = await stage.bot(tools=["remember", "forget", "search"])

    async def learns(turn: Turn) -> str:
        assert turn.notebook is not None
        heard = turn.message.text
        if heard.startswith("I "):
            return (await turn.tools.call("remember", {"text": heard, "keywords": ["taste"]})).split()[0]
        if heard == "forget it":
            await turn.notebook.forget(turn.memories[0].id)
        return f"{heard}: {', '.join(memory.text for memory in turn.memories)}"

    bot.say = learns
    async with bot.serving():
        for text, answer in (
            ("I like tea", "remembered"),
            ("my taste?", "my taste?: I like tea"),
            ("forget it", "forget it: I like tea"),
            ("and now?", "and now?: "),
        ):
            await stage.say(text)
            await stage.answered(answer)

    shown = stage.heard("answer.memories", "answer.tool")
    assert [each.get("state", "memories") for each in shown] == ["started", "finished", "memories", "memories"]


async def test_what_was_given_to_it_to_read_is_what_would_be_inside(stage: Stage) -> None:
    bot = await stage.bot()
    agent = (await stage.root.get("/agents?query=outside")).body["items"][0]["id"]
    await upload(stage.root, agent)

    async def reads(turn: Turn) -> str:
        return f"{turn.message.text} {[(chunk.name, chunk.text) for chunk in turn.documents]}"

    bot.say = reads
    async with bot.serving():
        for text, read in (("wie viel Grad?", [("tee.md", GUIDE.strip())]), ("und Milch?", [])):
            await stage.say(text)
            await stage.answered(f"{text} {read}")


async def test_an_agent_outside_is_refused_in_the_words_of_one_inside(stage: Stage) -> None:
    bot = await stage.bot(tools=["forget"])
    refused: list[Exception] = []

    async def forgets(turn: Turn) -> str:
        assert turn.notebook is not None
        unknown = MemoryId(new_id())
        for attempt in (turn.notebook.forget(unknown), turn.tools.call("forget", {"memory_id": unknown})):
            try:
                await attempt
            except (EngineError, ToolFailed) as error:
                refused.append(error)
        return "so be it"

    bot.say = forgets
    async with bot.serving():
        await stage.say("forget nothing")
        await stage.answered("so be it")

    assert [type(each) for each in refused] == [NotFound, ToolFailed]
    assert {str(each) for each in refused} == {"there is no such memory"}


async def test_a_question_that_is_changed_ends_the_answer_and_no_other_is_begun(stage: Stage) -> None:
    bot = await stage.bot()
    asked, over = anyio.Event(), anyio.Event()

    async def waits(turn: Turn) -> str:
        if turn.message.text == "next":
            return "to next"
        asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            over.set()
        return "never"

    bot.say = waits
    async with bot.serving():
        question = await stage.ada.say(stage.room, "hello")
        with anyio.fail_after(20):
            await asked.wait()
            await stage.ada.patch(f"/rooms/{stage.room}/messages/{question['id']}", {"text": "never mind"})
            await over.wait()
        await stage.say("next")
        await stage.answered("to next")

    assert [turn.message.text for turn in bot.turns] == ["hello", "next"]
    assert [each["reason"] for each in stage.heard("answer.cancelled")] == ["question_edited"]
