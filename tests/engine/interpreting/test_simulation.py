"""Everything at once, under thousands of schedules: every reader ends with the original or its translation, once.

A provider that is slow, hangs, fails, miscounts and breaks; a database that fails before and after commits and is slow; booths and rooms
that crash and fall asleep; a process that dies; readers who go, come back by offset, and change their language; authors who say the
same, edit and delete.
"""

from collections import defaultdict
from contextlib import suppress
from random import Random

import anyio
import pytest
from anyio.abc import TaskStatus
from structlog.testing import capture_logs

from actors import AskFailed
from actors.testing import Simulation, explore
from engine.domain.events import MessageDeleted, MessageEdited, MessagePosted, MessageTranslated
from engine.domain.fields import MessageId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import EngineError, TryLater
from engine.storage.memory import MemoryStorage, State
from engine.storage.memory.state import Timeline
from engine.timelines.commands import Position, ReadMessages, Subscribe, Unsubscribe
from engine.timelines.fanout import ClientInfo, Ending
from engine.timelines.languages import is_foreign
from engine.timelines.translating import SetLanguage
from tests.engine.interpreting.linked import link_booths
from tests.engine.interpreting.translating import speaker, translating
from tests.engine.interpreting.weather import Counting, Weather
from tests.engine.timelines.acting import Interposed, Listener, Place, a_place, decoded

POSTS = 2
DEATHS = 0.3
"""The chance that the process dies in the middle."""
SWITCHES = 0.3
"""The chance that a reader changes their language, each time that they are here."""
STEADFAST = 0.5
"""The chance that nobody goes, or is sent away: whoever comes makes good what was lost for those who stay."""
SETTLED = 400.0
"""Seconds after the last fault until everyone must have everything: a booth asks again after five minutes at most."""
SETTINGS = {"idle_passivation": 0.4, "webhook_concurrency": 1}
ENOUGH = 50
"""After so many schedules, everything has gone wrong at least once."""
TEXTS = ("hello", "good bye", "good morning")


class Reader(Listener):
    """A client that does as it is told: it keeps each message with the translations that it was given last."""

    def __init__(self, by: Principal, language: str, world: "World", random: Random) -> None:
        super().__init__()
        self.by = by
        self.language = language
        self.messages: dict[MessageId, Message] = {}
        self.translations: defaultdict[MessageId, dict[str, str]] = defaultdict(dict)
        self._told: set[tuple[MessageId, str]] = set()
        """What live events and recovery have brought, as opposed to pages."""
        self._looked_in = ""
        self._understood = {language}
        self._offset = 0
        self._world = world
        self._random = random
        self._ended = anyio.Event()

    def end(self, channel: str, ending: Ending) -> None:
        super().end(channel, ending)
        self._ended.set()

    async def follow(self) -> None:
        """Read on, for a while at a time; in calm weather for good."""
        while True:
            self._ended = anyio.Event()
            with suppress(EngineError, AskFailed):
                await self._subscribe()
                await self._read()
            with suppress(EngineError, AskFailed):
                await self._world.place.ref.ask(Unsubscribe(self.by.id))
            self.take()
            await anyio.sleep(2 * self._random.random())

    async def _read(self) -> None:
        await self._look()
        while not self._ended.is_set():
            with anyio.move_on_after(None if self._world.stays else 4 * self._random.random()):
                await self._ended.wait()
            if self._world.stays or self._random.random() > SWITCHES:
                return
            await self._switch(self._random.choice(["ja", "de", "fr", "en"]))

    async def _subscribe(self) -> None:
        place = self._world.place
        position = Position(self._offset, self._world.log.epoch)
        info = ClientInfo(self.by.id, self.by.id)
        answer = await place.engine.timelines.subscribe(
            place.ref, Subscribe(self.by, info, self, position, self.language)
        )
        if not answer.recovered:  # a process that is on its way out
            self.publications.clear()
            raise TryLater("come back")
        self.publications[:0] = answer.window.publications
        self.take()

    async def _switch(self, language: str) -> None:
        """Between the question and its answer, what comes may be in either language."""
        self.take()
        self._understood = {language, self.language}
        self.language = language
        await self._world.place.ref.ask(SetLanguage(self.by, self.by.id, language))
        await self._look()

    async def _look(self) -> None:
        """Whoever begins to read in a language reads what was said, and goes on from there."""
        if self._looked_in == self.language:
            return
        place = self._world.place
        page = await place.engine.interpreting.messages(
            place.engine.timelines, place.ref, self.by, limit=50, language=self.language
        )
        self._looked_in = self.language
        for message in page.items:
            if message.translation:
                self.translations[message.id][self.language] = message.translation.text
        self.take()
        self._understood = {self.language}

    def take(self) -> None:
        """Do what was heard."""
        heard, self.publications = self.publications, []
        for event in decoded([each for each in heard if each.offset is not None]):
            assert event.offset > self._offset, "heard twice, or out of order"
            self._offset = event.offset
            match event:
                case MessagePosted(message=message) | MessageEdited(message=message) | MessageDeleted(message=message):
                    self.messages[message.id] = message
                    self.translations.pop(message.id, None)
                    self._told = {each for each in self._told if each[0] != message.id}
                case MessageTranslated():
                    key = event.message_id, event.language
                    assert event.language in self._understood, "heard of a language that is somebody else's"
                    assert key not in self._told, "translated twice"
                    self._told.add(key)
                    self.translations[event.message_id][event.language] = event.text

    def lacks(self) -> list[MessageId]:
        """The messages that are not here as they are now, or not in the reader's language."""
        self.take()
        return [
            each
            for each, message in self._world.state.messages.items()
            if each not in self.messages
            or self.messages[each].text != message.text
            or self.translations[each].get(self.language) != self._wanted(message)
        ]

    def _wanted(self, message: Message) -> str | None:
        return f"{self.language} {message.text}" if is_foreign(message, self.language) else None


