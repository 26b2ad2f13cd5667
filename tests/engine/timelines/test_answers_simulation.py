"""Answers under hundreds of schedules: authors who hurry and dawdle, readers who come and go, and everything that ends an answer.

Whoever listens, from whenever on, puts together a text that fits each piece to the one before, and that ends as the message which
was posted. Each answer ends once.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

import anyio
from msgspec import UNSET

from actors import AskFailed
from actors.testing import Simulation, explore
from engine.domain.answers import AnswerCancelled, AnswerCompleted, AnswerEvent, AnswerFailed, AnswerSoFar
from engine.domain.events import MessageDeleted, MessageEdited, MessagePosted
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.errors import EngineError, TryLater
from engine.storage.memory import MemoryStorage, State
from engine.timelines.commands import MuteMember, Unsubscribe
from engine.timelines.fanout import Ending
from tests.engine.timelines.acting import Interposed, Place, a_place, decoded, person, running
from tests.engine.timelines.answered import Author, Reader, cancel, told
from tests.engine.timelines.test_simulation import Weather

AUTHORS = 3
ANSWERS = 4
READERS = 3
SETTLED = 30.0


class World:
    """A room, what was asked in it, and how each answer has ended for whoever heard of it."""

    def __init__(self, random: Random, state: State, place: Place, ada: Principal) -> None:
        self.random = random
        self.state = state
        self.place = place
        self.ada = ada
        self.questions: list[Message] = []
        self.endings: dict[str, set[AnswerEvent]] = {}
        self.heard: Counter[str] = Counter()
        self.begun: dict[str, int] = {}
        """Where the log stood when an answer was in progress already."""

    async def pause(self, most: float = 0.2) -> None:
        await anyio.sleep(most * self.random.random())

    async def trying(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """Do something that may be refused, for whatever reason that a caller is told."""
        try:
            return await attempt()
        except (EngineError, AskFailed):
            return None

    async def answer(self, author: Author, name: str) -> None:
        """Write some answers, one after the other, and finish or fail them."""
        random = self.random
        for number in range(ANSWERS):
            answer_id = f"{name}-{number}"
            question = random.choice([None, *self.questions[-3:]])
            if await self.trying(partial(self._start, author, answer_id, question)):
                self.begun[answer_id] = self.head
            for word in range(random.randrange(12)):
                await self.pause(0.06)
                await self.trying(partial(author.extend, f"{word} ", answer_id=answer_id))
            end = random.choice(["finish", "finish", "finish more", "fail", "forget"])
            for _ in range(5):
                match end:
                    case "finish":
                        outcome = await self.trying(partial(author.finish, answer_id))
                    case "finish more":
                        outcome = await self.trying(partial(author.finish, answer_id, text=f"{answer_id} is all"))
                    case "fail":
                        outcome = await self.trying(partial(author.fail, answer_id))
                    case _:
                        break
                if outcome is not None or random.random() < 0.5:
                    break
                await self.pause()

    @staticmethod
    async def _start(author: Author, answer_id: str, question: Message | None) -> bool:
        await author.start(answer_id, question)
        return True

    @property
    def head(self) -> int:
        """The offset of the last event in the log."""
        return self.state.timelines[self.place.id].head

    async def meddle(self) -> None:
        """Ask, edit, delete, cancel, send authors away and bring them back; find a bug in the room now and then."""
        random, place, ada = self.random, self.place, self.ada
        for _ in range(15):
            await self.pause()
            match random.randrange(8):
                case 0 | 1 | 2:
                    posted = await self.trying(lambda: place.post(ada, "why?"))
                    self.questions += [] if posted is None else [posted.message]
                case 3 if self.questions:
                    await self.trying(lambda: place.edit(ada, random.choice(self.questions), f"{random.random()}?"))
                case 4 if self.questions:
                    await self.trying(lambda: place.delete(ada, random.choice(self.questions)))
                case 5:
                    name = f"{random.randrange(AUTHORS)}-{random.randrange(ANSWERS)}"
                    await self.trying(partial(cancel, place.ref, ada, name))
                case 6 if random.random() < 0.3:
                    await self.trying(lambda: place.ref.ask(MuteMember(ada, ada.id, until="never")))  # type: ignore[arg-type]
                case _:
                    await self.pause(0.5)

    async def read(self, name: str) -> None:
        """Listen for a while, again and again, and check everything that is heard."""
        while True:
            await self.pause(0.3)
            try:
                listener, subscribed = await self.place.listen(self.ada, client=name)
            except (TryLater, AskFailed):
                continue
            assert subscribed.live is not None
            await anyio.sleep(self.random.choice([0.1, 0.5, 2.0]))
            await self.trying(lambda: self.place.ref.ask(Unsubscribe(name)))
            self._check(subscribed.live.answers, listener.publications)
            assert listener.endings in ([], [Ending.RESTARTED])

    def _check(self, so_far: tuple[AnswerSoFar, ...], publications: list[Any]) -> None:
        reader = Reader(so_far)
        posted: dict[str, Message] = {}
        for publication in publications:
            if publication.offset is not None:
                (event,) = decoded([publication])
                if isinstance(event, MessagePosted) and event.message.answer_id is not UNSET:
                    posted[event.message.answer_id] = event.message
                continue
            for each in told([publication]):
                reader.hear(each)
                text = reader.texts.get(each.answer_id, "")
                match each:
                    case AnswerCompleted(answer_id=answer_id, message_id=message_id):
                        message = posted[answer_id]
                        assert (message.id, message.partial) == (message_id, UNSET)
                        assert message.text in {text, f"{answer_id} is all"}
                    case AnswerFailed(text=kept) | AnswerCancelled(text=kept):
                        assert kept is UNSET or kept.startswith(text)
                        assert each.answer_id not in posted, "it was posted, and then it was not"
                    case _:
                        continue
                self.endings.setdefault(each.answer_id, set()).add(each)
                self.heard[type(each).__name__] += 1


seen: Counter[str] = Counter()
"""What has happened in all of the schedules together."""


async def scenario(simulation: Simulation[None]) -> None:
    state = State()
    storage = Interposed(MemoryStorage(state))
    ada, *others = [await person(storage, name) for name in ("Ada", "Ben", "Cleo", "Dan")]
    weather = Weather(simulation.random)
    async with running(storage, recent_events=simulation.random.choice([3, 1000])) as engine:
        place = await a_place(engine, ada, *others)
        world = World(simulation.random, state, place, ada)
        storage.meddle = weather.meddle
        authors = [Author(place.ref, each) for each in others]
        async with anyio.create_task_group() as reading:
            for number in range(READERS):
                reading.start_soon(world.read, f"reader {number}")
            async with anyio.create_task_group() as acting:
                acting.start_soon(world.meddle)
                for number, author in enumerate(authors):
                    acting.start_soon(world.answer, author, str(number))
            weather.calm = True
            await anyio.sleep(SETTLED)
            reading.cancel_scope.cancel()
        for author in authors:
            for number in range(ANSWERS):
                await world.trying(partial(author.fail, f"{authors.index(author)}-{number}"))
        await anyio.sleep(SETTLED)
        _, subscribed = await place.listen(ada, client="last")
        assert subscribed.live is not None
        assert subscribed.live.answers == ()
        assert not place.engine.underway.channels
    check(world, [each for each in state.messages.values() if each.answer_id is not UNSET], authors)


def check(world: World, messages: list[Message], authors: list[Author]) -> None:
    assert all(len(endings) == 1 for endings in world.endings.values()), "readers heard of different ends"
    by_answer = Counter(each.answer_id for each in messages)
    assert not by_answer or max(by_answer.values()) == 1, "an answer was posted twice"
    stored = {each.answer_id: each for each in messages}
    for answer_id, (ending,) in ((key, tuple(value)) for key, value in world.endings.items()):
        match ending:
            case AnswerCompleted(message_id=message_id):
                assert stored[answer_id].id == message_id
            case AnswerFailed(text=kept) | AnswerCancelled(text=kept):
                message = stored.get(answer_id)
                assert message is None or not message.partial or (message.text, message.partial) == (kept, True)
            case _:
                raise AssertionError(ending)
    for message in messages:
        assert not question_changed(world, message), "an answer was posted after its question had changed"
    for author in authors:
        stops = Counter(answer_id for answer_id, _ in author.stopped)
        assert not stops or max(stops.values()) == 1, "an author was told twice to stop"
    seen.update(world.heard)
    seen.update(reason for author in authors for _, reason in author.stopped)


def question_changed(world: World, answer: Message) -> bool:
    """Whether the question was edited while the answer was in progress, or deleted, before the answer was posted."""
    log = world.state.timelines[world.place.id].events.values()
    begun = world.begun.get(str(answer.answer_id), answer.offset)
    return any(
        event.message.id == answer.reply_to
        and (isinstance(event, MessageDeleted) or event.offset > begun)
        and event.offset < answer.offset
        for event in log
        if isinstance(event, MessageEdited | MessageDeleted)
    )


def test_everyone_puts_the_same_answers_together_and_each_ends_once() -> None:
    explore(scenario, seeds=range(20))

    assert seen.keys() >= {"AnswerCompleted", "AnswerFailed", "AnswerCancelled", "cancelled", "stopping"}
    assert seen.keys() >= {"question_edited", "question_deleted"}
