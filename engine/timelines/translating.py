"""What a timeline has to do with languages: who is told of which translation, what its readers lack, and what is added to it.

Which languages are wanted, and from whom, is decided beside it, in `engine.interpreting`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

import actors
from engine.domain.events import MessageTranslated
from engine.domain.fields import MessageId, ParticipantId
from engine.domain.messages import Message, Translation
from engine.domain.people import Principal
from engine.domain.rooms import Member, Room
from engine.timelines.languages import fitting, is_foreign
from engine.timelines.state import TimelineState
from engine.timelines.turn import Turn

if TYPE_CHECKING:
    from engine.timelines.shared import SharedTimeline  # noqa: F401 - named as the receivers of messages
    from engine.timelines.timeline import Timeline  # noqa: F401

RECENT: Final = 50
"""How many of the latest messages are looked through for what a reader lacks."""
CONTEXT: Final = 3
"""How many earlier messages go along with one that is to be translated."""


class Style(msgspec.Struct, frozen=True):
    """How the texts of a timeline, whose channel this is, are to be translated."""

    channel: str
    formality: str | None = None
    glossary: str | None = None


class Original(msgspec.Struct, frozen=True):
    """A message that is to be translated, with the texts before it (oldest first) and those names in it that look like words."""

    message: Message
    context: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class SetLanguage(actors.Message["SharedTimeline", None], frozen=True):
    """Have a subscribed client read in another language from now on, None: only what is written. `NotFound` for one that is not."""

    by: Principal
    client: str
    language: str | None


class AskStyle(actors.Message["Timeline", Style | None], frozen=True):
    """How texts are translated here, for those who may read; None: they are not."""

    by: Principal


class Lacking(msgspec.Struct, frozen=True):
    """Recent messages that are not there in these languages yet, oldest first."""

    style: Style
    originals: tuple[tuple[Original, tuple[str, ...]], ...]


class ReadLacking(actors.Message["SharedTimeline", Lacking | None], frozen=True):
    """What is still to be translated of the recent messages, for those who are subscribed; None where nothing is translated."""


class Addition(msgspec.Struct, frozen=True):
    """A translation of what a message says, which is `text`; `source` is the language of that, and `fingerprint` what it is found by."""

    message_id: MessageId
    text: str
    translation: Translation
    source: str
    fingerprint: str


class AddTranslations(actors.Message["SharedTimeline", tuple[Translation | None, ...]], frozen=True):
    """Add translations, durably, all of them or none; the answer is in their order.

    None stands for one whose message does not say that any more, or is gone. One that is there already in the same language is the answer,
    and nothing is added. When they are `patient` they are refused with `Overtaken` while somebody is served.
    """

    additions: tuple[Addition, ...]
    patient: bool = False


def style_of(channel: str, room: Room | None) -> Style | None:
    """How texts are translated in a room, or (without one) in a conversation; None: they are not."""
    if room is None:
        return Style(channel)
    return Style(channel, room.formality, room.glossary) if room.translation else None


def in_language(message: Message, reader: str, translations: Iterable[Translation]) -> Message:
    """The message for someone who reads in this language, with its translation if it is there."""
    if not is_foreign(message, reader):
        return message
    return msgspec.structs.replace(message, translation=fitting(translations, reader))


def originals(
    messages: Sequence[Message], wanted: Collection[MessageId], members: Mapping[ParticipantId, Member]
) -> Iterator[Original]:
    """Messages as they go to be translated: of `messages`, oldest first, those that are `wanted`."""
    for index, message in enumerate(messages):
        if message.id in wanted:
            before = (each.text for each in messages[max(0, index - CONTEXT) : index] if each.text)
            named = (members[each].participant.name for each in message.mentions if each in members)
            yield Original(message, tuple(before), tuple(name for name in named if " " in name))


def lacking(state: TimelineState, languages: Collection[str], style: Style) -> Lacking:
    """What of the recent messages is not there in these languages."""
    recent = state.recent
    latest = list(islice(reversed(recent.messages.values()), RECENT + CONTEXT))[::-1]
    wanted = {
        message.id: missing
        for message in latest[-RECENT:]
        if (missing := tuple(_missing(message, languages, recent.translations(message.id))))
    }
    found = originals(latest, wanted, state.members)
    return Lacking(style, tuple((original, wanted[original.message.id]) for original in found))


def _missing(message: Message, languages: Iterable[str], translations: Sequence[Translation]) -> Iterator[str]:
    for language in languages:
        if is_foreign(message, language) and fitting(translations, language) is None:
            yield language


def needed(command: AddTranslations) -> tuple[MessageId, ...]:
    """The messages that these are translations of."""
    return tuple(each.message_id for each in command.additions)


def add(turn: Turn, command: AddTranslations) -> tuple[Translation | None, ...]:
    """Add translations to what the messages say now."""
    return tuple(_add(turn, each) for each in command.additions)


def _add(turn: Turn, addition: Addition) -> Translation | None:
    message = turn.message(addition.message_id)
    if message is None or message.deleted_at is not None or message.text != addition.text:
        return None
    made = addition.translation
    if (known := fitting(turn.translations(message.id), made.language)) is not None:
        return known
    turn.fingerprints[turn.next_offset] = addition.fingerprint
    turn.add(
        MessageTranslated(
            offset=turn.next_offset,
            at=turn.now,
            actor=message.author.id,
            message_id=message.id,
            language=made.language,
            text=made.text,
            provider=made.provider,
            source=addition.source,
        )
    )
    return made
