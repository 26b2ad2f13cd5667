"""Messages and events over HTTP."""

import anyio
import pytest

from tests.support.rest import Answer, Person

pytestmark = pytest.mark.anyio

NOWHERE = "0190a000-0000-7000-8000-000000000000"


async def test_a_message_is_answered_as_it_is_stored(ada: Person) -> None:
    room = await ada.room()

    answer = await ada.post(f"/rooms/{room}/messages", {"text": "Hallo", "client_id": "c-1", "language": "de"})

    message = answer.body
    assert answer.status == 201
    assert message["author"] == {"id": ada.id, "kind": "user", "name": "ada"}
    assert (message["text"], message["client_id"], message["language"]) == ("Hallo", "c-1", "de")
    assert (message["timeline_id"], message["offset"], message["reply_to"]) == (room, 2, None)
    assert (message["edited_at"], message["deleted_at"], message["reactions"], message["mentions"]) == (
        None,
        None,
        {},
        [],
    )
    assert message["created_at"].endswith("Z")
    assert (await ada.get(f"/rooms/{room}/messages/{message['id']}")).body == message


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": 5}, "text"),
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\u0000b"}, "text"),
        ({"text": "hi", "colour": "red"}, "colour"),
        ({"text": "hi", "client_id": ""}, "client_id"),
        ({"text": "hi", "language": "x"}, "language"),
        ({"text": "hi", "reply_to": 5}, "reply_to"),
    ],
)
async def test_a_post_that_breaks_a_rule_names_the_field(ada: Person, body: dict[str, object], path: str) -> None:
    room = await ada.room()

    answer = await ada.post(f"/rooms/{room}/messages", body)

    assert (answer.status, answer.code, answer.paths) == (422, "invalid_request", [path])


async def test_a_post_larger_than_the_server_reads_is_a_413(ada: Person) -> None:
    room = await ada.room()

    answer = await ada.post(f"/rooms/{room}/messages", {"text": "x" * 70_000})

    assert (answer.status, answer.code) == (413, "payload_too_large")


async def test_the_same_client_id_posted_fifty_times_at_once_gives_one_message(ada: Person) -> None:
    room = await ada.room()
    answers: list[Answer] = []

    async def post() -> None:
        answers.append(await ada.post(f"/rooms/{room}/messages", {"text": "once", "client_id": "c-1"}))

    async with anyio.create_task_group() as crowd:
        for _ in range(50):
            crowd.start_soon(post)

    assert sorted(answer.status for answer in answers) == [200] * 49 + [201]
    assert all(answer.body == answers[0].body for answer in answers)
    assert len((await ada.get(f"/rooms/{room}/messages")).body["items"]) == 1


async def test_a_reply_names_the_message_it_answers(ada: Person) -> None:
    room = await ada.room()
    first = await ada.say(room, "question")

    reply = await ada.say(room, "answer", reply_to=first["id"])

    assert reply["reply_to"] == first["id"]


@pytest.mark.parametrize("reply_to", [NOWHERE, "nonsense", "'; drop table messages"])
async def test_a_reply_to_what_is_not_there_is_refused(ada: Person, reply_to: str) -> None:
    room = await ada.room()

    answer = await ada.post(f"/rooms/{room}/messages", {"text": "hi", "reply_to": reply_to})

    assert answer.status in {404, 422}


async def test_history_is_read_newest_first_page_by_page(ada: Person) -> None:
    room = await ada.room()
    said = [await ada.say(room, f"message {number}") for number in range(7)]

    first = await ada.get(f"/rooms/{room}/messages?limit=3")
    second = await ada.get(f"/rooms/{room}/messages?limit=3&before={first.body['next_before']}")
    third = await ada.get(f"/rooms/{room}/messages?limit=3&before={second.body['next_before']}")

    assert [*first.body["items"], *second.body["items"], *third.body["items"]] == said[::-1]
    assert third.body["next_before"] is None


async def test_history_is_read_forward_from_an_offset(ada: Person) -> None:
    room = await ada.room()
    said = [await ada.say(room, f"message {number}") for number in range(5)]

    answer = await ada.get(f"/rooms/{room}/messages?after={said[1]['offset']}&limit=2&language=de")

    assert [message["text"] for message in answer.body["items"]] == ["message 3", "message 2"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("before=-1", "before"),
        ("before=99999999999999999999", "before"),
        ("after=x", "after"),
        ("language=1", "language"),
        ("offset=3", "offset"),
    ],
)
async def test_a_page_that_breaks_a_rule_names_the_parameter(ada: Person, query: str, path: str) -> None:
    room = await ada.room()

    answer = await ada.get(f"/rooms/{room}/messages?{query}")

    assert (answer.status, answer.code, answer.paths) == (422, "invalid_request", [path])


