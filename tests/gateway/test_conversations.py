"""Private and group conversations over HTTP; adding twice, coming back and talking to oneself among them."""

import anyio
import pytest

from tests.support.rest import Answer, Client, Person, sign_up

pytestmark = pytest.mark.anyio

NOWHERE = "0190a000-0000-7000-8000-000000000000"


async def begin(person: Person, *others: str, kind: str = "private", **fields: object) -> Answer:
    return await person.post("/conversations", {"kind": kind, "participants": list(others), **fields})


async def test_two_people_talk_in_private(ada: Person, bob: Person) -> None:
    begun = await begin(ada, "bob")
    path = f"/conversations/{begun.body['id']}"

    posted = await ada.post(f"{path}/messages", {"text": "psst"})
    page = await bob.get(f"{path}/messages")

    assert (begun.status, posted.status) == (201, 201)
    assert (begun.body["kind"], begun.body["title"], begun.body["room_id"]) == ("private", None, None)
    assert [person["name"] for person in begun.body["participants"]] == ["ada", "bob"]
    assert [message["text"] for message in page.body["items"]] == ["psst"]


async def test_a_private_conversation_is_never_doubled(ada: Person, bob: Person) -> None:
    answers: list[Answer] = []

    async def one(person: Person, other: str) -> None:
        answers.append(await begin(person, other))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(one, ada, bob.id)
            tasks.start_soon(one, bob, "ADA")

    assert len({answer.body["id"] for answer in answers}) == 1
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len((await ada.get("/conversations")).body["items"]) == 1


async def test_who_begins_a_conversation_may_name_themselves_too(ada: Person, bob: Person) -> None:
    begun = await begin(ada, "bob")

    named = await ada.post("/conversations", {"kind": "private", "participants": [ada.id, bob.id]})

    assert (named.status, named.body["id"]) == (200, begun.body["id"])


async def test_the_same_two_have_another_one_in_each_room(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")

    alone = await begin(ada, "bob")
    inside = await begin(ada, "bob", room_id=room)
    again = await begin(bob, "ada", room_id=room)

    assert alone.body["id"] != inside.body["id"] == again.body["id"]
    assert again.status == 200


async def test_a_conversation_in_a_room_is_among_its_members(ada: Person, bob: Person) -> None:
    room = await ada.room()

    stranger = await begin(ada, "bob", room_id=room)
    outsider = await begin(bob, "ada", room_id=room)
    nowhere = await begin(ada, "bob", room_id=NOWHERE)

    assert [answer.status for answer in (stranger, outsider, nowhere)] == [403, 403, 404]


@pytest.mark.usefixtures("bob", "eve")
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "private", "participants": []}, "participants"),
        ({"kind": "private", "participants": ["ada"]}, "participants"),
        ({"kind": "private", "participants": ["bob", "eve"]}, "participants"),
        ({"kind": "private", "participants": ["nobody"]}, "participants.0"),
        ({"kind": "private", "participants": ["bob@example.org"]}, "participants.0"),
        ({"kind": "private", "participants": ["bob"], "title": "Us"}, "title"),
        ({"kind": "group", "participants": ["bob"] * 101}, "participants"),
        ({"kind": "crowd", "participants": ["bob"]}, "kind"),
        ({"kind": "group", "participants": ["bob"], "title": ""}, "title"),
    ],
)
async def test_what_breaks_a_rule_names_the_field(ada: Person, body: dict[str, object], path: str) -> None:
    answer = await ada.post("/conversations", body)

    assert (answer.status, answer.paths) == (422, [path])


async def test_only_participants_see_that_a_conversation_exists(
    ada: Person, bob: Person, eve: Person, root: Person
) -> None:
    begun = await begin(ada, "bob")
    path = f"/conversations/{begun.body['id']}"
    message = (await ada.post(f"{path}/messages", {"text": "psst"})).body["id"]

    for outsider in (eve, root):
        refused = [
            await outsider.get(path),
            await outsider.patch(path, {"archived": True}),
            await outsider.delete(path),
            await outsider.post(f"{path}/participants", {"participant": "eve"}),
            await outsider.delete(f"{path}/participants/{bob.id}"),
            await outsider.get(f"{path}/messages"),
            await outsider.get(f"{path}/messages/{message}"),
            await outsider.get(f"{path}/messages/{message}/thread"),
            await outsider.post(f"{path}/messages", {"text": "hello"}),
            await outsider.patch(f"{path}/messages/{message}", {"text": "hello"}),
            await outsider.delete(f"{path}/messages/{message}"),
            await outsider.put(f"{path}/messages/{message}/reactions/👍"),
            await outsider.get(f"{path}/events"),
        ]
        assert [answer.status for answer in refused] == [404] * len(refused)
        assert (await outsider.get("/conversations")).body["items"] == []


