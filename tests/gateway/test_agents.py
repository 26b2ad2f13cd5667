"""Agents over HTTP: who may define them, what is refused, where they come and go."""

from typing import Any

import pytest

from tests.support.rest import Person

pytestmark = pytest.mark.anyio

NOWHERE = "0190a000-0000-7000-8000-000000000000"
ANN: dict[str, Any] = {
    "name": "Ann",
    "persona": "You are kind.",
    "model": "openai:gpt-5-mini",
    "room_policy": "mention",
    "conversation_policy": "always",
}


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "room"}, "name"),
    ({"name": "an@example.org"}, "name"),
    ({"name": "x" * 65}, "name"),
    ({"model": ""}, "model"),
    ({"model": "python:nobody"}, "model"),
    ({"temperature": 2.5}, "temperature"),
    ({"temperature": -1}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"tools": ["search", "teleport"]}, "tools.1"),
    ({"room_policy": "sometimes"}, "room_policy"),
    ({"conversation_policy": None}, "conversation_policy"),
    ({"probability": 1.5}, "probability"),
    ({"cooldown_seconds": -1}, "cooldown_seconds"),
    ({"language": "not a language"}, "language"),
    ({"daily_answers": -1}, "daily_answers"),
    ({"daily_tokens": "many"}, "daily_tokens"),
    ({"persona": "x" * 20_001}, "persona"),
    ({"goodbye": " "}, "goodbye"),
    ({"colour": "red"}, "colour"),
]


async def define(root: Person, **fields: object) -> dict[str, Any]:
    answer = await root.post("/agents", {**ANN, **fields})
    assert answer.status == 201, answer.body
    return dict(answer.body)


async def names(person: Person, room: str) -> list[str]:
    members = await person.get(f"/rooms/{room}/members")
    return [item["participant"]["name"] for item in members.body["items"]]


async def types(person: Person, place: str) -> list[tuple[str, str]]:
    events = await person.get(f"/{place}/events?since=0&limit=100")
    return [(item["type"], item["actor"]) for item in events.body["items"]]


async def test_an_agent_is_as_it_was_defined(root: Person) -> None:
    full = {
        **ANN,
        "display_name": "Ann of Green Gables",
        "temperature": 0.5,
        "max_tokens": 200,
        "tools": ["search", "members", "current_time"],
        "probability": 0.25,
        "cooldown_seconds": 30,
        "language": "en",
        "daily_answers": 10,
        "daily_tokens": 10_000,
        "goodbye": "Farewell!",
    }

    made = await define(root, **full)

    assert {key: made[key] for key in full} == full
    assert (await root.get(f"/agents/{made['id']}")).body == made
    assert (await root.get("/agents")).body == {"items": [made], "next": None}
    assert (await root.get("/agents?query=aNN&limit=1")).body == {"items": [made], "next": None}
    assert (await root.get("/agents?query=bo")).body["items"] == []


async def test_agents_are_listed_in_pages(root: Person) -> None:
    made = [await define(root, name=f"agent {number}") for number in range(3)]

    first = await root.get("/agents?limit=2")
    second = await root.get(f"/agents?limit=2&after={first.body['next']}")

    assert [first.body["items"], second.body["items"]] == [made[:2], made[2:]]
    assert second.body["next"] is None


async def test_members_see_which_agents_they_could_bring_in_and_which_are_there(root: Person, ada: Person) -> None:
    here, elsewhere = await define(root), await define(root, name="Bea", room_policy="smart", tools=["search"])
    room = await ada.room()
    await ada.put(f"/rooms/{room}/agents/{here['id']}")
    group = await ada.post("/conversations", {"kind": "group", "participants": ["root", here["id"]]})

    offered = await ada.get(f"/rooms/{room}/agents")
    in_group = await ada.get(f"/conversations/{group.body['id']}/agents?query=ann")
    stranger = await root.get(f"/conversations/{group.body['id']}/agents?limit=1")

    assert [(each["id"], each["here"]) for each in offered.body["items"]] == [
        (here["id"], True),
        (elsewhere["id"], False),
    ]
    assert offered.body["items"][1]["room_policy"] == "smart"
    assert "persona" not in offered.body["items"][1]
    assert [each["name"] for each in in_group.body["items"]] == ["Ann"]
    assert stranger.body["next"] == here["id"]


async def test_the_agents_of_a_room_are_shown_to_its_members_alone(root: Person, ada: Person) -> None:
    room = await root.room(visibility="private")

    refused = await ada.get(f"/rooms/{room}/agents")

    assert refused.status == 404


async def test_what_cannot_be_is_refused_by_its_path(root: Person) -> None:
    made = await define(root)

    for changes, path in IMPOSSIBLE:
        created = await root.post("/agents", {**ANN, "name": "Bo", **changes})
        changed = await root.patch(f"/agents/{made['id']}", changes)

        assert (created.status, created.paths) == (422, [path])
        assert (changed.status, changed.paths) == (422, [path])
    assert (await root.get("/agents")).body["items"] == [made]


