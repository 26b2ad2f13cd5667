"""Agents under hundreds of schedules: turn order, the guard, budgets, cancellation, and one answer for each question across crashes."""

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, suppress
from random import Random

import anyio
from structlog.testing import capture_logs

from actors import AskFailed
from actors.testing import Simulation, explore
from engine.agents import Turn
from engine.domain.agents import AgentDefinition, Policy
from engine.domain.answers import AnswerStarted
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import EngineError
from engine.storage.memory import MemoryStorage, State
from engine.timelines.answer_commands import CancelAnswer
from tests.engine.agents.scripted import SCRIPTS, SETTING, TURNS, Calendar, events, joined
from tests.engine.timelines.acting import Interposed, Place, a_place, person, settings
from tests.engine.timelines.test_simulation import Weather

CHAIN = 4
BUDGET = 5
POSTS = 4
SETTLED = 25.0
TEXTS = ("hello", "Max, tell me", "what now?", "Max and Liz: who is there?", "nothing in particular")


class World:
    """What the agents are asked, and what comes of it."""

    def __init__(self, simulation: Simulation[None], *, stormy: bool) -> None:
        SCRIPTS.clear()
        TURNS.clear()
        self.random = simulation.random
        self.state = State()
        self.weather = Weather(simulation.random)
        self.weather.calm = True
        self.stormy = stormy
        self.calendar = Calendar()
        self.people: list[Principal] = []
        self.agents: list[AgentDefinition] = []
        self.room = TimelineId("")
        self.asked: list[Message] = []

    def storage(self) -> Interposed:
        storage = Interposed(MemoryStorage(self.state))
        storage.meddle = self.weather.meddle
        return storage

    def open(self) -> AbstractAsyncContextManager[Engine]:
        return Engine.open(settings(agents=SETTING), storage=self.storage(), seed=0, clock=self.calendar)

    async def found(self) -> None:
        """Two that always speak, one that does when it is named, and one for questions, with a budget."""
        calm = MemoryStorage(self.state)
        self.people = [await person(calm, name) for name in ("Ada", "Ben")]
        async with self.open() as engine:
            place = await a_place(engine, self.people[0], self.people[1])
            self.room = place.id
            for name, policy, fields in (
                ("Ann", Policy.ALWAYS, {}),
                ("Max", Policy.MENTION, {}),
                ("Liz", Policy.SMART, {"daily_answers": BUDGET}),
                ("Bob", Policy.ALWAYS, {}),
            ):
                self.agents.append(await joined(place, self.people[0], name, policy, **fields))
                SCRIPTS[name] = self.script

    async def script(self, turn: Turn) -> AsyncGenerator[str]:
        """Speaks for a while; in a storm it may fail, too."""
        for number in range(self.random.randrange(1, 4)):
            await anyio.sleep(self.random.random())
            yield f"{turn.agent.name}{number} "
            if self.stormy and self.random.random() < 0.1:
                raise RuntimeError("a fault of its own")

    async def post(self, engine: Engine, by: Principal, random: Random) -> None:
        place = Place(engine, self.room)
        for _ in range(POSTS):
            with suppress(EngineError, AskFailed):
                self.asked.append((await place.post(by, random.choice(TEXTS))).message)
            await anyio.sleep(6 * random.random())

    async def cancel(self, engine: Engine, by: Principal, random: Random) -> None:
        """Somebody who stops answers now and then."""
        place = Place(engine, self.room)
        with suppress(EngineError, AskFailed):
            listener, _ = await place.listen(by)
            for _ in range(4):
                await anyio.sleep(4 * random.random())
                started = [each for each in events(listener) if isinstance(each, AnswerStarted)]
                if started:
                    await place.ref.ask(CancelAnswer(by, random.choice(started).answer_id))

    async def messages(self) -> list[Message]:
        """Everything that was said, oldest first, as the database has it."""
        return list(reversed(await MemoryStorage(self.state).messages.page(self.room, limit=100_000)))


def check_laws(world: World, messages: list[Message]) -> None:
    """What holds whatever happens."""
    by_id = {message.id: message for message in messages}
    answers = [message for message in messages if message.author.kind is ParticipantKind.AGENT]
    twice = Counter((answer.author.id, answer.reply_to) for answer in answers)
    assert not [key for key, number in twice.items() if number > 1], "a question was answered twice by one agent"
    assert all(answer.reply_to in by_id for answer in answers), "an answer is to nothing"
    liz = world.agents[2].id
    assert sum(answer.author.id == liz for answer in answers) <= BUDGET, "a budget was exceeded"
    # In a storm, an answer that was begun before the guard may come in after it: each agent has one at a time.
    longest = CHAIN + (len(world.agents) if world.stormy else 0)
    chain = 0
    for message in messages:
        if message.author.kind is not ParticipantKind.AGENT:
            chain = 0
            continue
        assert message.reply_to is not None
        to_an_agent = by_id[message.reply_to].author.kind is ParticipantKind.AGENT
        assert not to_an_agent or chain < longest, "agents went on among themselves"
        chain += 1
    for turn in TURNS:
        later = [each for each in turn.history if each.offset > turn.message.offset]
        assert turn.message in turn.history, "the question is missing"
        assert all(each.reply_to == turn.message.id for each in later), "something from after the question was shown"


