"""Everything at once, under many schedules: every reader ends with the original or its translation, once.

A provider that is slow and fails, a database that fails before and after commits and is slow, booths and rooms that crash, readers who go,
come back by offset and change their language, authors who edit and delete.
"""

from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import anyio
from structlog.testing import capture_logs

from actors import AskFailed
from actors.testing import Simulation, explore
from engine.domain.events import MessageDeleted, MessageEdited, MessagePosted, MessageTranslated
from engine.domain.fields import MessageId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.errors import EngineError, StorageUnavailable, TryLater
from engine.storage.memory import MemoryStorage, State
from engine.timelines.commands import Position, ReadMessages, Subscribe, Unsubscribe
from engine.timelines.fanout import ClientInfo, Ending
from engine.timelines.languages import is_foreign
from engine.translation.provider import Batch, ProviderFailed
from tests.engine.interpreting.translating import Scripted, speaker, translating
from tests.engine.timelines.acting import Interposed, Listener, Perform, Place, a_place, decoded

POSTS = 4
SETTLED = 250
"""Seconds after the last fault until everyone must have everything."""


class Weather:
    """What happens to the database and the provider; calm in the end."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.calm = False
        self.seen: Counter[str] = Counter()

    def _pick(self, kinds: dict[str, int]) -> str:
        kind = "fine" if self.calm else self._random.choices(list(kinds), weights=list(kinds.values()))[0]
        self.seen[kind] += 1
        return kind

    async def of_storage(self, name: str, perform: Perform) -> Any:
        match self._pick({"fine": 20, "slow": 3, "fails before": 1, "fails after": 1, "crashes": name == "known"}):
            case "slow":
                await anyio.sleep(self._random.random())
            case "fails before":
                raise StorageUnavailable("the connection broke")
            case "fails after":
                await perform()
                raise StorageUnavailable("the connection broke, after the commit")
            case "crashes":
                raise RuntimeError("a fault in a booth")
        return await perform()

    async def of_provider(self, _batch: Batch) -> None:
        match self._pick({"fine": 6, "slow": 6, "unavailable": 2, "rate limited": 1}):
            case "slow":
                await anyio.sleep(3 * self._random.random())
            case "unavailable":
                raise ProviderFailed("unavailable", "no connection")
            case "rate limited":
                raise ProviderFailed("rate_limited", "too fast", retry_after=2)


class Reader(Listener):
    """A client that does as it is told: it keeps each message with the translation that it heard last."""

    def __init__(self, by: Principal, language: str, place: Place, random: Random) -> None:
        super().__init__()
        self.by = by
        self.language = language
        self.messages: dict[MessageId, Message] = {}
        self.translations: dict[MessageId, str] = {}
        self.position: Position | None = None
        self._place = place
        self._random = random
        self._ended = anyio.Event()

    def end(self, channel: str, ending: Ending) -> None:
        super().end(channel, ending)
        self._ended.set()

    async def follow(self, weather: Weather) -> None:
        """Read on, for a while at a time; in calm weather for good."""
        while True:
            self._ended = anyio.Event()
            try:
                await self._subscribe()
                with anyio.move_on_after(None if weather.calm else 4 * self._random.random()):
                    await self._ended.wait()
                if not self._ended.is_set():
                    await self._place.ref.ask(Unsubscribe(self.by.id))
            except (EngineError, AskFailed):
                with suppress(EngineError, AskFailed):
                    await self._place.ref.ask(Unsubscribe(self.by.id))
            self.take()
            await anyio.sleep(3 * self._random.random())

    async def _subscribe(self) -> None:
        info = ClientInfo(self.by.id, self.by.id)
        command = Subscribe(self.by, info, self, self.position or Position(0, ""), self.language)
        answer = await self._place.engine.timelines.subscribe(self._place.ref, command)
        epoch = answer.window.epoch
        if self.position is None:  # the first time: from the beginning
            self.position = Position(0, epoch)
            self.publications.clear()
            raise TryLater("come back")
        assert answer.recovered
        live, self.publications = self.publications, list(answer.window.publications)
        self.publications += live
        self.take()

    def take(self) -> None:
        """Do what was heard."""
        heard, self.publications = self.publications, []
        for event in decoded(heard):
            assert self.position is not None
            if not hasattr(event, "offset"):
                continue
            assert event.offset > self.position.offset, "heard twice, or out of order"
            self.position = Position(event.offset, self.position.epoch)
            match event:
                case MessagePosted(message=message) | MessageEdited(message=message) | MessageDeleted(message=message):
                    self.messages[message.id] = message
                    self.translations.pop(message.id, None)
                case MessageTranslated():
                    assert event.language == self.language, "heard of a language that is somebody else's"
                    assert event.message_id not in self.translations, "translated twice"
                    self.translations[event.message_id] = event.text


async def speak(place: Place, by: Principal, random: Random) -> None:
    """Say things, and think better of some of them."""
    for number in range(POSTS):
        client_id, message = f"{by.id[-4:]} {number}", None
        while message is None:
            try:
                message = (
                    await place.post(by, random.choice(["hello", "good bye", f"number {number}"]), client_id)
                ).message
            except (TryLater, AskFailed):
                await anyio.sleep(random.random())
        await anyio.sleep(2 * random.random())
        with suppress(EngineError, AskFailed):
            match random.randrange(4):
                case 0:
                    await place.edit(by, message, f"better {number}")
                case 1:
                    await place.delete(by, message)
                case _:
                    pass


async def crash(place: Place, by: Principal, random: Random) -> None:
    """Find a bug in the room."""
    await anyio.sleep(5 * random.random())
    with suppress(EngineError, AskFailed):
        await place.ref.ask(ReadMessages(by, limit="many"))  # type: ignore[arg-type]


async def scenario(simulation: Simulation[None]) -> None:
    random, state, provider = simulation.random, State(), Scripted()
    weather = Weather(random)
    storage = Interposed(MemoryStorage(state))
    people = [
        await speaker(storage, name, language) for name, language in [("Ada", "en"), ("Ben", "de"), ("Yui", "ja")]
    ]
    async with translating(storage, provider, idle_passivation=1) as engine:
        place = await a_place(engine, *people)
        storage.meddle, provider.meddle = weather.of_storage, weather.of_provider
        readers = [Reader(each, each.language or "", place, random) for each in people]
        async with anyio.create_task_group() as reading:
            for reader in readers:
                reading.start_soon(reader.follow, weather)
            async with anyio.create_task_group() as acting:
                for each in people[:2]:
                    acting.start_soon(speak, place, each, random)
                acting.start_soon(crash, place, people[0], random)
            weather.calm = True
            await anyio.sleep(SETTLED)
            reading.cancel_scope.cancel()
        for reader in readers:
            reader.take()
    check(state, readers)


def check(state: State, readers: list[Reader]) -> None:
    present = state.messages
    assert len(present) == 2 * POSTS
    for reader in readers:
        assert {each: message.text for each, message in reader.messages.items()} == {
            each: message.text for each, message in present.items()
        }
        wanted = {
            message_id: f"{reader.language} {message.text}"
            for message_id, message in present.items()
            if is_foreign(message, reader.language)
        }
        assert reader.translations == wanted, f"{reader.language} has not what it should have"


def test_every_reader_ends_with_the_original_or_its_translation_once() -> None:
    with capture_logs() as logs:
        explore(scenario, seeds=range(15))

    happened = Counter(line["event"] for line in logs)
    assert happened["actor.crashed"]
    assert happened["timeline.passivated"]