async def test_an_author_edits_their_message(ada: Person) -> None:
    room = await ada.room()
    message = await ada.say(room, "tpyo")

    answer = await ada.patch(f"/rooms/{room}/messages/{message['id']}", {"text": "typo"})

    assert (answer.status, answer.body["text"], answer.body["offset"]) == (200, "typo", message["offset"])
    assert answer.body["edited_at"] is not None


async def test_an_edit_obeys_the_rules_of_a_post(ada: Person) -> None:
    room = await ada.room()
    message = await ada.say(room, "hi")

    answers = [
        await ada.patch(f"/rooms/{room}/messages/{message['id']}", {"text": text}) for text in ("", "x" * 4001, None)
    ]

    assert [(answer.status, answer.paths) for answer in answers] == [(422, ["text"])] * 3


async def test_nobody_edits_what_someone_else_said(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    message = await bob.say(room, "mine")

    answer = await ada.patch(f"/rooms/{room}/messages/{message['id']}", {"text": "yours"})

    assert (answer.status, answer.code) == (403, "forbidden")


async def test_a_deleted_message_leaves_an_empty_place(ada: Person) -> None:
    room = await ada.room()
    message = await ada.say(room, "secret")

    deleted, again = (
        await ada.delete(f"/rooms/{room}/messages/{message['id']}"),
        await ada.delete(f"/rooms/{room}/messages/{message['id']}"),
    )

    left = (await ada.get(f"/rooms/{room}/messages/{message['id']}")).body
    assert (deleted.status, again.status) == (204, 204)
    assert (left["text"], left["offset"], left["deleted_at"] is not None) == ("", message["offset"], True)
    assert "secret" not in str((await ada.get(f"/rooms/{room}/events")).body)


async def test_a_member_deletes_only_their_own_and_an_owner_anything(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    hers, his = await ada.say(room, "hers"), await bob.say(room, "his")

    by_member = await bob.delete(f"/rooms/{room}/messages/{hers['id']}")
    by_owner = await ada.delete(f"/rooms/{room}/messages/{his['id']}")

    assert (by_member.status, by_member.code, by_owner.status) == (403, "forbidden", 204)


@pytest.mark.parametrize("message_id", ["7", NOWHERE])
async def test_a_message_that_does_not_exist_is_a_404(ada: Person, message_id: str) -> None:
    place = f"/rooms/{await ada.room()}/messages/{message_id}"

    answers = [await ada.get(place), await ada.patch(place, {"text": "x"}), await ada.delete(place)]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}


async def test_a_message_is_not_found_through_another_room(ada: Person) -> None:
    message = await ada.say(await ada.room(), "here")

    answer = await ada.get(f"/rooms/{await ada.room()}/messages/{message['id']}")

    assert (answer.status, answer.code) == (404, "not_found")


async def test_strangers_neither_read_nor_write(ada: Person, bob: Person) -> None:
    room = await ada.room()
    message = await ada.say(room, "between us")

    answers = [
        await bob.get(f"/rooms/{room}/messages"),
        await bob.get(f"/rooms/{room}/messages/{message['id']}"),
        await bob.get(f"/rooms/{room}/events"),
        await bob.post(f"/rooms/{room}/messages", {"text": "hello?"}),
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(403, "forbidden")}


async def test_events_follow_each_other_without_a_gap(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    message = await ada.say(room, "hi")

    answer = await ada.get(f"/rooms/{room}/events")

    events = answer.body["items"]
    assert [(event["offset"], event["type"]) for event in events] == [
        (1, "member.joined"),
        (2, "member.joined"),
        (3, "message.posted"),
    ]
    assert (events[2]["actor"], events[2]["message"]) == (ada.id, message)
    assert answer.body["next"] is None


async def test_events_are_read_page_by_page(ada: Person) -> None:
    room = await ada.room()
    for number in range(5):
        await ada.say(room, f"message {number}")

    first = await ada.get(f"/rooms/{room}/events?limit=4")
    second = await ada.get(f"/rooms/{room}/events?since={first.body['next']}&limit=4")

    assert [event["offset"] for event in first.body["items"] + second.body["items"]] == [1, 2, 3, 4, 5, 6]
    assert second.body["next"] is None


@pytest.mark.parametrize("query", ["since=-1", "since=x", "limit=101", "limit=0"])
async def test_an_event_page_that_breaks_a_rule_names_the_parameter(ada: Person, query: str) -> None:
    answer = await ada.get(f"/rooms/{await ada.room()}/events?{query}")

    assert (answer.status, answer.paths) == (422, [query.partition("=")[0]])
