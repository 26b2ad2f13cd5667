"""Server-sent events as providers of chat models send them, read at a third of what OpenAI's client takes for it.

Nearly every event is one line, `data: {...}`, and an empty one. Whatever looks otherwise is left to the client's own decoder.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final, NamedTuple, Protocol

import msgspec

_END: Final = b"\n\n"
"""What stands behind an event, where lines end as they do nearly everywhere."""
_LINE: Final = re.compile(rb"data: ([^\n]*)|:[^\n]*")
"""An event of one line, or a comment, which says that the provider is there."""


class Event(Protocol):
    """What the client wants to know of an event."""

    @property
    def data(self) -> str:
        """What it says."""
        ...

    @property
    def event(self) -> str | None:
        """Its name."""
        ...

    def json(self) -> Any:
        """Its data as JSON. Raises `JSONDecodeError`."""
        ...


class Decoder(Protocol):
    """What makes events of bytes."""

    def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Event]:
        """The events in these bytes, however they are cut."""
        ...


class QuickEvent(NamedTuple):
    """An event of one line."""

    data: str
    event: None = None

    def json(self) -> Any:
        """See `Event.json`."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError:
            # It says what is wrong as the client does, or takes it: NaN, half a surrogate pair.
            return json.loads(self.data)


class QuickEvents:
    """A `Decoder` that is quick as long as events are simple; from the first that is not on, `thorough` does it."""

    def __init__(self, thorough: Decoder) -> None:
        self._thorough = thorough

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncGenerator[Event]:
        """See `Decoder.aiter_bytes`."""
        held = b""
        async for data in iterator:
            held += data
            if b"\r" in data:
                break
            *whole, held = held.split(_END)
            while whole and (said := _LINE.fullmatch(whole[0])) is not None:
                del whole[0]
                if said[1] is not None:
                    yield QuickEvent(said[1].decode())
            if whole:
                held = _END.join((*whole, held))
                break
        async with aclosing(_after(held, iterator)) as rest:
            async for event in self._thorough.aiter_bytes(rest):
                yield event


async def _after(held: bytes, iterator: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    yield held
    async for data in iterator:
        yield data
