"""What a provider or the database does is felt by nobody who posts, and loses nothing that a present reader waits for."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import anyio
import pytest

from engine.domain.events import MessagePosted, MessageTranslated
from engine.domain.messages import Translation
from engine.domain.people import Principal
from engine.interpreting import pace
from engine.interpreting.booth import PATIENCE
from engine.interpreting.pace import EACH, PART, TICK
from engine.storage.memory import MemoryStorage, State
from engine.timelines.commands import Unsubscribe
from engine.timelines.writer import GIVE_WAY
from engine.traffic import LOOK
from engine.translation.provider import Batch, ProviderFailed, Translated
from tests.engine.interpreting.translating import Scripted, heard, into, read, speaker, translating
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("booths")]


async def failing(_batch: Batch) -> None:
    raise ProviderFailed("unavailable", "no connection")


def watched(storage: Interposed) -> list[float]:
    """When something was committed, from now on."""
    commits: list[float] = []

    async def watch(name: str, perform: Perform) -> object:
        if name == "append":
            commits.append(anyio.current_time())
        return await perform()

    storage.meddle = watch
    return commits


async def test_posting_does_not_wait_for_a_provider_that_hangs(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    provider.meddle = lambda _: anyio.sleep(1000)
    await read(lobby, ben, "de")
    began = anyio.current_time()

    await lobby.say(ada, *map(str, "abcdefghij"))

    assert anyio.current_time() - began < 0.1


async def test_renderings_that_come_together_are_kept_a_few_at_a_time(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, provider: Scripted
) -> None:
    provider.meddle = lambda _: anyio.sleep(2)
    listener, _ = await read(lobby, ben, "de")
    said = await lobby.say(ada, *[f"message {number}" for number in range(3 * EACH)])
    commits = watched(storage)
    await anyio.sleep(10)

    assert sorted(heard(listener)) == sorted(into("de", said))
    assert len(set(commits)) == 3
    assert max(commits) - min(commits) == pytest.approx(2 * TICK)


async def test_two_timelines_whose_renderings_come_together_share_a_commit(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, provider: Scripted
) -> None:
    places = [lobby, *[await a_place(lobby.engine, ada, ben) for _ in range(2)]]
    provider.meddle = lambda _: anyio.sleep(2)
    listeners = [(await read(place, ben, "de"))[0] for place in places]
    for place in places:
        await place.say(ada, "hello")
    commits = watched(storage)
    await anyio.sleep(5)

    assert [heard(each) for each in listeners] == [["de hello"]] * len(places)
    assert len(commits) == 2  # the first timeline has a turn by itself


@pytest.mark.parametrize("took", [0.3, 3.0])
async def test_what_comes_a_little_later_is_kept_along_with_the_first(  # noqa: PLR0917 - fixtures
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, provider: Scripted, took: float
) -> None:
    came: list[float] = []

    async def slow(_batch: Batch) -> None:
        await anyio.sleep(took)
        came.append(anyio.current_time())

    provider.meddle = slow
    listener, _ = await read(lobby, ben, "de")
    said = []
    for text in ("first", "second", "third"):
        said += await lobby.say(ada, text)
        await anyio.sleep(PART * took / 4)
    commits = watched(storage)
    await anyio.sleep(2 * took)

    assert heard(listener) == into("de", said)
    assert len(commits) == 1
    assert commits[0] - came[0] == pytest.approx(PART * took, rel=0.5)


async def test_who_reads_a_page_waits_for_nobodys_turn(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "TICK", 1000.0)
    await read(lobby, ben, "de")
    said = await lobby.say(ada, *[f"message {number}" for number in range(EACH + 2)])
    await anyio.sleep(10)  # one turn has come, the next one is a quarter of an hour away

    page = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, language="fr")

    assert [each.translation for each in reversed(page.items)] == [
        Translation("fr", text, "scripted") for text in into("fr", said)
    ]
    assert provider.targets == {"de": EACH + 2, "fr": EACH + 2}


async def test_who_reads_a_page_has_at_once_what_waits_for_company(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    provider.meddle = lambda _: anyio.sleep(5)
    listener, _ = await read(lobby, ben, "de")
    _, second = said = await lobby.say(ada, "first", "second")
    await anyio.sleep(5 + 0.5 * PART * 5)
    assert heard(listener) == []

    page = await lobby.engine.interpreting.message(lobby.engine.timelines, lobby.ref, ben, second.id, language="de")

    assert page.translation == Translation("de", "de second", "scripted")
    await anyio.sleep(PART * 5)
    assert sorted(heard(listener)) == sorted(into("de", said))
    assert len(provider.texts) == 2


async def test_translations_let_posts_go_first_and_are_kept_all_the_same(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    tries: list[str] = []

    async def somebody_comes(name: str, perform: Perform) -> object:
        with lobby.engine.traffic.arriving():
            if name == "append":
                tries.append(name)
            return await perform()

    listener, _ = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "hello")
    storage.meddle = somebody_comes
    await anyio.sleep(5)

    assert heard(listener) == into("de", [said])
    assert 1 < len(tries) <= 2 + PATIENCE / TICK


@asynccontextmanager
async def somebody_on_the_way_since_it_was_kept(lobby: Place, storage: Interposed) -> AsyncIterator[None]:
    """From the commit of a translation on, and for as long as the block."""
    kept = anyio.Event()
    with ExitStack() as somebody:

        async def come(name: str, perform: Perform) -> object:
            done = await perform()
            if name == "append" and not kept.is_set():
                somebody.enter_context(lobby.engine.traffic.arriving())
                kept.set()
            return done

        storage.meddle = come
        await kept.wait()
        await anyio.sleep(LOOK)
        yield


async def test_a_translation_that_is_kept_is_told_when_those_have_gone_who_came_meanwhile(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    listener, _ = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "hello")

    async with somebody_on_the_way_since_it_was_kept(lobby, storage):
        assert heard(listener) == []
    await anyio.sleep(2 * LOOK)

    assert heard(listener) == into("de", [said])


async def test_it_is_told_at_last_while_there_is_always_somebody(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    listener, _ = await read(lobby, ben, "de")
    [said] = await lobby.say(ada, "hello")

    async with somebody_on_the_way_since_it_was_kept(lobby, storage):
        await anyio.sleep(GIVE_WAY + LOOK)
        assert heard(listener) == into("de", [said])


async def test_who_posts_where_something_is_kept_and_not_told_does_not_wait_for_it(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    listener, _ = await read(lobby, ben, "de")
    await lobby.say(ada, "hello")

    async with somebody_on_the_way_since_it_was_kept(lobby, storage):
        started = anyio.current_time()
        await lobby.say(ada, "there")
        assert anyio.current_time() == started
        assert [type(each) for each in listener.events] == [MessagePosted, MessageTranslated, MessagePosted]
        assert listener.offsets == [3, 4, 5]


async def test_with_a_provider_that_fails_everything_is_posted_and_readable(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    provider.meddle = failing
    listener, _ = await read(lobby, ben, "de")

    said = await lobby.say(ada, *[f"message {number}" for number in range(100)])
    page = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, limit=100, language="de")

    assert [each.id for each in reversed(page.items)] == [each.id for each in said]
    assert all(each.translation is None for each in page.items)
    assert listener.offsets == [each.offset for each in said]


async def test_present_readers_get_their_translations_when_the_provider_is_back(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    provider.meddle = failing
    listener, _ = await read(lobby, ben, "de")
    said = await lobby.say(ada, "one", "two")
    await anyio.sleep(60)
    silent = heard(listener)

    provider.meddle = lambda _: anyio.sleep(1)
    await anyio.sleep(900)

    assert silent == []
    assert sorted(heard(listener)) == sorted(into("de", said))


async def test_translations_are_kept_when_the_database_comes_back(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted, state: State
) -> None:
    provider.meddle = lambda _: anyio.sleep(3)
    listener, _ = await read(lobby, ben, "de")
    said = await lobby.say(ada, "one", "two")

    state.reachable = False
    await anyio.sleep(20)
    state.reachable = True
    await anyio.sleep(20)

    assert sorted(heard(listener)) == sorted(into("de", said))
    assert len(provider.texts) == 2


async def test_of_several_only_the_one_that_no_database_can_hold_is_not_kept(  # noqa: PLR0917 - fixtures
    lobby: Place,
    ada: Principal,
    ben: Principal,
    storage: Interposed,
    provider: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    translate = provider.translate

    async def spoil(batch: Batch) -> list[Translated | ProviderFailed]:
        await anyio.sleep(2)
        answers = await translate(batch)
        bad = Translated("de \x00", "en")
        return [bad if isinstance(each, Translated) and each.text == "de two" else each for each in answers]

    monkeypatch.setattr(provider, "translate", spoil)
    listener, _ = await read(lobby, ben, "de")
    commits = watched(storage)
    await lobby.say(ada, "one", "two", "three")
    await anyio.sleep(4)

    assert sorted(heard(listener)) == ["de one", "de three"]
    assert len(commits) > 1 + 1  # the post's, and that of all three
    report = await lobby.engine.interpreting.status()
    assert (report.interpreting.stored, report.interpreting.failed) == (2, {"not_stored": 1})


async def test_who_comes_back_after_a_restart_gets_what_was_on_its_way(state: State, provider: Scripted) -> None:
    provider.meddle = lambda _: anyio.sleep(1000)
    async with translating(MemoryStorage(state), provider) as engine:
        ada, ben = [await speaker(engine.storage, name, language) for name, language in [("Ada", "en"), ("Ben", "de")]]
        room = await a_place(engine, ada, ben)
        said = await room.say(ada, "one", "two")
        await anyio.sleep(1)

    provider.meddle = lambda _: anyio.sleep(1)
    async with translating(MemoryStorage(state), provider) as engine:
        listener, _ = await read(Place(engine, room.id), ben, "de")
        await anyio.sleep(3)

    assert sorted(heard(listener)) == sorted(into("de", said))


async def test_who_comes_back_to_a_room_that_was_asleep_gets_what_was_on_its_way(
    storage: Interposed, provider: Scripted
) -> None:
    async with translating(storage, provider, idle_passivation=5) as engine:
        ada, ben = [await speaker(storage, name, language) for name, language in [("Ada", "en"), ("Ben", "de")]]
        room = await a_place(engine, ada, ben)
        provider.meddle = failing
        await read(room, ben, "de")
        said = await room.say(ada, "one", "two")
        await room.ref.ask(Unsubscribe("Ben's"))
        await anyio.sleep(1000)
        provider.meddle = lambda _: anyio.sleep(1)

        listener, _ = await read(room, ben, "de")
        await anyio.sleep(60)

        assert sorted(heard(listener)) == sorted(into("de", said))


@pytest.mark.parametrize("fault", ["languages", "known"], ids=["in the booth", "at the librarian's"])
async def test_a_fault_loses_nothing_that_a_present_reader_waits_for(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, fault: str
) -> None:
    crashes = [1]

    async def crash_once(name: str, perform: Perform) -> object:
        if name == fault and crashes:
            crashes.clear()
            raise RuntimeError("a fault")
        return await perform()

    listener, _ = await read(lobby, ben, "de")
    await anyio.sleep(1)
    storage.meddle = crash_once
    said = await lobby.say(ada, "one", "two")
    await anyio.sleep(5)

    assert not crashes
    assert sorted(heard(listener)) == sorted(into("de", said))


async def test_a_fault_that_lasts_loses_nothing_that_a_present_reader_waits_for(
    booths: str, lobby: Place, ada: Principal, ben: Principal, storage: Interposed
) -> None:
    crashes: list[str] = []

    async def crash(name: str, perform: Perform) -> object:
        if name == "known" and anyio.current_time() < began + 20:
            crashes.append(name)
            raise RuntimeError("a fault")
        return await perform()

    said = await lobby.say(ada, "one", "two")
    began = anyio.current_time()
    storage.meddle = crash
    listener, _ = await read(lobby, ben, "de")
    await anyio.sleep(60)

    # Here the booth crashes with it, and is left alone for a while; over there it hears that the database is away.
    assert len(crashes) > (5 if booths == "here" else 0)
    assert sorted(heard(listener)) == sorted(into("de", said))


async def test_history_waits_a_tenth_of_a_second_and_the_live_channel_brings_the_rest(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    said = await lobby.say(ada, "one", "two")
    provider.meddle = lambda _: anyio.sleep(3)
    listener, _ = await read(lobby, ben, None)
    began = anyio.current_time()

    page = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, language="fr")

    assert anyio.current_time() - began <= 0.1
    assert [each.translation for each in page.items] == [None, None]
    assert heard(listener) == []
    await anyio.sleep(4)
    later = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, language="fr")
    assert [each.translation for each in reversed(later.items)] == [
        Translation("fr", text, "scripted") for text in into("fr", said)
    ]


async def test_history_from_before_what_memory_holds_is_translated_when_it_is_read(
    storage: Interposed, provider: Scripted
) -> None:
    async with translating(storage, provider, recent_events=20) as engine:
        ada = await speaker(storage, "Ada", "en")
        room = await a_place(engine, ada)
        said = await room.say(ada, *[f"number {each}" for each in range(40)])

        pages = [
            await engine.interpreting.messages(engine.timelines, room.ref, ada, before=said[5].offset, language="de")
            for _ in range(2)
        ]
        one = await engine.interpreting.message(engine.timelines, room.ref, ada, said[0].id, language="de-CH")

        made = [Translation("de", text, "scripted") for text in into("de", said[:5])]
        assert [[each.translation for each in reversed(page.items)] for page in pages] == [made, made]
        assert one.translation == made[0]
        assert len(provider.texts) == 5


async def test_readers_and_history_share_one_translation(
    lobby: Place, ada: Principal, ben: Principal, provider: Scripted
) -> None:
    provider.meddle = lambda _: anyio.sleep(0.02)
    await read(lobby, ben, "de")
    said = await lobby.say(ada, "one", "two")

    page = await lobby.engine.interpreting.messages(lobby.engine.timelines, lobby.ref, ben, language="de")

    assert [each.translation for each in reversed(page.items)] == [
        Translation("de", text, "scripted") for text in into("de", said)
    ]
    assert provider.targets == {"de": 2}


async def test_without_a_provider_nothing_is_translated_and_nothing_is_waited_for(storage: Interposed) -> None:
    async with running(storage) as engine:
        ada = await speaker(storage, "Ada", "en")
        room = await a_place(engine, ada)
        await read(room, ada, "de")
        await room.say(ada, "one")
        began = anyio.current_time()

        page = await engine.interpreting.messages(engine.timelines, room.ref, ada, language="de")

        assert anyio.current_time() == began
        assert [each.translation for each in page.items] == [None]
        assert not engine.interpreting.enabled
