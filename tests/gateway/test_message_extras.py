"""Reactions, mentions, threads and versions of messages over HTTP."""

import pytest

from tests.support.rest import Person

pytestmark = pytest.mark.anyio


async def a_room(owner: Person, *members: Person) -> str:
    room = await owner.room()
    for member in members:
        await member.post(f"/rooms/{room}/join")
    return room


async def test_people_react_once_each_and_take_it_back(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)
    path = f"/rooms/{room}/messages/{(await ada.say(room, 'hello'))['id']}"

    for person in (ada, bob, bob):
        answer = await person.put(f"{path}/reactions/👍")
        assert answer.status == 200
    await bob.put(f"{path}/reactions/🎉")
    both = await ada.get(path)
    await ada.delete(f"{path}/reactions/👍")
    await ada.delete(f"{path}/reactions/👍")
    one = await ada.get(path)
    events = await ada.get(f"/rooms/{room}/events")

    assert both.body["reactions"] == {"👍": [ada.id, bob.id], "🎉": [bob.id]}
    assert one.body["reactions"] == {"👍": [bob.id], "🎉": [bob.id]}
    assert [event["type"] for event in events.body["items"][-4:]] == ["reaction.added"] * 3 + ["reaction.removed"]


@pytest.mark.parametrize("emoji", ["a", "👍 ", "ok", "👍x", "🎉" * 17, "%20", "1"])
async def test_a_reaction_is_one_emoji(ada: Person, emoji: str) -> None:
    room = await ada.room()
    message = await ada.say(room, "hello")

    answer = await ada.put(f"/rooms/{room}/messages/{message['id']}/reactions/{emoji}")

    assert (answer.status, answer.paths) == (422, ["emoji"])


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "👨‍👩‍👧‍👦", "❤️", "1️⃣", "🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "✅", "‼️"])
async def test_emoji_of_every_make_are_reactions(ada: Person, emoji: str) -> None:
    room = await ada.room()
    message = await ada.say(room, "hello")

    answer = await ada.put(f"/rooms/{room}/messages/{message['id']}/reactions/{emoji}")

    assert answer.body["reactions"] == {emoji: [ada.id]}


async def test_a_deleted_message_has_no_reactions_and_gets_none(ada: Person) -> None:
    room = await ada.room()
    path = f"/rooms/{room}/messages/{(await ada.say(room, 'hello @ada'))['id']}"
    await ada.put(f"{path}/reactions/👍")

    await ada.delete(path)

    gone = (await ada.get(path)).body
    assert (gone["text"], gone["reactions"], gone["mentions"]) == ("", {}, [])
    assert (await ada.put(f"{path}/reactions/👍")).status == 409


@pytest.mark.usefixtures("eve")
async def test_members_are_mentioned_by_name_and_strangers_are_not(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)
    await bob.patch("/me", {"display_name": "Bob the Builder"})

    message = await ada.say(room, "@BOB, is planning@bob or `@ada` with @eve? @room.")
    edited = await ada.patch(f"/rooms/{room}/messages/{message['id']}", {"text": "@ada alone"})

    assert (message["mentions"], message["mentions_all"]) == ([bob.id], True)
    assert (edited.body["mentions"], "mentions_all" in edited.body) == ([ada.id], False)


async def test_a_thread_is_a_message_and_what_answers_it_at_any_depth(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)
    root = await ada.say(room, "who comes?")
    await ada.say(room, "something else")
    first = await bob.say(room, "me", reply_to=root["id"])
    second = await ada.say(room, "good", reply_to=first["id"])
    third = await bob.say(room, "and Eve", reply_to=root["id"])

    whole = await ada.get(f"/rooms/{room}/messages/{root['id']}/thread")
    part = await ada.get(f"/rooms/{room}/messages/{root['id']}/thread?limit=2")
    rest = await ada.get(f"/rooms/{room}/messages/{root['id']}/thread?after={part.body['next']}")

    assert whole.body["message"]["id"] == root["id"]
    assert [each["id"] for each in whole.body["items"]] == [first["id"], second["id"], third["id"]]
    assert [each["id"] for each in part.body["items"] + rest.body["items"]] == [first["id"], second["id"], third["id"]]
    assert rest.body["next"] is None


async def test_what_a_message_said_before_is_for_its_author_and_moderators(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await a_room(ada, bob, eve)
    path = f"/rooms/{room}/messages/{(await bob.say(room, 'teh'))['id']}"
    await bob.patch(path, {"text": "the"})

    seen = [(await person.get(f"{path}/versions")) for person in (ada, bob)]
    refused = await eve.get(f"{path}/versions")
    await bob.delete(path)
    after = await ada.get(f"{path}/versions")

    assert [[version["text"] for version in answer.body["items"]] for answer in seen] == [["teh", "the"]] * 2
    assert refused.status == 403
    assert [version["text"] for version in after.body["items"]] == ["", ""]
