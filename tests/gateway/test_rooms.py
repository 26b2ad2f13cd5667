"""Rooms and members over HTTP, point 5 of what the predecessor got wrong among them."""

import anyio
import pytest
from aiohttp.test_utils import TestClient, TestServer

from engine.domain.fields import ParticipantId
from engine.engine import Engine
from engine.settings import RoomCreation, Settings
from gateway.app import build_app
from tests.support.rest import Answer, Caller, Client, Person, sign_up

pytestmark = pytest.mark.anyio

NOWHERE = "0190a000-0000-7000-8000-000000000000"


async def test_whoever_opens_a_room_is_its_owner(ada: Person) -> None:
    opened = await ada.post("/rooms", {"name": "Lobby", "capacity": 5, "language": "de"})

    members = await ada.get(f"/rooms/{opened.body['id']}/members")
    assert opened.status == 201
    assert (opened.body["name"], opened.body["capacity"], opened.body["visibility"]) == ("Lobby", 5, "public")
    assert members.body["items"] == [
        {"participant": {"id": ada.id, "kind": "user", "name": "ada"}, "role": "owner", "presence": "offline"}
    ]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a", "capacity": 0}, "capacity"),
        ({"name": "a", "capacity": "5"}, "capacity"),
        ({"name": "a", "visibility": "secret"}, "visibility"),
        ({"name": "a", "owner": "me"}, "owner"),
        ({"name": "a\u0000b"}, "name"),
    ],
)
async def test_a_room_that_breaks_a_rule_names_the_field(ada: Person, body: dict[str, object], path: str) -> None:
    answer = await ada.post("/rooms", body)

    assert (answer.status, answer.code, answer.paths) == (422, "invalid_request", [path])


async def test_rooms_are_listed_page_by_page(ada: Person) -> None:
    opened = [await ada.room(f"Room {number}") for number in range(5)]

    first = await ada.get("/rooms?limit=3")
    second = await ada.get(f"/rooms?limit=3&after={first.body['next']}")

    assert [room["id"] for room in first.body["items"] + second.body["items"]] == opened
    assert second.body["next"] is None


async def test_rooms_are_found_by_a_part_of_their_name(ada: Person) -> None:
    await ada.room("The Salon")
    await ada.room("Werkstatt")

    found = await ada.get("/rooms?query=SALON")
    wildcard = await ada.get("/rooms?query=%25")

    assert [room["name"] for room in found.body["items"]] == ["The Salon"]
    assert wildcard.body["items"] == []


@pytest.mark.parametrize(
    ("query", "path"), [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("page=2", "page")]
)
async def test_a_page_size_over_the_limit_is_refused_by_name(ada: Person, query: str, path: str) -> None:
    answer = await ada.get(f"/rooms?{query}")

    assert (answer.status, answer.paths) == (422, [path])


async def test_a_private_room_is_unknown_to_strangers(ada: Person, bob: Person) -> None:
    room = await ada.room(visibility="private")

    answers = [
        await bob.get(f"/rooms/{room}"),
        await bob.post(f"/rooms/{room}/join"),
        await bob.patch(f"/rooms/{room}", {"name": "Mine"}),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [(404, "not_found")] * 3
    assert (await bob.get("/rooms")).body["items"] == []
    assert [each["id"] for each in (await ada.get("/rooms")).body["items"]] == [room]


@pytest.mark.parametrize("room_id", ["7", NOWHERE, "not-a-room", "%00"])
async def test_a_room_that_does_not_exist_is_a_404_everywhere(ada: Person, room_id: str) -> None:
    answers = [
        await ada.get(f"/rooms/{room_id}"),
        await ada.patch(f"/rooms/{room_id}", {"name": "x"}),
        await ada.delete(f"/rooms/{room_id}"),
        await ada.post(f"/rooms/{room_id}/join"),
        await ada.post(f"/rooms/{room_id}/leave"),
        await ada.get(f"/rooms/{room_id}/members"),
        await ada.put(f"/rooms/{room_id}/members/{ada.id}", {"role": "member"}),
        await ada.delete(f"/rooms/{room_id}/members/{ada.id}"),
        await ada.get(f"/rooms/{room_id}/messages"),
        await ada.post(f"/rooms/{room_id}/messages", {"text": "hi"}),
        await ada.get(f"/rooms/{room_id}/events"),
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}


async def test_an_owner_changes_the_room(ada: Person) -> None:
    room = await ada.room(capacity=5, description="old")

    changed = await ada.patch(f"/rooms/{room}", {"name": "Attic", "capacity": None})

    assert (changed.body["name"], changed.body["capacity"], changed.body["description"]) == ("Attic", None, "old")
    assert (await ada.get(f"/rooms/{room}")).body == changed.body


async def test_a_member_may_not_change_or_close_the_room(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")

    changed, closed = await bob.patch(f"/rooms/{room}", {"name": "Mine"}), await bob.delete(f"/rooms/{room}")

    assert (changed.status, changed.code) == (closed.status, closed.code) == (403, "forbidden")


async def test_joining_answers_the_room_and_joining_again_is_fine(ada: Person, bob: Person) -> None:
    room = await ada.room()

    first, again = await bob.post(f"/rooms/{room}/join"), await bob.post(f"/rooms/{room}/join")

    members = (await ada.get(f"/rooms/{room}/members")).body["items"]
    assert (first.status, first.body["id"]) == (again.status, again.body["id"]) == (200, room)
    assert [member["participant"]["id"] for member in members] == [ada.id, bob.id]


async def test_someone_who_left_can_come_back(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")

    left, left_again = await bob.post(f"/rooms/{room}/leave"), await bob.post(f"/rooms/{room}/leave")
    joined = await bob.post(f"/rooms/{room}/join")

    assert (left.status, left_again.status, joined.status) == (204, 204, 200)


async def test_someone_who_left_can_be_added_again_and_adding_twice_is_fine(ada: Person, bob: Person) -> None:
    room = await ada.room()
    place = f"/rooms/{room}/members/{bob.id}"
    await bob.post(f"/rooms/{room}/join")
    await bob.post(f"/rooms/{room}/leave")

    added, again = await ada.put(place, {"role": "member"}), await ada.put(place, {"role": "member"})

    assert (added.status, again.status) == (200, 200)
    assert (added.body["participant"]["id"], added.body["role"]) == (bob.id, "member")
    assert len((await ada.get(f"/rooms/{room}/members")).body["items"]) == 2


async def test_an_owner_gives_and_takes_roles(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")

    promoted = await ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "moderator"})
    overreach = await bob.put(f"/rooms/{room}/members/{bob.id}", {"role": "owner"})

    assert (promoted.status, promoted.body["role"]) == (200, "moderator")
    assert (overreach.status, overreach.code) == (403, "forbidden")


@pytest.mark.parametrize("participant", ["7", NOWHERE])
async def test_adding_someone_who_does_not_exist_is_a_404(ada: Person, participant: str) -> None:
    room = await ada.room()

    answer = await ada.put(f"/rooms/{room}/members/{participant}", {"role": "member"})

    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_role_that_does_not_exist_names_the_field(ada: Person, bob: Person) -> None:
    room = await ada.room()

    answer = await ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "king"})

    assert (answer.status, answer.paths) == (422, ["role"])


