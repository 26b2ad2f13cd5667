"""Agents under thousands of schedules: turn order, the guard, cooldown, budgets, cancellation, and one answer for each question.

They speak, fail, hang, fall silent in the middle, and say nothing; people post, edit, delete, cancel, and send one of them away; in a
storm the database is slow and fails, and the process dies.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, suppress

import anyio
from structlog.testing import capture_logs

from actors import AskFailed
from actors.testing import Simulation, explore
from engine.agents import Turn
from engine.agents.conductor import Heard
from engine.agents.utterance import answer_id
from engine.domain.agents import AgentDefinition, Policy
from engine.domain.answers import AnswerStarted
from engine.domain.events import MessageDeleted, MessageEdited
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import EngineError
from engine.storage.memory import MemoryStorage, State
from engine.timelines.answer_commands import CancelAnswer
from tests.engine.agents.scripted import SCRIPTS, SETTING, TURNS, Calendar, events, joined
from tests.engine.timelines.acting import Interposed, Listener, Place, a_place, person, settings
from tests.engine.timelines.answered import Reader
from tests.engine.timelines.test_simulation import Weather

CHAIN = 3
BUDGET = 2
ROOM_BUDGET = 12
COOLDOWN = 4.0
POSTS = 3
HEEDED = 0.1
"""Seconds after which a cancelled agent must have let go."""
SETTINGS = {
    "agents": SETTING,
    "agent_chain": CHAIN,
    "agent_room_answers": ROOM_BUDGET,
    "agent_first_seconds": 3.0,
    "agent_pause_seconds": 3.0,
    "webhook_concurrency": 1,
}
SETTLED = 60.0
"""Seconds after the last fault until everything must have been said."""
ENOUGH = 50
"""After so many schedules, everything has gone wrong at least once."""
TEXTS = ("hello", "Max, tell me", "what now?", "Max and Liz: who is there?", "nothing in particular")


class World:
    """What the agents are asked, and what comes of it."""

    def __init__(self, simulation: Simulation[None], *, reliable: bool = False, stormy: bool = False) -> None:
        SCRIPTS.clear()
        TURNS.clear()
        self.random = simulation.random
        self.state = State()
        self.weather = Weather(simulation.random)
        self.weather.calm = True
        self.reliable = reliable
        self.stormy = stormy
        self.calendar = Calendar()
        self.people: list[Principal] = []
        self.agents: dict[str, AgentDefinition] = {}
        self.room = TimelineId("")
        self.asked: list[Message] = []
        self.touched: set[MessageId] = set()
        """The questions that were edited or deleted."""
        self.sent_away: set[ParticipantId] = set()
        self.cancelled: dict[str, float] = {}
        self.let_go: dict[str, float] = {}
        self.asked_again: list[Turn] = []

    def open(self) -> AbstractAsyncContextManager[Engine]:
        storage = Interposed(MemoryStorage(self.state))
        storage.meddle = self.weather.meddle
        return Engine.open(settings(**SETTINGS), storage=storage, seed=0, clock=self.calendar)

    async def found(self, engine: Engine) -> None:
        """Two that always speak, one that does when it is named, one for questions with a budget, and one that rests."""
        calm = MemoryStorage(self.state)
        self.people = [await person(calm, name) for name in ("Ada", "Ben")]
        place = await a_place(engine, *self.people)
        self.room = place.id
        for name, policy, fields in (
            ("Ann", Policy.ALWAYS, {}),
            ("Max", Policy.MENTION, {"daily_answers": 1} if self.reliable else {}),
            ("Liz", Policy.SMART, {"daily_answers": BUDGET}),
            ("Bob", Policy.ALWAYS, {}),
            ("Cal", Policy.QUESTION, {"cooldown_seconds": COOLDOWN}),
        ):
            self.agents[name] = await joined(place, self.people[0], name, policy, **fields)
            SCRIPTS[name] = self.script

    async def script(self, turn: Turn) -> AsyncGenerator[str]:
        """Speaks for a while, or does something else."""
        random = self.random
        moods = {"speaks": 14, "fails": 1, "hangs": 1, "stalls": 1, "says nothing": 1}
        mood = "speaks" if self.reliable else random.choices(list(moods), weights=list(moods.values()))[0]
        given = {(each.author.id, each.reply_to) for each in self.state.messages.values()}
        if (turn.agent.id, turn.message.id) in given:
            self.asked_again.append(turn)
        try:
            if mood == "hangs":
                await anyio.sleep_forever()
            if mood == "says nothing":
                return
            for number in range(random.randrange(1, 4)):
                await anyio.sleep(random.random())
                yield f"{turn.agent.name}{number} "
            if mood == "fails":
                raise RuntimeError("a fault of its own")
            if mood == "stalls":
                await anyio.sleep_forever()
        finally:
            self.let_go[answer_id(turn.agent.id, turn.message)] = anyio.current_time()

    # -- what people do ------------------------------------------------------------------------------------------------

    async def post(self, place: Place, by: Principal) -> None:
        """Ask, and think better of some of it."""
        random = self.random
        for _ in range(POSTS):
            with suppress(EngineError, AskFailed):
                asked = (await place.post(by, random.choice(TEXTS))).message
                self.asked.append(asked)
                await anyio.sleep(3 * random.random())
                if not self.reliable and (what := random.randrange(8)) < 2:
                    self.touched.add(asked.id)
                    await (place.delete(by, asked) if what else place.edit(by, asked, "never mind"))
            await anyio.sleep(3 * random.random())

    async def cancel(self, place: Place, by: Principal) -> None:
        """Stop answers now and then."""
        random = self.random
        with suppress(EngineError, AskFailed):
            listener, _ = await place.listen(by)
            for _ in range(4):
                await anyio.sleep(3 * random.random())
                with suppress(EngineError, AskFailed):
                    started = [each for each in events(listener) if isinstance(each, AnswerStarted)]
                    if started:
                        chosen = random.choice(started[-3:]).answer_id
                        await place.ref.ask(CancelAnswer(by, chosen))
                        self.cancelled[chosen] = anyio.current_time()

    async def send_away(self, place: Place) -> None:
        """One of them may have to go."""
        await anyio.sleep(20 * self.random.random())
        if self.random.random() < 0.25:
            gone = self.agents[self.random.choice(["Ann", "Max", "Bob"])]
            self.sent_away.add(gone.id)
            with suppress(EngineError, AskFailed):
                await place.engine.agents.leave_room(self.people[0], place.id, gone.id, goodbye=False)

    async def quiet(self, place: Place) -> None:
        """Wait until nobody has anything to say any more."""
        with anyio.fail_after(SETTLED):
            said, since = -1, anyio.current_time()
            while anyio.current_time() < since + 8:
                await anyio.sleep(1)
                if len(TURNS) + len(self.state.messages) != said or place.engine.underway.channels:
                    said, since = len(TURNS) + len(self.state.messages), anyio.current_time()
        _, subscribed = await place.listen(self.people[0])
        assert subscribed.live is not None
        assert subscribed.live.answers == ()

    # -- what must be --------------------------------------------------------------------------------------------------

    @property
    def messages(self) -> list[Message]:
        """Everything that was said, oldest first, as the database has it."""
        return sorted(self.state.messages.values(), key=lambda message: message.offset)

    def check(self) -> None:
        """What holds whatever happens."""
        answers = [each for each in self.messages if each.author.kind is ParticipantKind.AGENT]
        by_id = self.state.messages
        twice = Counter((answer.author.id, answer.reply_to) for answer in answers)
        assert not [key for key, number in twice.items() if number > 1], "a question was answered twice by one agent"
        assert not self.asked_again, "an agent was asked what it has answered"
        assert all(answer.reply_to in by_id for answer in answers), "an answer is to nothing"
        of_liz = [each for each in answers if each.author.id == self.agents["Liz"].id]
        assert len(of_liz) <= BUDGET, "a budget was exceeded"
        assert len(answers) <= ROOM_BUDGET, "the room's budget was exceeded"
        self._check_questions(answers)
        self._check_guard(by_id)
        self._check_cooldown(answers)
        for turn in TURNS:
            later = [each for each in turn.history if each.offset > turn.message.offset]
            assert turn.message.id in {each.id for each in turn.history}, "the question is missing"
            assert all(each.reply_to == turn.message.id for each in later), "something from after was shown"
        self.check_heeded()

    def _check_questions(self, answers: list[Message]) -> None:
        """Whatever was answered still stood when the answer was posted, as it had been shown to the agent."""
        shown = {(turn.agent.id, turn.message.id): turn.message.text for turn in TURNS}
        changes = self.state.timelines[self.room].events.values()
        changed = {each.message.id: each for each in changes if isinstance(each, MessageEdited | MessageDeleted)}
        for answer in answers:
            assert answer.reply_to is not None
            change = changed.get(answer.reply_to)
            if change is not None and change.offset < answer.offset:
                assert not isinstance(change, MessageDeleted), "a question was answered that had been deleted"
                text = shown[answer.author.id, answer.reply_to]
                assert text == change.message.text, "a question was answered as it had been before its edit"

    def check_heeded(self) -> None:
        """Who was cancelled has let go. Nobody remembers that after a crash: what says nothing yet is then asked for again."""
        for cancelled, at in self.cancelled.items():
            assert self.let_go.get(cancelled, 0.0) <= at + HEEDED, "an agent went on after it was cancelled"
        self.cancelled.clear()

    def _check_guard(self, by_id: dict[MessageId, Message]) -> None:
        # In a storm, and beside a new conductor, what was begun before the guard may come in after it: each agent has one at a time.
        longest = CHAIN + (len(self.agents) if self.stormy else 0)
        in_a_row = 0
        for message in self.messages:
            if message.author.kind is not ParticipantKind.AGENT:
                in_a_row = 0
                continue
            assert message.reply_to is not None
            to_an_agent = by_id[message.reply_to].author.kind is ParticipantKind.AGENT
            assert not to_an_agent or in_a_row < longest, "agents went on among themselves"
            in_a_row += 1

    def _check_cooldown(self, answers: list[Message]) -> None:
        cal = self.agents["Cal"].id
        ended = [each.created_at for each in answers if each.author.id == cal and not each.partial]
        begun = [turn.now for turn in TURNS if turn.agent.id == cal]
        assert not [start for start in begun for end in ended if 0 <= (start - end).total_seconds() < COOLDOWN], (
            "an agent spoke before it had rested"
        )

    def check_one_answer_each(self, asked: Message) -> None:
        """Of those who are to answer, when only this was asked."""
        self.check()
        answered = Counter(message.author.name for message in self.messages if message.reply_to == asked.id)
        assert answered == {"Ann": 1, "Max": 1, "Bob": 1}

    def check_turns(self, listener: Listener) -> None:
        """In calm weather nobody speaks out of turn or over somebody else, and nobody's turn is forgotten."""
        place = {agent.id: index for index, agent in enumerate(self.agents.values())}
        reader = Reader()
        started: list[AnswerStarted] = []
        for event in events(listener):
            if isinstance(event, AnswerStarted):
                assert reader.endings.keys() == reader.texts.keys(), "two agents spoke at once"
                started.append(event)
            reader.hear(event)
        assert reader.endings.keys() == reader.texts.keys(), "an answer has no end"
        turns = [
            (self.state.messages[each.question].offset, place[each.author.id]) for each in started if each.question
        ]
        assert turns == sorted(set(turns)), "somebody spoke out of turn, or twice"
        given: defaultdict[MessageId, set[ParticipantId]] = defaultdict(set)
        for each in started:
            assert each.question is not None
            given[each.question].add(each.author.id)
        for asked in self.asked:
            if asked.id not in self.touched and self._left_to_room():
                wanted = ("Ann", "Bob", "Max") if "Max" in asked.text else ("Ann", "Bob")
                expected = {self.agents[name].id for name in wanted} - self.sent_away
                assert expected <= given[asked.id], "somebody who was asked said nothing"

    def _left_to_room(self) -> bool:
        """Whether the room's budget was never the reason for silence."""
        return sum(spent.answers for spent in self.state.agent_usage.values()) < ROOM_BUDGET