class World:
    """A room, in one process after another."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.state = State()
        self.steadfast = random.random() < STEADFAST
        self.weather = Weather(random, sends_away=not self.steadfast)
        self.provider = Counting(self.weather)
        self.place: Place
        self.lives = 0
        self.people: list[Principal] = []
        self.readers: list[Reader] = []
        self.ending = anyio.Event()
        self._reborn = anyio.Event()

    @property
    def stays(self) -> bool:
        """Whether those who read do so until they are sent away."""
        return self.steadfast or self.weather.calm

    async def is_busy(self) -> bool:
        """Whether a provider has something to do: for somebody who has gone, perhaps."""
        status = (await self.place.engine.interpreting.status()).translators
        return bool(status.waiting or any(each.in_flight for each in status.providers))

    @property
    def log(self) -> Timeline:
        """The room as the database has it."""
        return self.state.timelines[self.place.id]

    async def found(self) -> None:
        calm = MemoryStorage(self.state)
        self.people = [await speaker(calm, *each) for each in (("Ada", "en"), ("Ben", "de"), ("Yui", "ja"))]
        self.readers = [Reader(each, each.language or "", self, self.random) for each in self.people]

    async def live(self, *, task_status: TaskStatus[None]) -> None:
        """Run a process, and another one when that is killed."""
        storage = Interposed(MemoryStorage(self.state))
        async with translating(storage, self.provider, **SETTINGS) as engine:
            self.lives += 1
            self.place = await a_place(engine, *self.people)
            storage.meddle = self.weather.of_storage
            task_status.started()
            await self.ending.wait()
            await self._check_counts(engine)
        if not self.state.reachable:
            self.state.reachable, self.ending = True, anyio.Event()
            async with translating(storage, self.provider, **SETTINGS) as engine:
                self.lives += 1
                self.place = Place(engine, self.place.id)
                self._reborn.set()
                await self.ending.wait()
                await self._check_counts(engine)

    async def die(self) -> None:
        """Perhaps the process is killed: it can write nothing any more, and there is another one."""
        await anyio.sleep(5 * self.random.random())
        if self.random.random() < DEATHS:
            self.state.reachable = False
            self.ending.set()
            await self._reborn.wait()

    async def speak(self, by: Principal) -> None:
        """Say things, and think better of some of them."""
        random = self.random
        for number in range(POSTS):
            client_id, message = f"{by.id[-4:]} {number}", None
            while message is None:
                try:
                    message = (await self.place.post(by, random.choice(TEXTS), client_id)).message
                except (TryLater, AskFailed):
                    await anyio.sleep(random.random())
            await anyio.sleep(2 * random.random())
            with suppress(EngineError, AskFailed):
                match random.randrange(4):
                    case 0:
                        await self.place.edit(by, message, random.choice(TEXTS))
                    case 1:
                        await self.place.delete(by, message)
                    case _:
                        pass

    async def settle(self) -> None:
        """Wait until everybody has everything."""
        with anyio.move_on_after(SETTLED):
            while await self.is_busy() or any(reader.lacks() for reader in self.readers):  # noqa: ASYNC110 - virtual time
                await anyio.sleep(1)
        for reader in self.readers:
            assert reader.lacks() == [], f"{reader.language} has not what it should have"

    async def change_something(self) -> None:
        """While everybody is here, and does not come back for it."""
        own = [each for each in self.state.messages.values() if each.author.id == self.people[0].id]
        for message in [each for each in own if each.deleted_at is None][:1]:
            while self.state.messages[message.id].text != "at last":
                with suppress(TryLater, AskFailed):
                    await self.place.edit(self.people[0], message, "at last")
                await anyio.sleep(1)

    async def crash(self) -> None:
        """Find a bug in the room."""
        await anyio.sleep(5 * self.random.random())
        with suppress(EngineError, AskFailed):
            await self.place.ref.ask(ReadMessages(self.people[0], limit="many"))  # type: ignore[arg-type]

    async def _check_counts(self, engine: Engine) -> None:
        """Nothing is left behind, and nothing is counted that was not."""
        if not self.state.reachable:
            return
        report = await engine.interpreting.status()
        translators, interpreting = report.translators, report.interpreting
        assert not await self.is_busy()
        assert translators.requested == translators.translated + sum(translators.failed.values())
        assert interpreting.asked == translators.requested

    def check(self) -> None:
        """What everybody must have in the end, and what must be nowhere."""
        present = self.state.messages
        assert len(present) == 2 * POSTS
        for reader in self.readers:
            reader.take()
            assert reader.lacks() == [], f"{reader.language} has not what it should have"
        assert not [each for each in self.log.translations if present[each].deleted_at is not None]
        said: dict[MessageId, str] = {}
        made: set[tuple[MessageId, str]] = set()
        for event in self.log.events.values():
            match event:
                case MessagePosted(message=message) | MessageEdited(message=message) | MessageDeleted(message=message):
                    said[message.id] = message.text
                    made = {each for each in made if each[0] != message.id}
                case MessageTranslated(message_id=message_id, language=language):
                    assert (message_id, language) not in made, "stored twice"
                    assert event.text == f"{language} {said[message_id]}" or present[message_id].deleted_at is not None
                    made.add((message_id, language))
        twice = {text: number for text, number in self.provider.given.items() if number > self.lives}
        assert not twice, "translated twice"


async def scenario(simulation: Simulation[None]) -> None:
    world = World(simulation.random)
    await world.found()
    async with anyio.create_task_group() as living:
        await living.start(world.live)
        async with anyio.create_task_group() as reading:
            for reader in world.readers:
                reading.start_soon(reader.follow)
            async with anyio.create_task_group() as acting:
                for each in world.people[:2]:
                    acting.start_soon(world.speak, each)
                if not world.steadfast:
                    acting.start_soon(world.crash)
                    acting.start_soon(world.die)
            await anyio.sleep(3 * world.random.random())  # what was said last is translated in bad weather too
            world.weather.calm = True
            await world.settle()
            await world.change_something()
            await world.settle()
            await anyio.sleep(3)  # for what would come twice
            reading.cancel_scope.cancel()
        world.ending.set()
    world.check()


@pytest.fixture(autouse=True)
def booths(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the other end of a link in half of the schedules."""
    if seeds.start % 2:
        link_booths(monkeypatch)


def test_every_reader_ends_with_the_original_or_its_translation_once(seeds: range, simulated_loop: str) -> None:
    with capture_logs() as logs:
        explore(scenario, seeds=seeds, backends=[simulated_loop])

    happened = {line["event"] for line in logs}
    assert len(seeds) < ENOUGH or happened >= {"actor.crashed", "timeline.passivated", "timeline.adrift"}
