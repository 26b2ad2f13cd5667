"""Agents outside: their answers begin within the rules of their definition, and count once, whatever becomes of the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.agents.cues import Admit
from engine.domain.agents import AgentDefinition
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Conflict, InvalidRequest, QuotaExceeded, RateLimited
from engine.storage.memory import MemoryStorage, State
from engine.timelines.answer_commands import StartAnswer
from tests.engine.agents.scripted import Calendar, joined, quiet
from tests.engine.timelines.acting import Interposed, Place, a_place, settings
from tests.engine.timelines.answered import Author
from tests.storage.made import a_message

pytestmark = pytest.mark.anyio


class Program(Author):
    """Writes answers as a program outside does: it has to be admitted."""

    def __init__(self, place: Place, agent: AgentDefinition) -> None:
        super().__init__(place.ref, agent.principal)
        self._conductor = place.engine.agents.conductor(f"room:{place.id}")

    async def start(self, answer_id: str = "a1", question: Message | None = None) -> None:
        asked = None if question is None else question.id
        await self._conductor.ask(Admit(StartAnswer(self.by, answer_id, asked, self)))

    async def give(self, answer_id: str, question: Message | None = None) -> None:
        """The whole of an answer."""
        await self.start(answer_id, question)
        await self.finish(answer_id, text="so it is")


class Server:
    """A process on a database that outlives it."""

    def __init__(self, state: State, calendar: Calendar) -> None:
        self.state = state
        self._calendar = calendar

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Until it is killed: at the end it can write nothing any more."""
        storage = Interposed(MemoryStorage(self.state))
        async with Engine.open(settings(), storage=storage, seed=0, clock=self._calendar) as engine:
            yield engine
            self.state.reachable = False
        self.state.reachable = True


@pytest.fixture
def server(state: State, calendar: Calendar) -> Server:
    return Server(state, calendar)


async def an_agent(place: Place, by: Principal, **fields: Any) -> AgentDefinition:
    return await joined(place, by, model="external", **fields)


async def test_an_answer_that_is_begun_again_after_a_kill_counts_once(server: Server, ada: Principal) -> None:
    async with server.running() as engine:
        place = await a_place(engine, ada)
        agent = await an_agent(place, ada, daily_answers=2)
        first, second = await place.say(ada, "one?", "two?")
        await Program(place, agent).give("a1", first)
        await Program(place, agent).start("a2", second)

    async with server.running() as engine:
        program = Program(Place(engine, place.id), agent)
        await program.give("a2", second)
        with pytest.raises(QuotaExceeded):
            await program.start("a3", second)


async def test_what_was_admitted_before_a_kill_is_not_kept_waiting_by_the_answers_beside_it(
    server: Server, ada: Principal
) -> None:
    async with server.running() as engine:
        place = await a_place(engine, ada)
        agent = await an_agent(place, ada, cooldown_seconds=60)
        for answer_id in ("a1", "a2"):
            await Program(place, agent).start(answer_id)

    async with server.running() as engine:
        program = Program(Place(engine, place.id), agent)
        await program.give("a1")
        await program.give("a2")
        with pytest.raises(RateLimited):
            await program.start("a3")


async def test_an_answer_in_progress_that_is_begun_again_is_still_counted(lobby: Place, ada: Principal) -> None:
    program = Program(lobby, await an_agent(lobby, ada, daily_answers=1))
    await program.start("a1")

    with pytest.raises(Conflict):
        await program.start("a1")

    with pytest.raises(QuotaExceeded):
        await program.start("a2")


async def test_an_id_that_was_posted_counts_anew(lobby: Place, ada: Principal) -> None:
    program = Program(lobby, await an_agent(lobby, ada, daily_answers=2))
    for text in ("one", "two"):
        await program.start("a1")
        await program.finish("a1", text=text, client_id=text)

    with pytest.raises(QuotaExceeded):
        await program.start("a1")


async def test_what_the_timeline_refuses_costs_nothing(lobby: Place, ada: Principal) -> None:
    program = Program(lobby, await an_agent(lobby, ada, daily_answers=1))
    nowhere = a_message(await lobby.change(ada), 1, ada.participant)

    with pytest.raises(InvalidRequest):
        await program.start("a1", nowhere)

    await program.give("a1")
    await quiet()
    with pytest.raises(QuotaExceeded):
        await program.start("a2")


async def test_agents_among_themselves_come_to_an_end_and_a_person_starts_them_again(
    lobby: Place, ada: Principal
) -> None:
    program = Program(lobby, await an_agent(lobby, ada))
    other = Program(lobby, await joined(lobby, ada, "Bo", model="external"))
    (question,) = await lobby.say(ada, "hello?")
    last = question
    for number in range(settings().agent_chain):
        speaker = (program, other)[number % 2]
        await speaker.start(f"a{number}", last)
        last = (await speaker.finish(f"a{number}", text="indeed")).message

    with pytest.raises(RateLimited):
        await program.start("one more", last)
    await program.give("to a person all the same", question)
    await lobby.say(ada, "go on")
    await program.give("to an agent again", last)
