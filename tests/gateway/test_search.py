"""Searching over HTTP: what is found, how it is shown, and what stays hidden."""

from urllib.parse import quote

import pytest

from tests.support.rest import Person

pytestmark = pytest.mark.anyio


async def texts(person: Person, path: str) -> list[str]:
    answer = await person.get(path)
    assert answer.status == 200, answer.body
    return [message["text"] for message in answer.body["items"]]


async def test_a_found_message_says_where_its_words_are(ada: Person) -> None:
    room = await ada.room()
    said = await ada.say(room, "An apple a day. <b>Apple</b> pie!")

    answer = await ada.get(f"/rooms/{room}/search?q=apple")

    [found] = answer.body["items"]
    [snippet] = found.pop("highlights")
    assert found == said
    assert [snippet["text"][start:end] for start, end in snippet["ranges"]] == ["apple", "Apple"]
    assert answer.body["next_before"] is None


async def test_pages_go_back_from_the_newest(ada: Person) -> None:
    room = await ada.room()
    for number in range(5):
        await ada.say(room, f"word {number}")

    first = await ada.get(f"/rooms/{room}/search?q=word&limit=3")
    second = await ada.get(f"/rooms/{room}/search?q=word&limit=3&before={first.body['next_before']}")

    found = first.body["items"] + second.body["items"]
    assert [message["text"] for message in found] == [f"word {number}" for number in (4, 3, 2, 1, 0)]
    assert second.body["next_before"] is None


async def test_pages_across_mine_go_back_from_the_newest(ada: Person) -> None:
    rooms = [await ada.room(), await ada.room()]
    for number in range(5):
        await ada.say(rooms[number % 2], f"word {number}")

    first = await ada.get("/search?q=word&limit=3")
    second = await ada.get(f"/search?q=word&limit=3&after={first.body['next']}")

    found = first.body["items"] + second.body["items"]
    assert [message["text"] for message in found] == [f"word {number}" for number in (4, 3, 2, 1, 0)]
    assert second.body["next"] is None


async def test_a_changed_word_and_a_deleted_message_are_gone_at_once(ada: Person) -> None:
    room = await ada.room()
    changed, gone = await ada.say(room, "secret one"), await ada.say(room, "secret two")

    await ada.patch(f"/rooms/{room}/messages/{changed['id']}", {"text": "public"})
    await ada.delete(f"/rooms/{room}/messages/{gone['id']}")

    assert await texts(ada, f"/rooms/{room}/search?q=secret") == await texts(ada, "/search?q=secret") == []
    assert await texts(ada, f"/rooms/{room}/search?q=public") == ["public"]


async def test_strangers_find_nothing_wherever_they_search(ada: Person, bob: Person) -> None:
    open_room, private = await ada.room(), await ada.room(visibility="private")
    await ada.say(open_room, "secret")
    await ada.say(private, "secret")

    outside = await bob.get(f"/rooms/{open_room}/search?q=secret")
    hidden = await bob.get(f"/rooms/{private}/search?q=secret")

    assert (outside.status, outside.code) == (403, "forbidden")
    assert (hidden.status, hidden.code) == (404, "not_found")
    assert await texts(bob, "/search?q=secret") == []


async def test_who_left_or_was_removed_finds_nothing_any_more(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.room()
    await ada.say(room, "secret")
    await bob.post(f"/rooms/{room}/join")
    await eve.post(f"/rooms/{room}/join")
    assert await texts(bob, "/search?q=secret") == await texts(eve, f"/rooms/{room}/search?q=secret") == ["secret"]

    await bob.post(f"/rooms/{room}/leave")
    await ada.delete(f"/rooms/{room}/members/{eve.id}")

    for person in (bob, eve):
        assert (await person.get(f"/rooms/{room}/search?q=secret")).status == 403
        assert await texts(person, "/search?q=secret") == []


async def test_members_of_an_archived_room_still_find_what_was_said(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await ada.say(room, "farewell")
    await ada.delete(f"/rooms/{room}")

    assert (
        await texts(ada, f"/rooms/{room}/search?q=farewell") == await texts(ada, "/search?q=farewell") == ["farewell"]
    )
    assert await texts(bob, "/search?q=farewell") == []


async def test_mine_is_what_an_administrator_is_a_member_of(root: Person, ada: Person) -> None:
    room = await ada.room()
    await ada.say(room, "word")

    assert await texts(root, "/search?q=word") == []
    assert await texts(root, f"/rooms/{room}/search?q=word") == ["word"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "q"),
        ("q=", "q"),
        (f"q={'x' * 257}", "q"),
        ("q=%00", "q"),
        ("q=...", "q"),
        ("q=-word", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=101", "limit"),
        ("q=a&language=!", "language"),
    ],
)
async def test_a_search_that_breaks_a_rule_names_the_parameter(ada: Person, query: str, path: str) -> None:
    room = await ada.room()

    answers = [await ada.get(f"/rooms/{room}/search?{query}"), await ada.get(f"/search?{query}")]

    assert [(answer.status, answer.paths) for answer in answers] == [(422, [path])] * 2


@pytest.mark.parametrize(
    "typed", ['"', "a AND", "NEAR(a, b)", "a' OR 1=1 --", "(a", "a:*", "*", "^a", "a\\", "{a}", "😀 a"]
)
async def test_no_input_is_a_syntax_error(ada: Person, typed: str) -> None:
    room = await ada.room()

    assert {
        (await ada.get(f"/rooms/{room}/search?q={quote(typed)}")).status,
        (await ada.get(f"/search?q={quote(typed)}")).status,
    } <= {200, 422}
