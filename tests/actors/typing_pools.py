"""What the type checkers must see of pools: mypy and pyright read this file, nobody runs it; as typing_refs.py."""

from collections.abc import AsyncIterator
from typing import Any, assert_type

from actors import (
    Actor,
    ActorSystem,
    Answer,
    DeadLetter,
    KeyedPool,
    Message,
    NoHooks,
    Pool,
    Stream,
    StreamMessage,
    handles,
)


class Translate(Message["Translator", str], frozen=True):
    text: str


class Spell(StreamMessage["Translator", str], frozen=True):
    text: str


class Recite(StreamMessage["Door", str], frozen=True):
    pass


class Knock(Message["Door", None], frozen=True):
    pass


class Done(Message["Room", None], frozen=True):
    answer: Any


class Lost(Message["Room", None], frozen=True):
    letter: Any


class Translator(Actor):
    @handles(Translate)
    async def translate(self, message: Translate) -> str:
        return message.text

    @handles(Spell, stream=True)
    async def spell(self, message: Spell) -> AsyncIterator[str]:
        for letter in message.text:
            yield letter


class Door(Actor):
    @handles(Recite, stream=True)
    async def recite(self, message: Recite) -> AsyncIterator[str]:
        yield "knock"

    @handles(Knock)
    async def knock(self, message: Knock) -> None:
        pass


class Room(Actor):
    pool: Pool[Translator]

    @handles(Done)
    async def done(self, message: Done) -> None:
        self.request(self.pool, Translate("hello"), Done)
        self.request(self.pool.keyed("en"), Translate("hello"), Done, timeout=30.0)
        self.request(self.pool, Knock(), Done)  # type: ignore[misc]

    @handles(Lost)
    async def lost(self, message: Lost) -> None:
        pass


class Metrics(NoHooks):
    def dropped(self, letter: DeadLetter) -> None:
        assert_type(letter.reason, str)


async def check(system: ActorSystem) -> None:
    ActorSystem("with hooks", hooks=Metrics())
    pool = await system.pool(Translator, "translators", size=8, queue=1000)
    assert_type(pool, Pool[Translator])
    assert_type(await pool.ask(Translate("hello"), key="en", timeout=30.0), str)
    await pool.ask(Knock())  # type: ignore[arg-type]

    keyed = pool.keyed("en")
    assert_type(keyed, KeyedPool[Translator])
    assert_type(await keyed.ask(Translate("hello")), str)

    stream = pool.stream(Spell("hello"), key="en", timeout=30.0)
    assert_type(stream, Stream[str])
    async for letter in keyed.stream(Spell("hello"), credit=4):
        assert_type(letter, str)
    pool.stream(Recite())  # type: ignore[arg-type]
    pool.stream(Translate("hello"))  # type: ignore[arg-type]

    def take(answer: Answer[str]) -> None:
        assert_type(answer.result(), str)

    def take_number(answer: Answer[int]) -> None:
        pass

    pool.request(Translate("hello"), take, key="en")
    pool.request(Translate("hello"), take_number)  # type: ignore[arg-type]

    room = await system.spawn(Room, "room")
    system.dead_letters.send_to(room, Lost)
    door = await system.spawn(Door, "door")
    system.dead_letters.send_to(door, Lost)  # type: ignore[arg-type]