async def in_calm_weather(simulation: Simulation[None]) -> None:
    world = World(simulation)
    async with world.open() as engine:
        await world.found(engine)
        place = Place(engine, world.room)
        listener, _ = await place.listen(world.people[0], client="who hears everything")
        async with anyio.create_task_group() as people:
            for each in world.people:
                people.start_soon(world.post, place, each)
            people.start_soon(world.cancel, place, world.people[1])
            people.start_soon(world.send_away, place)
        await world.quiet(place)
    world.check()
    world.check_turns(listener)


async def in_a_storm(simulation: Simulation[None]) -> None:
    """The database is slow and fails, and half-way the process is killed: it can write nothing any more."""
    world = World(simulation, stormy=True)
    async with world.open() as engine:
        await world.found(engine)
        place = Place(engine, world.room)
        world.weather.calm = False
        async with anyio.create_task_group() as people:
            for each in world.people:
                people.start_soon(world.post, place, each)
            people.start_soon(world.cancel, place, world.people[1])
            people.start_soon(world.send_away, place)
            await anyio.sleep(2 + 10 * world.random.random())
            world.state.reachable = False
            people.cancel_scope.cancel()
    world.check_heeded()
    world.weather.calm = world.state.reachable = True
    async with world.open() as engine:
        place = Place(engine, world.room)
        await world.post(place, world.people[0])
        await world.quiet(place)
    world.check()


