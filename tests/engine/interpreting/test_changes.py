"""A translation is of what a message says now: edits, deletions, and what comes too late."""

import anyio
import pytest

from engine.domain.events import MessageTranslated
from engine.domain.messages import Message, Translation
from engine.domain.people import Principal
from engine.interpreting.flights import fingerprint
from engine.timelines.commands import Position
from engine.timelines.export import messages_of
from engine.timelines.translating import Addition, AddTranslations, Style
from engine.translation.provider import Batch
from tests.engine.interpreting.translating import Scripted, heard, read
from tests.engine.timelines.acting import Interposed, Place, decoded

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("booths")]


async def translation_of(place: Place, by: Principal, message: Message, language: str) -> Translation | None:
    found = await place.engine.interpreting.message(
        place.engine.timelines, place.ref, by, message.id, language=language
    )
    assert found.translation is None or isinstance(found.translation, Translation)
    return found.translation


async def test_an_edited_message_is_translated_again(lobby: Place, ada: Principal, ben: Principal) -> None:
    listener, _ = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "hello")
    await anyio.sleep(1)

    await lobby.edit(ada, said, "good bye")
    await anyio.sleep(1)

    assert heard(listener) == ["de hello", "de good bye"]
    assert await translation_of(lobby, ben, said, "de") == Translation("de", "de good bye", "scripted")


async def test_a_late_rendering_of_an_older_text_is_not_attached_to_the_new_one(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    async def slow_at_first(_batch: Batch) -> None:
        await anyio.sleep(5 if len(provider.batches) == 1 else 1)

    provider.meddle = slow_at_first
    listener, _ = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "hello")
    await anyio.sleep(0.5)

    await lobby.edit(ada, said, "good bye")
    await anyio.sleep(10)

    assert len(provider.texts) == 2
    assert heard(listener) == ["de good bye"]
    assert (await lobby.engine.interpreting.status()).interpreting.outdated == 1


async def test_what_was_deleted_meanwhile_gets_no_translation(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    provider.meddle = lambda _: anyio.sleep(3)
    listener, _ = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "a secret")
    await anyio.sleep(1)

    await lobby.delete(ada, said)
    await anyio.sleep(5)

    assert heard(listener) == []
    assert [type(each).__name__ for each in await lobby.events(ben, since=2)] == ["MessagePosted", "MessageDeleted"]


async def test_the_words_of_a_deleted_message_are_nowhere_in_any_language(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    _, subscribed = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "a secret")
    await anyio.sleep(1)

    await lobby.delete(ada, said)

    since = Position(subscribed.window.offset, subscribed.window.epoch)
    _, recovered = await read(lobby, ben, "de", since=since, client="another")
    exported = [each async for page in messages_of(storage, lobby.id, until=99) for each in page]
    everything = [
        *(await lobby.events(ben)),
        *(await storage.log.events(lobby.id, after=0, limit=99)),
        *decoded(recovered.window.publications),
        *exported,
        *(await lobby.page(ben)).items,
    ]
    assert sum(isinstance(each, MessageTranslated) for each in everything) == 3
    assert not any("secret" in str(each) for each in everything)
    assert await storage.translations.of(lobby.id, [said.id]) == {}
    assert await storage.translations.known([(fingerprint("a secret", "en", Style(lobby.id)), "de")]) == {}


async def test_a_translation_that_is_there_is_not_added_again(lobby: Place, ada: Principal) -> None:
    [said] = await lobby.say(ada, "hello")
    await anyio.sleep(1)
    again = Addition(said.id, "hello", Translation("de-AT", "servus", "other"), "en", "print")

    answers = [await lobby.ref.ask(AddTranslations((again, again))), await lobby.ref.ask(AddTranslations((again,)))]

    known = Translation("de", "de hello", "scripted")
    assert answers == [(known, known), (known,)]
    assert sum(isinstance(each, MessageTranslated) for each in await lobby.events(ada)) == 1


async def test_texts_that_would_be_translated_alike_have_one_fingerprint() -> None:
    plain = Style("room:1")

    same = {
        fingerprint("caf\u00e9", "en", plain),
        fingerprint(" cafe\u0301\n", "en-GB", plain),
        fingerprint("caf\u00e9", "en-US", Style("room:2")),
    }
    others = {
        fingerprint("Caf\u00e9", "en", plain),
        fingerprint("caf\u00e9", "fr", plain),
        fingerprint("caf\u00e9", None, plain),
        fingerprint("caf\u00e9", "en", Style("room:1", formality="more")),
        fingerprint("caf\u00e9", "en", Style("room:1", glossary="more")),
    }

    assert len(same) == 1
    assert len(others | same) == 6
