"""Full-text search: what is found, by whom, and what no longer is."""

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.domain.events import MemberLeft, MemberRemoved, RoomArchived
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.domain.rooms import Room
from engine.errors import InvalidRequest
from engine.search.highlights import matches
from engine.search.query import parse
from engine.storage.repositories import Claimed, Storage
from tests.storage.made import a_message, append, at, claim, deleted, edited, joined, open_room, posted

pytestmark = pytest.mark.anyio


class Place:
    """A room in which ada has said things; each text is a message."""

    def __init__(self, storage: Storage, room: Room, claimed: Claimed, author: Participant) -> None:
        self.storage, self.room, self.claimed, self.author = storage, room, claimed, author
        self.head = claimed.head
        self.said: list[Message] = []

    @classmethod
    async def open(cls, storage: Storage, author: Participant, **fields: object) -> "Place":
        room = await open_room(storage, author, **fields)  # type: ignore[arg-type]
        return cls(storage, room, await claim(storage, room), author)

    async def say(self, *texts: str, language: str | None = None) -> list[Message]:
        said = [
            a_message(self.room, offset, self.author, text, language=language)
            for offset, text in enumerate(texts, start=self.head + 1)
        ]
        await append(self.storage, self.claimed, *map(posted, said))
        self.head += len(said)
        self.said += said
        return said

    async def find(self, text: str, **options: object) -> list[str]:
        found = await self.storage.search.in_timeline(
            self.room.id,
            parse(text),
            **{"limit": 50, **options},  # type: ignore[arg-type]
        )
        return [message.text for message in found]


@pytest.fixture
async def place(storage: Storage, ada: Participant) -> Place:
    return await Place.open(storage, ada)


async def mine(storage: Storage, who: Participant, text: str, **options: object) -> list[str]:
    found = await storage.search.of_member(who.id, parse(text), **{"limit": 50, **options})  # type: ignore[arg-type]
    return [message.text for message in found]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("apple", ["Apple juice, please", "the apple pie"]),
        ("APPLE pie", ["the apple pie"]),
        ('"apple pie"', ["the apple pie"]),
        ('"pie apple"', []),
        ("apple -pie", ["Apple juice, please"]),
        ('apple -"apple pie"', ["Apple juice, please"]),
        ("app*", ["Apple juice, please", "the apple pie"]),
        ('"apple', ["Apple juice, please", "the apple pie"]),
        ("appl", []),
        ("cafe", ["ein Café in der Straße"]),
        ("CAFÉ strasse", ["ein Café in der Straße"]),
        ("example", ["see https://example.org/a_b?c=3.14"]),
        ("3.14", ["see https://example.org/a_b?c=3.14"]),
        ("a_b", ["see https://example.org/a_b?c=3.14"]),
        ("東京", ["今日は東京都に行きます"]),
        ("京都", ["今日は東京都に行きます"]),
        ("都", ["今日は東京都に行きます"]),
        ("す", ["今日は東京都に行きます"]),
        ("大阪", []),
        ("東行", []),
        ("สวัสดี", ["สวัสดีครับ"]),
        ("ครับ", ["สวัสดีครับ"]),
        ("안녕", ["안녕하세요 여러분"]),
        ("привет", ["Привет, мир"]),
        ("हिन्दी", ["यह हिन्दी है"]),
        ("iphone手机", ["新iPhone手机 ok"]),
        ("手机 ok", ["新iPhone手机 ok"]),
    ],
)
async def test_words_phrases_exclusions_and_beginnings(place: Place, typed: str, found: list[str]) -> None:
    await place.say(
        "the apple pie",
        "Apple juice, please",
        "ein Café in der Straße",
        "see https://example.org/a_b?c=3.14",
        "今日は東京都に行きます",
        "สวัสดีครับ",
        "안녕하세요 여러분",
        "Привет, мир",
        "यह हिन्दी है",
        "新iPhone手机 ok",
    )

    assert await place.find(typed) == found


async def test_matches_are_whole_messages_newest_first_below_a_cursor(place: Place) -> None:
    said = await place.say(*(f"word {number}" for number in range(7)))

    first = await place.storage.search.in_timeline(place.room.id, parse("word"), limit=4)
    second = await place.storage.search.in_timeline(place.room.id, parse("word"), before=first[-1].offset, limit=4)

    assert first + second == said[::-1]
    assert await place.find("word", before=0) == []