async def test_a_removed_member_is_outside(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")

    removed = await ada.delete(f"/rooms/{room}/members/{bob.id}")
    post = await bob.post(f"/rooms/{room}/messages", {"text": "still here?"})

    assert (removed.status, post.status, post.code) == (204, 403, "forbidden")


async def test_of_many_who_join_at_once_no_more_than_the_capacity_get_in(client: Client, ada: Person) -> None:
    room = await ada.room(capacity=3)
    people = [await sign_up(client, f"guest{number}") for number in range(12)]
    answers: list[Answer] = []

    async def join(person: Person) -> None:
        answers.append(await person.post(f"/rooms/{room}/join"))

    async with anyio.create_task_group() as crowd:
        for person in people:
            crowd.start_soon(join, person)

    assert sorted(answer.status for answer in answers) == [200] * 2 + [409] * 10
    assert {answer.code for answer in answers if answer.status == 409} == {"room_full"}
    assert len((await ada.get(f"/rooms/{room}/members")).body["items"]) == 3


async def test_an_archived_room_stays_readable_and_takes_nothing_new(ada: Person, bob: Person) -> None:
    room = await ada.room()
    await ada.say(room, "goodbye")

    archived = await ada.delete(f"/rooms/{room}")

    history = await ada.get(f"/rooms/{room}/messages")
    post = await ada.post(f"/rooms/{room}/messages", {"text": "wait"})
    join = await bob.post(f"/rooms/{room}/join")
    assert archived.status == 204
    assert [message["text"] for message in history.body["items"]] == ["goodbye"]
    assert (post.status, post.code) == (409, "conflict")
    assert join.status in {404, 409}
    assert (await ada.get("/rooms")).body["items"] == []


async def test_the_name_of_an_archived_room_can_be_used_again(ada: Person) -> None:
    first = await ada.room("Lobby")
    await ada.delete(f"/rooms/{first}")

    second = await ada.post("/rooms", {"name": "Lobby"})

    assert (second.status, second.body["id"] != first) == (201, True)


async def test_presence_says_offline_for_who_is_not_connected(ada: Person) -> None:
    room = await ada.room()
    await ada.patch("/me", {"status": "busy"})

    (member,) = (await ada.get(f"/rooms/{room}/members")).body["items"]

    assert member["presence"] == "offline"


async def test_presence_is_the_status_of_who_is_connected(engine: Engine, ada: Person) -> None:
    room = await ada.room()
    engine.presence.connected(await engine.accounts.user(ParticipantId(ada.id)), "client-1")
    await ada.patch("/me", {"status": "busy"})

    (member,) = (await ada.get(f"/rooms/{room}/members")).body["items"]

    assert member["presence"] == "busy"


async def test_where_only_administrators_open_rooms_nobody_else_does(
    engine: Engine, settings: Settings, root: Person, ada: Person
) -> None:
    strict = settings.model_copy(update={"room_creation": RoomCreation.ADMIN})

    async with TestClient(TestServer(build_app(engine, strict))) as client:
        refused = await Caller(client, ada.token).post("/rooms", {"name": "Mine"})
        opened = await Caller(client, root.token).post("/rooms", {"name": "Ours"})

    assert (refused.status, refused.code, opened.status) == (403, "forbidden", 201)


async def test_an_administrator_sees_private_rooms(root: Person, ada: Person) -> None:
    room = await ada.room(visibility="private")

    listed, read = await root.get("/rooms"), await root.get(f"/rooms/{room}")

    assert [each["id"] for each in listed.body["items"]] == [room]
    assert read.status == 200


async def test_a_stranger_cannot_list_members_of_a_room(anyone: Caller, ada: Person, bob: Person) -> None:
    room = await ada.room()

    outside = await bob.get(f"/rooms/{room}/members")
    nobody = await anyone.get(f"/rooms/{room}/members")

    assert (outside.status, outside.code) == (403, "forbidden")
    assert nobody.status == 401