async def test_what_an_agent_needs_is_named(root: Person) -> None:
    for field in ("name", "persona", "model", "room_policy", "conversation_policy"):
        answer = await root.post("/agents", {key: value for key, value in ANN.items() if key != field})

        assert (answer.status, answer.paths) == (422, [field])


async def test_a_name_is_taken_by_agents_and_people(root: Person, ada: Person) -> None:
    assert ada.username == "ada"
    made = await define(root)
    other = await define(root, name="Bo")

    assert (await root.post("/agents", {**ANN, "name": "aNN"})).code == "conflict"
    assert (await root.post("/agents", {**ANN, "name": "ADA"})).code == "conflict"
    assert (await root.patch(f"/agents/{other['id']}", {"name": "ann"})).code == "conflict"
    assert (await root.patch(f"/agents/{made['id']}", {"name": "ANN"})).status == 200
    registered = await ada.post("/auth/register", {"email": "ann@example.org", "username": "ann", "password": "a" * 8})
    assert (registered.status, registered.code, registered.body["detail"]) == (
        409,
        "conflict",
        "this username is taken",
    )


async def test_an_agent_is_shown_like_a_person(root: Person, ada: Person) -> None:
    made = await define(root, display_name="Ann of Green Gables")

    shown = await ada.get(f"/users/{made['id']}")
    picture = await ada.client.get(
        f"/api/v1/users/{made['id']}/avatar", headers={"Authorization": f"Bearer {ada.token}"}
    )

    assert shown.body == {
        "id": made["id"],
        "kind": "agent",
        "name": "Ann of Green Gables",
        "username": "Ann",
        "display_name": "Ann of Green Gables",
        "status": "available",
    }
    assert (picture.status, picture.content_type) == (200, "image/svg+xml")
    assert (await ada.get(f"/users/{NOWHERE}")).body["detail"] == "there is no such person"
    await root.delete(f"/agents/{made['id']}")
    assert (await ada.get(f"/users/{made['id']}")).status == 404


async def test_agents_that_speak_from_inside_are_there(root: Person, ada: Person) -> None:
    inside = await define(root)
    outside = await define(root, name="Out", model="external")
    room = (await ada.post("/rooms", {"name": "Tea"})).body["id"]
    for each in (inside, outside):
        await ada.put(f"/rooms/{room}/agents/{each['id']}")

    members = await ada.get(f"/rooms/{room}/members")

    presence = {each["participant"]["name"]: each["presence"] for each in members.body["items"]}
    assert presence == {"ada": "offline", "Ann": "available", "Out": "offline"}


async def test_agents_are_administrators_affairs(root: Person, ada: Person) -> None:
    made = await define(root)

    answers = [
        await ada.post("/agents", ANN),
        await ada.get("/agents"),
        await ada.get(f"/agents/{made['id']}"),
        await ada.patch(f"/agents/{made['id']}", {"persona": ""}),
        await ada.delete(f"/agents/{made['id']}"),
    ]

    assert [answer.status for answer in answers] == [403] * 5


async def test_what_does_not_exist_is_not_found(root: Person) -> None:
    room = await root.room()

    answers = [
        await root.get(f"/agents/{NOWHERE}"),
        await root.patch(f"/agents/{NOWHERE}", {"persona": ""}),
        await root.delete(f"/agents/{NOWHERE}"),
        await root.put(f"/rooms/{room}/agents/{NOWHERE}"),
        await root.delete(f"/rooms/{room}/agents/{NOWHERE}"),
        await root.delete(f"/rooms/{room}/agents/{(await define(root))['id']}"),
    ]

    assert [answer.status for answer in answers] == [404] * 6


async def test_owners_and_moderators_bring_agents_in_and_send_them_away(
    root: Person, ada: Person, bob: Person, eve: Person
) -> None:
    made = await define(root)
    room = await ada.room()
    for person, role in ((bob, "moderator"), (eve, "member")):
        await ada.put(f"/rooms/{room}/members/{person.id}", {"role": role})

    refused = await eve.put(f"/rooms/{room}/agents/{made['id']}")
    joined = await bob.put(f"/rooms/{room}/agents/{made['id']}")
    again = await ada.put(f"/rooms/{room}/agents/{made['id']}")
    kept = await eve.delete(f"/rooms/{room}/agents/{made['id']}")

    assert (refused.status, joined.status, again.status, kept.status) == (403, 200, 200, 403)
    assert joined.body["participant"] == {"id": made["id"], "kind": "agent", "name": "Ann"}
    assert await names(ada, room) == ["ada", "bob", "eve", "Ann"]
    assert (await bob.delete(f"/rooms/{room}/agents/{made['id']}")).status == 204
    assert await names(ada, room) == ["ada", "bob", "eve"]
    told = await types(ada, f"rooms/{room}")
    assert told[-2:] == [("member.joined", bob.id), ("member.left", made["id"])]