async def test_an_edited_message_is_found_by_its_new_words_only(place: Place) -> None:
    [message, _] = await place.say("old größe", "other")

    await append(place.storage, place.claimed, edited(place.head + 1, replace(message, text="new Stärke")))

    assert (
        await place.find("old") == await place.find("größe") == await place.find("ol*") == await place.find("gr*") == []
    )
    assert await place.find("new") == await place.find("ne*") == await place.find("starke") == ["new Stärke"]


async def test_a_deleted_message_is_not_found(place: Place) -> None:
    [message] = await place.say("secret größe")
    gone = replace(message, text="", deleted_at=at(9))

    await append(place.storage, place.claimed, deleted(place.head + 1, gone))

    assert await place.find("secret") == await place.find("größe") == await place.find("s*") == []
    assert await mine(place.storage, place.author, "secret") == await mine(place.storage, place.author, "se*") == []


async def test_an_edit_and_a_deletion_in_one_batch_leave_no_word(place: Place) -> None:
    [message] = await place.say("one")
    gone = replace(message, text="", deleted_at=at(9))
    changed = edited(place.head + 1, replace(message, text="two"))

    await append(place.storage, place.claimed, changed, deleted(place.head + 2, gone))

    assert await place.find("one") == await place.find("two") == []


async def test_one_timeline_is_searched_without_the_others(storage: Storage, ada: Participant) -> None:
    here, there = await Place.open(storage, ada), await Place.open(storage, ada)
    await here.say("word here")
    await there.say("word there", "another word there")

    assert await here.find("word") == await here.find("word", before=2**33) == ["word here"]
    assert await storage.search.in_timeline(TimelineId("nowhere"), parse("word"), limit=5) == []


