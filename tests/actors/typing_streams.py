"""What the type checkers must see of streams, timers and owned tasks; see `typing_refs.py`."""

from collections.abc import AsyncIterator
from typing import Any, assert_type

from actors import Actor, Answer, Message, OwnedTask, Ref, Stream, StreamMessage, Timer, handles


class Generate(StreamMessage["Writer", str], frozen=True):
    prompt: str


class Tick(Message["Writer", None], frozen=True):
    pass


class Written(Message["Writer", None], frozen=True):
    answer: Any


class Knock(Message["Door", None], frozen=True):
    pass


async def count(to: int) -> int:
    return to


def written(answer: Answer[int]) -> Written:
    return Written(answer)


def text_written(answer: Answer[str]) -> Written:
    return Written(answer)


class Writer(Actor):
    @handles(Generate, stream=True)
    async def generate(self, message: Generate) -> AsyncIterator[str]:
        yield message.prompt

    @handles(Tick, cancel_with_caller=True)
    async def tick(self, message: Tick) -> None:
        assert_type(self.send_after(1.0, Tick()), Timer)
        self.every(1.0, Tick(), key="tick")
        self.every(1.0, Knock())  # type: ignore[arg-type]
        assert_type(self.spawn(count, 3, then=written), OwnedTask)
        self.spawn(count, 3, then=text_written)  # type: ignore[misc]
        self.spawn(count, "three", then=written)  # type: ignore[arg-type]

    @handles(Written, interleave=True)
    async def written(self, message: Written) -> None:
        pass


class WrongWriter(Writer):
    @handles(Generate, stream=True)  # type: ignore[arg-type]
    async def yields_numbers(self, message: Generate) -> AsyncIterator[int]:
        yield 1


class Door(Actor):
    @handles(Knock)
    async def knock(self, message: Knock) -> None:
        pass


async def values_are_inferred(writer: Ref[Writer], door: Ref[Door]) -> None:
    assert_type(writer.stream(Generate("hello")), Stream[str])
    async for text in writer.stream(Generate("hello"), credit=4):
        assert_type(text, str)
    async with writer.stream(Generate("hello")) as stream:
        assert_type(await anext(stream), str)
    door.stream(Generate("hello"))  # type: ignore[arg-type]


async def a_stream_is_neither_asked_nor_told(writer: Ref[Writer]) -> None:
    writer.tell(Generate("hello"))  # type: ignore[arg-type]
    await writer.ask(Generate("hello"))  # type: ignore[arg-type]
    writer.stream(Tick())  # type: ignore[arg-type]