async def test_an_agent_says_goodbye_if_it_has_words_or_is_asked_to(root: Person) -> None:
    silent, polite = await define(root), await define(root, name="Bo", goodbye="So long!")
    room = await root.room()

    async def leave(agent: dict[str, Any], how: str) -> str | None:
        await root.put(f"/rooms/{room}/agents/{agent['id']}")
        assert (await root.delete(f"/rooms/{room}/agents/{agent['id']}{how}")).status == 204
        messages = (await root.get(f"/rooms/{room}/messages?limit=1")).body["items"]
        last = await types(root, f"rooms/{room}")
        assert last[-1] == ("member.left", agent["id"])
        return messages[0]["text"] if last[-2][0] == "message.posted" else None

    assert await leave(silent, "") is None
    assert await leave(silent, "?goodbye=true") == "Goodbye!"
    assert await leave(polite, "") == "So long!"
    assert await leave(polite, "?goodbye=false") is None


async def test_a_change_of_an_agent_leaves_it_where_it_is(root: Person) -> None:
    made = await define(root)
    room = await root.room()
    await root.put(f"/rooms/{room}/agents/{made['id']}")

    changed = await root.patch(f"/agents/{made['id']}", {"persona": "You are brief.", "daily_answers": 3})
    cleared = await root.patch(f"/agents/{made['id']}", {"daily_answers": None})

    assert changed.body == made | {"persona": "You are brief.", "daily_answers": 3}
    assert cleared.body["daily_answers"] is None
    assert await names(root, room) == ["root", "Ann"]


async def test_a_removed_agent_leaves_its_rooms_to_others(root: Person, ada: Person) -> None:
    made = await define(root, goodbye="never said")
    room = await root.room(capacity=2)
    await root.put(f"/rooms/{room}/agents/{made['id']}")
    group = await root.post("/conversations", {"kind": "group", "participants": [made["id"], "ada"]})
    private = await ada.post("/conversations", {"kind": "private", "participants": ["ann"]})
    assert (group.status, private.status) == (201, 201)

    removed = await root.delete(f"/agents/{made['id']}")

    assert removed.status == 204
    assert await names(root, room) == ["root"]
    assert await types(root, f"rooms/{room}") == [
        ("member.joined", root.id),
        ("member.joined", root.id),
        ("member.left", made["id"]),
    ]
    for person, place in ((root, group), (ada, private)):
        view = await person.get(f"/conversations/{place.body['id']}")
        assert made["id"] not in [each["id"] for each in view.body["participants"]]
    assert (await root.get(f"/agents/{made['id']}")).status == 404
    successor = await define(root)
    assert (await root.put(f"/rooms/{room}/agents/{successor['id']}")).status == 200


async def test_participants_bring_agents_into_groups_and_not_between_two(
    root: Person, ada: Person, bob: Person, eve: Person
) -> None:
    ann, bo = await define(root), await define(root, name="Bo")
    group = (await ada.post("/conversations", {"kind": "group", "participants": ["bob"]})).body["id"]
    private = (await ada.post("/conversations", {"kind": "private", "participants": ["bob"]})).body["id"]

    both = [await bob.put(f"/conversations/{group}/agents/{agent['id']}") for agent in (ann, bo)]
    again = await ada.put(f"/conversations/{group}/agents/{bo['id']}")
    hidden = await eve.put(f"/conversations/{group}/agents/{ann['id']}")
    between = await ada.put(f"/conversations/{private}/agents/{ann['id']}")
    gone = await bob.delete(f"/conversations/{group}/agents/{ann['id']}")

    assert [answer.status for answer in (*both, again, hidden, between, gone)] == [200, 200, 200, 404, 409, 204]
    assert [each["name"] for each in again.body["participants"]] == ["ada", "bob", "Ann", "Bo"]
    view = await ada.get(f"/conversations/{group}")
    assert [each["name"] for each in view.body["participants"]] == ["ada", "bob", "Bo"]


async def test_a_private_conversation_with_an_agent_is_always_the_same(root: Person, ada: Person) -> None:
    made = await define(root)

    first = await ada.post("/conversations", {"kind": "private", "participants": ["ANN"]})
    second = await ada.post("/conversations", {"kind": "private", "participants": [made["id"]]})
    sent_away = await ada.delete(f"/conversations/{first.body['id']}/agents/{made['id']}")
    third = await ada.post("/conversations", {"kind": "private", "participants": ["Ann"]})

    assert (first.status, second.status, sent_away.status, third.status) == (201, 200, 204, 200)
    assert first.body["id"] == second.body["id"] == third.body["id"]
    assert {each["kind"] for each in third.body["participants"]} == {"user", "agent"}


async def test_an_agent_in_a_room_can_be_given_a_role_and_be_banned(root: Person) -> None:
    made = await define(root)
    room = await root.room()
    await root.put(f"/rooms/{room}/members/{made['id']}", {"role": "moderator"})

    again = await root.put(f"/rooms/{room}/agents/{made['id']}")
    banned = await root.post(f"/rooms/{room}/members/{made['id']}/ban")
    back = await root.put(f"/rooms/{room}/agents/{made['id']}")

    assert again.body["role"] == "moderator"
    assert (banned.status, back.status) == (200, 409)
