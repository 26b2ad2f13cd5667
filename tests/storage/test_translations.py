"""What messages say in other languages: as long as they say it themselves, and no longer."""

import pytest
from msgspec.structs import replace

from engine.domain.events import MemberLeft, MessageTranslated
from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Message, Translation
from engine.domain.people import Participant
from engine.domain.rooms import Room
from engine.storage.repositories import Append, Claimed, Known, Storage
from tests.storage.made import a_message, add_user, append, at, claim, deleted, edited, joined, open_room, posted

pytestmark = pytest.mark.anyio


def translated(offset: int, message: Message, language: str, text: str) -> MessageTranslated:
    return MessageTranslated(
        offset=offset,
        at=at(offset),
        actor=message.author.id,
        message_id=message.id,
        language=language,
        text=text,
        provider="scripted",
        source="en",
    )


async def said(storage: Storage, by: Participant, text: str = "hello") -> tuple[Room, Claimed, Message]:
    """A room in which one message was posted; its head is 2."""
    room = await open_room(storage, by)
    claimed = await claim(storage, room)
    message = a_message(room, 2, by, text)
    await append(storage, claimed, posted(message))
    return room, claimed, message


async def fingerprinted(storage: Storage, claimed: Claimed, event: MessageTranslated, fingerprint: str) -> None:
    entry = Append(claimed.timeline_id, claimed.term, (event,), fingerprints={event.offset: fingerprint})
    assert await storage.log.append([entry]) == [None]


async def test_a_message_is_there_in_every_language_that_it_was_translated_into(
    storage: Storage, ada: Participant
) -> None:
    room, claimed, message = await said(storage, ada)
    other = a_message(room, 3, ada)

    await append(
        storage, claimed, posted(other), translated(4, message, "ja", "やあ"), translated(5, message, "de", "hallo")
    )

    assert await storage.translations.of(room.id, [message.id, other.id, MessageId("a\x00b")]) == {
        message.id: [Translation("de", "hallo", "scripted"), Translation("ja", "やあ", "scripted")]
    }
    assert await storage.translations.of(room.id, []) == {}
    assert await storage.translations.of(TimelineId("nowhere"), [message.id]) == {}


async def test_translating_again_replaces(storage: Storage, ada: Participant) -> None:
    room, claimed, message = await said(storage, ada)
    await append(storage, claimed, translated(3, message, "de", "hallo"))

    await append(storage, claimed, translated(4, message, "de", "guten Tag"))

    assert await storage.translations.of(room.id, [message.id]) == {
        message.id: [Translation("de", "guten Tag", "scripted")]
    }


async def test_an_edit_ends_the_translations_of_its_message_alone(storage: Storage, ada: Participant) -> None:
    room, claimed, message = await said(storage, ada)
    other = a_message(room, 3, ada)
    await append(
        storage, claimed, posted(other), translated(4, message, "de", "hallo"), translated(5, other, "de", "hallo")
    )

    await append(
        storage,
        claimed,
        edited(6, replace(message, text="bye", edited_at=at(6))),
        translated(7, message, "ja", "さようなら"),
    )

    assert await storage.translations.of(room.id, [message.id, other.id]) == {
        message.id: [Translation("ja", "さようなら", "scripted")],
        other.id: [Translation("de", "hallo", "scripted")],
    }


async def test_nothing_of_a_deleted_message_is_left_in_any_language(storage: Storage, ada: Participant) -> None:
    room, claimed, message = await said(storage, ada, "a secret")
    await fingerprinted(storage, claimed, translated(3, message, "de", "ein Geheimnis"), "f1")

    await append(storage, claimed, deleted(4, replace(message, text="", deleted_at=at(4))))

    assert await storage.translations.of(room.id, [message.id]) == {}
    assert await storage.translations.known([("f1", "de")]) == {}
    events = await storage.log.events(room.id, after=0, limit=9)
    assert events[2] == replace(translated(3, message, "de", ""), text="")


async def test_what_was_translated_before_is_found_by_text_and_language(storage: Storage, ada: Participant) -> None:
    _, claimed, message = await said(storage, ada)
    _, elsewhere, another = await said(storage, ada)
    await fingerprinted(storage, claimed, translated(3, message, "de", "hallo"), "f1")
    await fingerprinted(storage, elsewhere, translated(3, another, "ja", "やあ"), "f1")
    await append(storage, claimed, translated(4, message, "fr", "salut"))

    found = await storage.translations.known([("f1", "de"), ("f1", "ja"), ("f1", "fr"), ("f2", "de"), ("f1", "de")])

    assert found == {
        ("f1", "de"): Known(text="hallo", source="en", provider="scripted"),
        ("f1", "ja"): Known(text="やあ", source="en", provider="scripted"),
    }
    assert await storage.translations.known([]) == {}


async def test_what_an_edited_message_said_is_not_known_any_more(storage: Storage, ada: Participant) -> None:
    _, claimed, message = await said(storage, ada)
    await fingerprinted(storage, claimed, translated(3, message, "de", "hallo"), "f1")

    await append(storage, claimed, edited(4, replace(message, text="bye", edited_at=at(4))))

    assert await storage.translations.known([("f1", "de")]) == {}


async def test_the_languages_of_a_timeline_are_those_that_its_active_members_prefer(storage: Storage) -> None:
    people = [
        await add_user(storage, name, language=language, active=name != "Eve")
        for name, language in [
            ("Ada", "en"),
            ("Bob", "de"),
            ("Cleo", "de"),
            ("Dan", None),
            ("Eve", "fr"),
            ("Fay", "ja"),
        ]
    ]
    await add_user(storage, "Stranger", language="pt-BR")
    room = await open_room(storage, people[0].participant)
    claimed = await claim(storage, room)
    await append(storage, claimed, *(joined(offset, each.participant) for offset, each in enumerate(people[1:], 2)))

    before = await storage.translations.languages(room.id)
    await append(storage, claimed, MemberLeft(offset=7, at=at(7), actor=people[5].id, participant_id=people[5].id))
    await storage.users.update(replace(people[0], language="it"), was=people[0])

    assert before == ["de", "en", "ja"]
    assert await storage.translations.languages(room.id) == ["de", "it"]
    assert await storage.translations.languages(TimelineId("nowhere")) == []


async def test_translations_refuse_text_that_no_database_takes(storage: Storage, ada: Participant) -> None:
    _, claimed, message = await said(storage, ada)
    bad = Append(claimed.timeline_id, claimed.term, (translated(3, message, "de", "a\x00b"),))

    [failure] = await storage.log.append([bad])

    assert failure is not None
    assert failure.reason == "invalid"