async def test_mine_are_the_timelines_whose_member_one_is_now(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    places = [await Place.open(storage, ada, name=f"room {number}") for number in range(5)]
    for place in places:
        await append(storage, place.claimed, joined(place.head + 1, bob))
        place.head += 1
        await place.say(f"word in {place.room.name}")
    left, removed, archived = places[:3]
    await append(storage, left.claimed, MemberLeft(offset=left.head + 1, at=at(9), actor=bob.id, participant_id=bob.id))
    await append(
        storage,
        removed.claimed,
        MemberRemoved(offset=removed.head + 1, at=at(9), actor=ada.id, participant_id=bob.id),
    )
    await append(storage, archived.claimed, RoomArchived(offset=archived.head + 1, at=at(9), actor=ada.id))

    assert await mine(storage, bob, "word") == [f"word in room {number}" for number in (4, 3, 2)]
    assert len(await mine(storage, ada, "word")) == 5
    assert await storage.search.of_member(ParticipantId("nobody"), parse("word"), limit=5) == []


async def test_pages_across_mine_neither_repeat_nor_lose(storage: Storage, ada: Participant) -> None:
    places = [await Place.open(storage, ada) for _ in range(3)]
    said = [message for number in range(12) for message in await places[number % 3].say(f"word {number}")]

    found: list[Message] = []
    while page := await storage.search.of_member(
        ada.id, parse("word"), before=found[-1].id if found else None, limit=5
    ):
        found += page

    assert found == sorted(said, key=lambda message: message.id, reverse=True)


@pytest.mark.parametrize("kind", ["postgres"])
async def test_postgresql_knows_the_grammar_of_a_language(place: Place) -> None:
    await place.say("the cats were running", language="en-GB")
    await place.say("die Häuser der Stadt", language="de")

    assert await place.find("cat run", language="en") == ["the cats were running"]
    assert await place.find("Haus", language="de") == ["die Häuser der Stadt"]
    assert await place.find("runs", language="en") == ["the cats were running"]
    assert await place.find("runs", language="xx") == await place.find("runs") == []
    assert await place.find('"cats were"', language="en") == ["the cats were running"]
    assert await place.find("die", language="de") == ["die Häuser der Stadt"]


async def test_a_match_far_back_is_found_behind_many_that_do_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.storage.sql.search._BLOCKS", 1)
    await place.say("needle in the hay")
    await place.say(*["plain hay"] * 4500)
    await place.say("another needle")

    assert await place.find("needle") == await place.find("need*") == ["another needle", "needle in the hay"]
    assert await place.find("needle hay") == await place.find("ha* needle -plai*") == ["needle in the hay"]
    assert len(await place.find("hay", limit=20)) == 20
    assert await mine(place.storage, place.author, "needle") == ["another needle", "needle in the hay"]


_WORDS = ("ant", "anteaters", "bee", "beekeeping", "été", "東京")
_BEGINNINGS = [f"{word[:size]}*" for word in _WORDS for size in (1, 2, 3, 7, 8) if size <= len(word)]
_TERMS = [*_WORDS, *(f'"{one} bee"' for one in _WORDS), *(f"{one}-{other[:2]}*" for one in _WORDS for other in _WORDS)]
_ANY = st.sampled_from(_BEGINNINGS) | st.sampled_from(_TERMS)


@pytest.fixture
async def crowded(
    storage: Storage, ada: Participant, bob: Participant, monkeypatch: pytest.MonkeyPatch
) -> tuple[Place, Place]:
    """Two rooms whose newest messages alone are walked through, on a server where somebody else talks of the same."""
    monkeypatch.setattr("engine.storage.sql.search._WALKED", 8)
    chance = random.Random(11)
    here, also, there = [await Place.open(storage, author) for author in (ada, ada, bob)]
    for _ in range(12):
        for place, most in ((here, 5), (also, 2), (there, 5)):
            texts = [" ".join(chance.choices(_WORDS, k=chance.randint(1, 4))) for _ in range(chance.randint(1, most))]
            await place.say(*texts)
    return here, also


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    wanted=st.lists(_ANY, min_size=1, max_size=3),
    unwanted=st.lists(_ANY, max_size=2),
    before=st.none() | st.integers(0, 60),
    limit=st.integers(1, 12),
)
async def test_what_is_found_is_what_looking_at_every_message_finds(
    crowded: tuple[Place, Place], wanted: list[str], unwanted: list[str], before: int | None, limit: int
) -> None:
    query = parse(" ".join([*wanted, *(f"-{term}" for term in unwanted)]))
    said = sorted((message for place in crowded for message in place.said), key=lambda message: message.id)
    end = None if before is None else said[before % len(said)]
    expected = [message for message in reversed(said) if matches(query, message.text)]
    search, room, author = crowded[0].storage.search, crowded[0].room, crowded[0].author

    here = await search.in_timeline(room.id, query, before=None if end is None else end.offset, limit=limit)
    mine = await search.of_member(author.id, query, before=None if end is None else end.id, limit=limit)

    in_room = [message for message in expected if message.timeline_id == room.id]
    assert here == [message for message in in_room if end is None or message.offset < end.offset][:limit]
    assert mine == [message for message in expected if end is None or message.id < end.id][:limit]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    typed=st.text(min_size=1, max_size=40)
    | st.text(alphabet="""ab"'*-+:()&|!<>^{}\\.,~#@%_$ \t\n0東é""", min_size=1, max_size=40)
    | st.sampled_from(["AND OR NOT", "NEAR(a b)", "words:a", "a:*", "''", '"a"*"b"', "-", '-"', "a\\", "1e5abc"])
)
async def test_whatever_is_typed_is_a_query_or_refused_by_name(place: Place, typed: str) -> None:
    query = refused = None
    try:
        query = parse(typed)
    except InvalidRequest as error:
        refused = error

    if query is None:
        assert refused is not None
        assert [error.path for error in refused.errors] == ["q"]
        return
    assert await place.storage.search.in_timeline(place.room.id, query, limit=5, language="de") == []
    assert await place.storage.search.of_member(place.author.id, query, limit=5, language="en") == []
    await place.storage.search.in_timeline(place.room.id, query, limit=5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()).map("so {}".format))
@example("so ⒈5")
@example("so \u0301")
async def test_every_text_is_found_by_itself(place: Place, text: str) -> None:
    """Behind a word that both databases know: what they take for no letter (numerals of rare scripts) is found nowhere."""
    await place.say(text)

    assert text in await place.find('"' + text.replace('"', " ") + '"', limit=1)
