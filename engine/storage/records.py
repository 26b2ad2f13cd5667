"""What every storage does alike with what it is given: the stored form of events, keys without case, texts it cannot hold."""

import re
import unicodedata

import msgspec

from engine.domain.events import (
    Event,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageTranslated,
    ReactionAdded,
    ReactionRemoved,
)
from engine.domain.messages import Message

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Unstorable(ValueError):
    """The data itself cannot be kept: it holds U+0000 or half a surrogate pair, which PostgreSQL's text does not know.

    The other storages refuse the same, so that moving from one to another loses nothing.
    """


def encode_event(event: Event) -> str:
    """The event's JSON, as it is stored and sent. Raises `Unstorable`."""
    try:
        payload = _ENCODER.encode(event).decode()
    except UnicodeEncodeError as error:
        raise Unstorable("a text holds half a surrogate pair") from error
    if "\\u0000" in payload and _NUL.search(payload):
        raise Unstorable("a text holds U+0000")
    return payload


def decode_event(payload: str | bytes) -> Event:
    """The inverse of `encode_event`."""
    return _DECODER.decode(payload)


def without_text(event: Event) -> Event:
    """The same event once its message is deleted: everything but the words."""
    if isinstance(event, MessagePosted | MessageEdited | MessageDeleted):
        return msgspec.structs.replace(event, message=msgspec.structs.replace(event.message, text=""))
    if isinstance(event, MessageTranslated):
        return msgspec.structs.replace(event, text="")
    return event


def with_reaction(message: Message, event: ReactionAdded | ReactionRemoved) -> Message:
    """The message as it is once someone has reacted to it, or taken their reaction back. Doing it again changes nothing."""
    people = [each for each in message.reactions.get(event.emoji, ()) if each != event.actor]
    if isinstance(event, ReactionAdded):
        if len(people) < len(message.reactions.get(event.emoji, ())):
            return message
        people.append(event.actor)
    reactions = {**message.reactions, event.emoji: people}
    if not people:
        del reactions[event.emoji]
    return msgspec.structs.replace(message, reactions=reactions)


def search_key(name: str) -> str:
    """A name as it is searched: without case and without differences that only the encoding makes (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def login_key(login: str) -> str:
    """An email or username as it is compared."""
    return login.lower()


def is_storable(text: str) -> bool:
    """Whether any storage could hold this text; a key that none can hold is a key that does not exist."""
    if "\x00" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