async def answered_after_a_crash(simulation: Simulation[None]) -> None:
    """A process dies at a moment of the seed's choice; the next one gives the one answer that is missing, if it is."""
    world = World(simulation, reliable=True)
    async with world.open() as engine:
        await world.found(engine)
        asked = (await Place(engine, world.room).post(world.people[0], "Max, tell me")).message
        await anyio.sleep(4 * simulation.random.random())
        world.state.reachable = False
    world.state.reachable = True
    async with world.open() as engine:
        await world.quiet(Place(engine, world.room))
    world.check_one_answer_each(asked)


async def answered_after_its_conductor_failed(simulation: Simulation[None]) -> None:
    """Only who has the order of turns crashes, at any moment; whoever speaks then goes on beside the others, and nobody's turn is lost."""
    world = World(simulation, reliable=True, stormy=True)
    async with world.open() as engine:
        await world.found(engine)
        place = Place(engine, world.room)
        asked = (await place.post(world.people[0], "Max, tell me")).message
        for _ in range(2):
            await anyio.sleep(3 * simulation.random.random())
            engine.agents.conductor(f"room:{world.room}").tell(Heard((None,)))  # type: ignore[arg-type]
        await world.quiet(place)
    world.check_one_answer_each(asked)


def test_turns_are_in_order_and_nobody_is_forgotten(seeds: range, simulated_loop: str) -> None:
    with capture_logs() as logs:
        explore(in_calm_weather, seeds=seeds[0::3], backends=[simulated_loop])

    assert len(seeds) < ENOUGH or {line["event"] for line in logs} >= {"agent.failed", "agent.silent"}


def test_the_laws_hold_in_a_storm_and_across_a_crash(seeds: range, simulated_loop: str) -> None:
    with capture_logs() as logs:
        explore(in_a_storm, seeds=seeds[1::3], backends=[simulated_loop])

    assert len(seeds) < ENOUGH or {line["event"] for line in logs} >= {
        "agent.failed",
        "timeline.adrift",
        "agents.places_not_kept",
    }


def test_every_question_is_answered_once_whenever_the_process_dies(seeds: range, simulated_loop: str) -> None:
    with capture_logs():
        explore(answered_after_a_crash, seeds=seeds[2::6], backends=[simulated_loop])


def test_every_question_is_answered_once_whenever_its_conductor_fails(seeds: range, simulated_loop: str) -> None:
    with capture_logs() as logs:
        explore(answered_after_its_conductor_failed, seeds=seeds[5::6], backends=[simulated_loop])

    assert "actor.crashed" in {line["event"] for line in logs}