async def test_a_group_grows_shrinks_and_is_renamed(ada: Person, bob: Person, eve: Person) -> None:
    begun = await begin(ada, "bob", kind="group", title="Three")
    path = f"/conversations/{begun.body['id']}"

    added = await bob.post(f"{path}/participants", {"participant": "eve"})
    twice = await bob.post(f"{path}/participants", {"participant": eve.id})
    renamed = await eve.patch(path, {"title": "Four"})
    not_hers = await eve.delete(f"{path}/participants/{bob.id}")
    removed = await ada.delete(f"{path}/participants/{bob.id}")
    gone = await bob.get(path)
    back = await eve.post(f"{path}/participants", {"participant": "bob"})

    assert [added.status, twice.status, renamed.status] == [201, 200, 200]
    assert [not_hers.status, removed.status, gone.status, back.status] == [403, 204, 404, 201]
    assert back.body["title"] == "Four"
    assert [person["name"] for person in back.body["participants"]] == ["ada", "eve", "bob"]


@pytest.mark.usefixtures("eve")
async def test_nobody_joins_or_is_removed_from_a_private_conversation(ada: Person, bob: Person) -> None:
    path = f"/conversations/{(await begin(ada, 'bob')).body['id']}"

    assert (await ada.post(f"{path}/participants", {"participant": "eve"})).status == 409
    assert (await ada.delete(f"{path}/participants/{bob.id}")).status == 409
    assert (await ada.patch(path, {"title": "Us"})).status == 409


async def test_who_left_a_private_conversation_comes_back_by_beginning_it_again(ada: Person, bob: Person) -> None:
    begun = await begin(ada, "bob")
    path = f"/conversations/{begun.body['id']}"
    await ada.post(f"{path}/messages", {"text": "hello"})

    left = await bob.delete(path)
    hidden = await bob.get(path)
    again = await begin(ada, "bob")
    page = await bob.get(f"{path}/messages")

    assert (left.status, hidden.status, again.status) == (204, 404, 200)
    assert again.body["id"] == begun.body["id"]
    assert [message["text"] for message in page.body["items"]] == ["hello"]


async def test_archiving_hides_nothing_and_can_be_undone(ada: Person, bob: Person) -> None:
    path = f"/conversations/{(await begin(ada, 'bob')).body['id']}"
    await ada.post(f"{path}/messages", {"text": "hello"})

    archived = await bob.patch(path, {"archived": True})
    refused = await ada.post(f"{path}/messages", {"text": "still here"})
    page = await ada.get(f"{path}/messages")
    opened = await ada.patch(path, {"archived": False})
    posted = await ada.post(f"{path}/messages", {"text": "still here"})

    assert archived.body["archived_at"] is not None
    assert (refused.status, refused.code) == (409, "conflict")
    assert len(page.body["items"]) == 1
    assert (opened.body["archived_at"], posted.status) == (None, 201)


async def test_a_group_that_everyone_has_left_is_archived(ada: Person, bob: Person) -> None:
    path = f"/conversations/{(await begin(ada, 'bob', kind='group')).body['id']}"

    await ada.delete(path)
    heir = await bob.patch(path, {"archived": True})  # the owner, now
    await bob.patch(path, {"archived": False})
    await bob.delete(path)

    assert heir.status == 200
    assert (await bob.get("/conversations")).body["items"] == []


async def test_who_is_deactivated_is_not_added(ada: Person, bob: Person, root: Person) -> None:
    await root.patch(f"/admin/users/{bob.id}", {"active": False})

    answer = await begin(ada, "bob")

    assert (answer.status, answer.paths) == (422, ["participants.0"])


async def test_everyone_has_a_name_to_find_their_conversations_by_page(ada: Person, client: Client) -> None:
    people = [await sign_up(client, f"guest{number}") for number in range(5)]
    begun = [(await begin(ada, person.id)).body["id"] for person in people]

    first = await ada.get("/conversations?limit=3")
    second = await ada.get(f"/conversations?limit=3&after={first.body['next']}")

    listed = first.body["items"] + second.body["items"]
    assert [each["id"] for each in listed] == begun
    assert [each["participants"][1]["name"] for each in listed] == [person.username for person in people]
    assert {each["participants"][0]["presence"] for each in listed} == {"offline"}
