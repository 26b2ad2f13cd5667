"""Everyone reads in their own language: live, after coming back, and in history."""

import anyio
import pytest

from engine.domain.events import MessageTranslated
from engine.domain.messages import Translation
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import NotFound
from engine.timelines.commands import Position, Unsubscribe
from engine.timelines.translating import SetLanguage
from tests.engine.interpreting.translating import Scripted, heard, into, read, speaker
from tests.engine.timelines.acting import Interposed, Place, a_place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("booths")]

EIGHT = ["de", "en", "es", "fi", "fr", "ja", "pt-BR", "zh-Hans"]


async def test_readers_are_told_of_translations_into_their_own_language_only(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    yui = await speaker(storage, "Yui", "ja")
    await lobby.join(yui)
    listeners = [(await read(lobby, by, by.language))[0] for by in (ada, ben, yui)]
    original, _ = await read(lobby, ben, None, client="another of Ben's")

    [said] = await lobby.say(ada, "hello")
    await anyio.sleep(1)

    assert [heard(each) for each in (*listeners, original)] == [[], into("de", [said]), into("ja", [said]), []]
    assert await lobby.page(ada) == await lobby.page(ben)


async def test_a_message_for_readers_of_eight_languages_costs_seven_texts_and_the_same_again_none(
    lobby: Place, ada: Principal, provider: Scripted
) -> None:
    listeners = [(await read(lobby, ada, language, client=language))[0] for language in EIGHT]

    await lobby.post(ada, "good morning")
    await anyio.sleep(1)
    await lobby.post(ada, "good morning ")
    await anyio.sleep(1)

    assert provider.targets == {language: 1 for language in EIGHT if language != "en"}
    assert len(provider.batches) == 7
    assert [len(heard(each)) for each in listeners] == [0 if language == "en" else 2 for language in EIGHT]


async def test_the_same_sentence_while_it_is_on_its_way_is_not_asked_for_twice(
    lobby: Place, ada: Principal, provider: Scripted
) -> None:
    listener, _ = await read(lobby, ada, "de")
    provider.meddle = lambda _: anyio.sleep(3)

    await lobby.say(ada, "ping", "ping", "ping")
    await anyio.sleep(5)

    assert len(provider.texts) == 1
    assert heard(listener) == ["de ping"] * 3


async def test_varieties_of_a_language_share_a_translation(lobby: Place, ada: Principal, provider: Scripted) -> None:
    listeners = [(await read(lobby, ada, language, client=language))[0] for language in ("de-AT", "de-CH", "en-GB")]

    await lobby.post(ada, "hello")
    await anyio.sleep(1)

    assert provider.texts == [("de-AT", "hello")]
    assert [heard(each) for each in listeners] == [["de-AT hello"], ["de-AT hello"], []]


async def test_members_who_are_away_have_it_in_their_language_when_they_come(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    await lobby.post(ada, "hello")
    await anyio.sleep(1)

    page = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, language="de")

    assert page.items[0].translation == Translation("de", "de hello", "scripted")
    assert len(provider.texts) == 1


async def test_who_comes_back_recovers_their_translations_and_no_others(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    yui = await speaker(storage, "Yui", "ja")
    await lobby.join(yui)
    _, first = await read(lobby, ben, "de")
    await lobby.ref.ask(Unsubscribe("Ben's"))
    said = await lobby.say(ada, "one", "two")
    await anyio.sleep(1)

    _, answer = await read(lobby, ben, "de", since=Position(first.window.offset, first.window.epoch))

    recovered = [each.data for each in answer.window.publications]
    assert answer.recovered
    assert answer.window.offset == first.window.offset + 2 * (1 + 2)
    assert len(recovered) == 4
    assert all(f'"text":"{text}"'.encode() in b"".join(recovered) for text in into("de", said))


async def test_events_are_read_as_a_reader_sees_them_or_all_of_them(
    engine: Engine, ada: Principal, storage: Interposed
) -> None:
    room = await a_place(engine, ada, await speaker(storage, "Ben", "de"), await speaker(storage, "Yui", "ja"))
    await room.say(ada, "one", "two")
    await anyio.sleep(1)

    async def read_log(**how: object) -> list[int]:
        window = await engine.timelines.events(room.ref, ada, since=3, limit=100, **how)  # type: ignore[arg-type]
        return [each.offset or 0 for each in window.publications]

    everything, german, original = await read_log(), await read_log(reading="de"), await read_log(reading=None)

    assert everything == list(range(4, 10))
    assert len(german) == 4
    assert len(original) == 2
    assert set(original) < set(german) < set(everything)


async def test_pages_of_events_are_full_as_long_as_there_are_more(
    engine: Engine, ada: Principal, storage: Interposed
) -> None:
    room = await a_place(engine, ada, *[await speaker(storage, language, language) for language in EIGHT])
    await room.say(ada, *map(str, "abcdefghij"))
    await anyio.sleep(1)
    seen: list[int] = []

    while True:
        since = seen[-1] if seen else 9
        window = await engine.timelines.events(room.ref, ada, since=since, limit=3, reading="ja")
        seen += [each.offset or 0 for each in window.publications]
        if len(window.publications) < 3:
            break

    assert len(seen) == 20


async def test_switching_the_language_brings_what_is_lacking_and_what_comes(
    lobby: Place, ada: Principal, ben: Principal
) -> None:
    listener, _ = await read(lobby, ben, "de")
    old = await lobby.say(ada, "one", "two")
    await anyio.sleep(1)

    await lobby.ref.ask(SetLanguage(ben, "Ben's", "fr"))
    await anyio.sleep(1)
    new = await lobby.say(ada, "three")
    await anyio.sleep(1)

    assert heard(listener) == into("de", old) + into("fr", old) + into("fr", new)


async def test_a_reader_may_want_the_original_from_now_on(lobby: Place, ada: Principal, ben: Principal) -> None:
    listener, _ = await read(lobby, ben, "de")

    await lobby.ref.ask(SetLanguage(ben, "Ben's", None))
    await lobby.say(ada, "one")
    await anyio.sleep(1)

    assert heard(listener) == []


async def test_the_language_is_that_of_a_subscription(lobby: Place, ben: Principal) -> None:
    with pytest.raises(NotFound):
        await lobby.ref.ask(SetLanguage(ben, "nobody", "fr"))


async def test_who_comes_first_after_it_was_said_gets_the_recent_messages_in_their_language(
    lobby: Place, ada: Principal, provider: Scripted
) -> None:
    said = await lobby.say(ada, *[f"number {each}" for each in range(60)])
    await anyio.sleep(1)
    provider.texts.clear()

    listener, _ = await read(lobby, ada, "fr")
    await anyio.sleep(1)

    assert sorted(heard(listener)) == sorted(into("fr", said[-50:]))
    assert {target for target, _ in provider.texts} == {"fr"}


async def test_a_room_may_do_without_translation_and_change_its_mind(
    engine: Engine, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    room = await a_place(engine, ada, ben, translation=False)
    listener, _ = await read(room, ben, "de")
    said = await room.say(ada, "hello")
    await anyio.sleep(1)
    page = await engine.interpreting.messages(engine.timelines, room.ref, ben, language="de")
    before = list(provider.texts)

    await room.change(ada, translation=True)
    await anyio.sleep(1)

    assert before == []
    assert page.items == said
    assert heard(listener) == into("de", said)


async def test_messages_without_words_and_in_ones_own_language_need_nothing(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    await lobby.post(ada, "👍 123")
    await lobby.post(ben, "hallo", language="de-AT")
    await anyio.sleep(1)

    page = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, language="de")

    assert provider.targets == {"en": 1}
    assert page.items == (await lobby.page(ben)).items


async def test_a_language_is_given_or_the_authors_or_detected(
    lobby: Place, ada: Principal, storage: Interposed, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = await speaker(storage, "Nobody", None)
    await lobby.join(nobody)
    monkeypatch.setattr(lobby.engine.interpreting, "detect", {"hallo": "de"}.get)

    given = (await lobby.post(ada, "hallo", language="fr")).message
    authors = (await lobby.post(ada, "hallo")).message
    detected = (await lobby.post(nobody, "hallo")).message
    unsure = (await lobby.post(nobody, "ok")).message

    assert [each.language for each in (given, authors, detected, unsure)] == ["fr", "en", "de", None]
    assert [each.language for each in (await lobby.page(ada)).items] == [None, "de", "en", "fr"]


async def test_what_was_said_before_goes_along_with_how_the_room_speaks(
    engine: Engine, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    room = await a_place(engine, ada, ben, formality="more", glossary="ships")

    await room.say(ada, "one", "two", "three", "four", "five")
    await anyio.sleep(1)

    last = next(each for each in provider.batches if each.context == ("two", "three", "four"))
    assert (last.source, last.target, last.formality, last.glossary) == ("en", "de", "more", "ships")


async def test_events_of_translations_name_their_source_and_provider(
    lobby: Place, ada: Principal, ben: Principal
) -> None:
    [said] = await lobby.say(ada, "hello")
    await anyio.sleep(1)

    [event] = await lobby.events(ben, since=3)

    assert isinstance(event, MessageTranslated)
    assert (event.offset, event.actor, event.message_id) == (4, ada.id, said.id)
    assert (event.language, event.text, event.provider, event.source) == ("de", "de hello", "scripted", "en")