def check_order(world: World, messages: list[Message]) -> None:
    """In calm weather the answers to one person's message are in the order of joining, and nobody's turn is forgotten."""
    place = {agent.id: index for index, agent in enumerate(world.agents)}
    people = {message.id for message in messages if message.author.kind is ParticipantKind.USER}
    answers: defaultdict[MessageId, list[ParticipantId]] = defaultdict(list)
    for message in messages:
        if message.reply_to in people:
            answers[message.reply_to].append(message.author.id)
    for given in answers.values():
        assert [place[each] for each in given] == sorted(place[each] for each in given), "somebody spoke out of turn"
    for asked in world.asked:
        expected = {world.agents[0].id, world.agents[3].id} | ({world.agents[1].id} if "Max" in asked.text else set())
        assert expected <= set(answers[asked.id]), "somebody who was asked said nothing"
    shown = {turn.message.id: turn for turn in TURNS if turn.agent.name == "Bob"}
    for asked_id, given in answers.items():
        before = [each.author.id for each in shown[asked_id].history if each.offset > shown[asked_id].message.offset]
        assert before == given[: given.index(world.agents[3].id)], "the last one did not hear those before"


async def in_calm_weather(simulation: Simulation[None]) -> None:
    world = World(simulation, stormy=False)
    await world.found()
    async with world.open() as engine:
        async with anyio.create_task_group() as people:
            for number, each in enumerate(world.people):
                people.start_soon(world.post, engine, each, Random(number + (simulation.seed or 0)))
        await anyio.sleep(SETTLED)
        _, subscribed = await Place(engine, world.room).listen(world.people[0])
        assert subscribed.live is not None
        assert subscribed.live.answers == ()
    messages = await world.messages()
    check_laws(world, messages)
    check_order(world, messages)


async def in_a_storm(simulation: Simulation[None]) -> None:
    """The database is slow and fails, answers are cancelled, and half-way the process is killed: it can write nothing any more."""
    world = World(simulation, stormy=True)
    await world.found()
    random = Random(simulation.seed or 0)
    async with world.open() as engine:
        world.weather.calm = False
        async with anyio.create_task_group() as people:
            people.start_soon(world.post, engine, world.people[0], random)
            people.start_soon(world.post, engine, world.people[1], random)
            people.start_soon(world.cancel, engine, world.people[1], random)
            await anyio.sleep(2 + 10 * random.random())
            world.state.reachable = False
            people.cancel_scope.cancel()
    world.weather.calm = world.state.reachable = True
    async with world.open() as engine:
        await world.post(engine, world.people[0], random)
        await anyio.sleep(SETTLED)
        _, subscribed = await Place(engine, world.room).listen(world.people[0])
        assert subscribed.live is not None
        assert subscribed.live.answers == ()
    check_laws(world, await world.messages())


async def answered_after_a_crash(simulation: Simulation[None]) -> None:
    """A process dies at a moment of the seed's choice; the next one gives the one answer that is missing, if it is."""
    world = World(simulation, stormy=False)
    await world.found()
    async with world.open() as engine:
        asked = (await Place(engine, world.room).post(world.people[0], "Max, tell me")).message
        await anyio.sleep(4 * simulation.random.random())
        world.state.reachable = False
    world.state.reachable = True
    async with world.open():
        await anyio.sleep(SETTLED)
    messages = await world.messages()
    check_laws(world, messages)
    answered = Counter(message.author.name for message in messages if message.reply_to == asked.id)
    assert answered == {"Ann": 1, "Max": 1, "Bob": 1}


def test_turns_are_in_order_and_nobody_is_forgotten() -> None:
    with capture_logs():
        explore(in_calm_weather, seeds=range(12))


def test_the_laws_hold_in_a_storm_and_across_a_crash() -> None:
    with capture_logs() as logs:
        explore(in_a_storm, seeds=range(20))

    assert {line["event"] for line in logs} >= {"agent.failed", "timeline.adrift", "agents.places_not_kept"}


def test_every_question_is_answered_once_whenever_the_process_dies() -> None:
    with capture_logs():
        explore(answered_after_a_crash, seeds=range(12))
