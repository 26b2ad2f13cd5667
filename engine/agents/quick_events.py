"""Server-sent events as providers of chat models send them. No input or output here.

Nearly every event is one line, `data: {...}`, and an empty one: they are read in a quarter of the time that OpenAI's client takes for
them. Once there is one that looks otherwise, the client's own decoder has the rest.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

_SIMPLE: Final = re.compile(rb"(?:data: ([^\r\n]*)|:[^\r\n]*)\n\n")
"""An event of one line, or a comment, which says that the provider is there."""
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


class Event(Protocol):
    """What the client makes of some lines."""

    @property
    def data(self) -> str:
        """What they say."""
        ...


class Decoder(Protocol):
    """The client's."""

    def decode(self, line: str) -> Event | None:
        """The event that ends with this line, if one does."""
        ...


class QuickEvents:
    """Takes bytes as they come, and gives the data of the events that are complete: what `thorough` would find, however they are cut."""

    def __init__(self, thorough: Decoder) -> None:
        self._decode = thorough.decode
        self._held = b""
        self._simple = True
        """Whether everything has been so far."""
        self._returned = False
        """Whether the last line has ended with a carriage return, to which a line feed may still belong."""

    def feed(self, data: bytes) -> Iterator[str]:
        """What the events say that end within these bytes, which are not none. To be exhausted before more is fed."""
        held = self._held + data
        if self._simple:
            end = 0
            while (event := _SIMPLE.match(held, end)) is not None:
                end = event.end()
                if event[1] is not None:
                    yield event[1].decode()
            self._held = held = held[end:]
            self._simple = b"\r" not in held and b"\n" not in held[:-1]
        if not self._simple:
            if self._returned:
                held = held.removeprefix(b"\n")
            self._returned = held.endswith(b"\r")
            *lines, self._held = _LINE_END.split(held)
            for line in lines:
                if (said := self._decode(line.decode())) is not None:
                    yield said.data


def parsed(data: str) -> Any:
    """What an event says, as JSON. Raises `JSONDecodeError`."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        # It says what is wrong as the client does, or takes it: NaN, half a surrogate pair.
        return json.loads(data)
