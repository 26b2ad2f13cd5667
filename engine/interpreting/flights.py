"""What is under way in one booth: each text into each language once, however many messages say it and however many wait for it.

Plain state, without I/O.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from math import inf
from typing import TypeAlias

import msgspec

from engine.domain.fields import MessageId
from engine.domain.messages import Message, Translation
from engine.storage.repositories import Pair
from engine.timelines.languages import is_foreign, same
from engine.timelines.translating import Addition, Original, Style
from engine.translation import Rendering
from engine.translation.languages import parse_tag

Settled: TypeAlias = Callable[[MessageId, Translation | None], None]
"""Is told what became of a message, once: None when it has no translation now."""


class Wish(msgspec.Struct, frozen=True):
    """A message that is wanted in a language; `present` when somebody who is connected waits for it."""

    original: Original
    language: str
    present: bool


@dataclass(slots=True, eq=False)
class Flight:
    """One text on its way into one language. `messages` has the text of each message as that one says it.

    `rendering` is what the text became; it lands when it is stored for every message.
    """

    pair: Pair
    original: Original
    style: Style
    present: bool
    messages: dict[MessageId, str]
    rendering: Rendering | None = None
    hurried: bool = False
    """Whether it was asked for as wanted by somebody present."""
    since: float = inf
    """When it was asked for; never, when it was known."""
    waiting: dict[MessageId, list[Settled]] = field(default_factory=dict)

    @property
    def language(self) -> str:
        """The language that it goes into."""
        return self.pair[1]

    def addition(self, message_id: MessageId) -> Addition:
        """What one of its messages is to be given, once there is a `rendering`."""
        made = self.rendering
        assert made is not None
        translation = Translation(self.language, made.text, made.provider)
        return Addition(message_id, self.messages[message_id], translation, made.source, self.pair[0])


class Flights:
    """The flights of one timeline."""

    def __init__(self) -> None:
        self._by_pair: dict[Pair, Flight] = {}
        self._by_message: dict[MessageId, list[Flight]] = {}

    def __len__(self) -> int:
        return len(self._by_pair)

    def find(self, message: Message, language: str) -> Flight | None:
        """The flight that brings this text of a message into this language, or a variety of it."""
        for flight in self._by_message.get(message.id, ()):
            if same(flight.language, language) and flight.messages[message.id] == message.text:
                return flight
        return None

    def board(self, wish: Wish, style: Style) -> tuple[Flight, bool]:
        """Take a wish onto a flight; tells whether the message is new to it.

        A flight that has this one message and no `rendering` is to be begun.
        """
        message = wish.original.message
        if (known := self.find(message, wish.language)) is not None:
            known.present |= wish.present
            return known, False
        pair = fingerprint(message.text, message.language, style), wish.language
        flight = self._by_pair.get(pair)
        if flight is None:
            flight = self._by_pair[pair] = Flight(pair, wish.original, style, wish.present, {})
        flight.present |= wish.present
        flight.messages[message.id] = message.text
        self._by_message.setdefault(message.id, []).append(flight)
        return flight, True

    def leave(self, flight: Flight, message_id: MessageId, translation: Translation | None) -> None:
        """A message has its translation, or will not get one: those who wait are told."""
        if flight.messages.pop(message_id, None) is None:
            return
        flights = self._by_message[message_id]
        flights.remove(flight)
        if not flights:
            del self._by_message[message_id]
        if not flight.messages:
            del self._by_pair[flight.pair]
        for settled in flight.waiting.pop(message_id, ()):
            settled(message_id, translation)

    def cancel(self, flight: Flight) -> None:
        """None of its messages will get a translation."""
        for message_id in tuple(flight.messages):
            self.leave(flight, message_id, None)


def wishes(originals: Iterable[Original], present: Iterable[str], preferred: Iterable[str]) -> Iterator[Wish]:
    """Each message in each language that somebody reads, those of the present first; varieties of a language are one."""
    readers = [*((each, True) for each in sorted(present)), *((each, False) for each in sorted(preferred))]
    for original in originals:
        chosen: list[str] = []
        for language, is_present in readers:
            if is_foreign(original.message, language) and not any(same(each, language) for each in chosen):
                chosen.append(language)
                yield Wish(original, language, is_present)


def fingerprint(text: str, language: str | None, style: Style) -> str:
    """Equal for texts that would be translated alike: it does not matter how they are encoded, or what is around them."""
    tag = parse_tag(language or "")
    alike = (unicodedata.normalize("NFC", text).strip(), tag.language, tag.script, style.formality, style.glossary)
    return blake2b(msgspec.json.encode(alike), digest_size=16).hexdigest()
