"""Read markers, unread counts and notifications over REST and realtime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from engine.engine import Engine
from engine.settings import Settings
from gateway.app import build_app
from gateway.realtime.hub import HUB
from gateway.rest.health import LIFECYCLE
from tests.gateway.realtime.test_socket import Wire, wire
from tests.support.rest import Client, Person, sign_in

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def restarted(settings: Settings) -> AsyncIterator[Client]:
    """Another server on the same database."""
    async with Engine.open(settings) as engine:
        app = build_app(engine, settings)
        app[LIFECYCLE].started = True
        async with TestClient(TestServer(app)) as client:
            yield client
            await app[HUB].shutdown()


async def lobby(ada: Person, bob: Person) -> str:
    """A room of Ada's that Bob has joined; its head is 2."""
    room = await ada.room()
    assert (await bob.post(f"/rooms/{room}/join")).status in {200, 201}
    return room


async def unread(person: Person, timeline: str) -> tuple[int, int, int]:
    answer = await person.get("/me/unread")
    assert answer.status == 200, answer.body
    [found] = [each for each in answer.body["items"] if each["timeline_id"] == timeline]
    assert set(found) == {"timeline_id", "kind", "unread", "mentions", "last_read_offset"}
    return found["unread"], found["mentions"], found["last_read_offset"]


async def pushed(device: Wire, kind: str) -> dict[str, Any]:
    """The next event of this type on the person's own channel; others before it are skipped."""
    while True:
        item = await device.next()
        data = item.get("push", {}).get("pub", {}).get("data", {})
        if data.get("type") == kind and item["push"]["channel"].startswith("user:"):
            return dict(data)


async def test_unread_counts_what_others_have_posted_since_one_read(ada: Person, bob: Person) -> None:
    room = await lobby(ada, bob)
    await ada.say(room, "one")
    await ada.say(room, "two @bob")
    assert await unread(bob, room) == (2, 1, 2)

    answer = await bob.post(f"/rooms/{room}/read", {"offset": 3})

    assert (answer.status, answer.body) == (200, {"timeline_id": room, "last_read_offset": 3})
    assert await unread(bob, room) == (1, 1, 3)
    assert await unread(ada, room) == (0, 0, 1)
    lower = await bob.post(f"/rooms/{room}/read", {"offset": 1})
    assert lower.body["last_read_offset"] == 3


async def test_what_cannot_be_read_is_refused(ada: Person, bob: Person, eve: Person) -> None:
    room = await lobby(ada, bob)

    above = await bob.post(f"/rooms/{room}/read", {"offset": 3})
    assert (above.status, above.paths) == (422, ["offset"])
    assert "at most 2" in above.body["detail"]
    negative = await bob.post(f"/rooms/{room}/read", {"offset": -1})
    assert (negative.status, negative.paths) == (422, ["offset"])
    assert (await bob.post(f"/rooms/{room}/read", {"offset": 1, "more": 1})).status == 422
    assert (await eve.post(f"/rooms/{room}/read", {"offset": 1})).status == 403
    assert (await eve.post(f"/rooms/{bob.id}/read", {"offset": 1})).status == 404
    assert (await eve.post(f"/conversations/{room}/read", {"offset": 1})).status == 404


async def test_members_see_how_far_the_others_have_read(ada: Person, bob: Person, eve: Person) -> None:
    room = await lobby(ada, bob)
    await ada.say(room, "one")
    await bob.post(f"/rooms/{room}/read", {"offset": 3})

    seen = await ada.get(f"/rooms/{room}/read")

    assert {each["participant_id"]: each["last_read_offset"] for each in seen.body["items"]} == {ada.id: 1, bob.id: 3}
    assert (await eve.get(f"/rooms/{room}/read")).status == 403
    assert (await eve.get(f"/conversations/{room}/read")).status == 404


async def test_the_list_of_unread_comes_in_pages(ada: Person) -> None:
    rooms = sorted([await ada.room(f"Room {number}") for number in range(3)])

    first = (await ada.get("/me/unread?limit=2")).body
    rest = (await ada.get(f"/me/unread?limit=2&after={first['next']}")).body

    assert [each["timeline_id"] for each in first["items"] + rest["items"]] == rooms
    assert rest["next"] is None
    assert (await ada.get("/me/unread?limit=101")).status == 422


async def test_counts_and_notifications_survive_a_restart(
    settings: Settings, engine: Engine, client: Client, ada: Person, bob: Person
) -> None:
    room = await lobby(ada, bob)
    await ada.say(room, "one @bob")
    await ada.say(room, "two")
    await bob.post(f"/rooms/{room}/read", {"offset": 3})
    await client.close()
    await engine.system.stop(drain=True, grace=1)

    async with restarted(settings) as again:
        bob = await sign_in(again, "bob")
        assert await unread(bob, room) == (1, 0, 3)
        listed = await bob.get("/me/notifications")
        assert [each["kind"] for each in listed.body["items"]] == ["mention"]
        assert listed.body["unread"] == 0


async def test_notifications_are_listed_newest_first_and_read(ada: Person, bob: Person) -> None:
    room = await lobby(ada, bob)
    said = [await ada.say(room, f"{number} @bob") for number in range(3)]

    first = (await bob.get("/me/notifications?limit=2")).body
    rest = (await bob.get(f"/me/notifications?limit=2&after={first['next']}")).body
    items = first["items"] + rest["items"]

    assert [each["message_id"] for each in items] == [each["id"] for each in reversed(said)]
    assert (first["unread"], rest["next"]) == (3, None)
    assert items[0] == {
        "id": items[0]["id"],
        "kind": "mention",
        "timeline_id": room,
        "timeline_kind": "room",
        "message_id": said[2]["id"],
        "actor": {"id": ada.id, "kind": "user", "name": "ada"},
        "at": said[2]["created_at"],
        "read_at": None,
    }
    assert (await bob.post("/me/notifications/read", {"up_to": items[1]["id"]})).body == {"unread": 1}
    assert (await bob.post("/me/notifications/read", {"up_to": "all"})).body == {"unread": 0}
    refused = await bob.post("/me/notifications/read", {"up_to": "everything"})
    assert (refused.status, refused.paths) == (422, ["up_to"])
    assert all(each["read_at"] is not None for each in (await bob.get("/me/notifications")).body["items"])


async def test_a_deleted_message_leaves_no_text_in_notifications(ada: Person, bob: Person) -> None:
    room = await lobby(ada, bob)
    said = await ada.say(room, "a secret for @bob")
    assert (await ada.delete(f"/rooms/{room}/messages/{said['id']}")).status == 204

    listed = await bob.get("/me/notifications")

    assert [each["message_id"] for each in listed.body["items"]] == [said["id"]]
    assert "secret" not in str(listed.body)
    assert await unread(bob, room) == (0, 0, 2)


async def test_both_devices_hear_of_posts_and_of_reading_on_either(client: Client, ada: Person, bob: Person) -> None:
    room = await lobby(ada, bob)
    async with wire(client) as phone, wire(client) as laptop:
        await phone.connect(bob)
        await laptop.connect(bob)
        await ada.say(room, "hello @bob")
        expected = {"type": "unread", "timeline_id": room, "kind": "room", "unread": 1, "mentions": 1}
        for device in (phone, laptop):
            notification = await pushed(device, "notification")
            assert notification["notification"]["kind"] == "mention"
            assert await pushed(device, "unread") == {**expected, "last_read_offset": 2}

        await phone.send({"id": 5, "rpc": {"method": "read", "data": {"timeline": f"room:{room}", "offset": 3}}})

        for device in (phone, laptop):
            expected = {"type": "unread", "timeline_id": room, "kind": "room", "unread": 0, "mentions": 0}
            assert await pushed(device, "unread") == {**expected, "last_read_offset": 3}


async def test_rpc_read_answers_where_the_marker_stands(client: Client, ada: Person) -> None:
    room = await ada.room()
    await ada.say(room, "one")
    async with wire(client) as device:
        await device.connect(ada)

        read = {"method": "read", "data": {"timeline": f"room:{room}", "offset": 2}}
        assert (await device.ask(2, rpc=read))["rpc"]["data"] == {"timeline_id": room, "last_read_offset": 2}
        read = {"method": "read", "data": {"timeline": f"room:{room}", "offset": 3}}
        above = await device.ask(3, rpc=read)
        assert above["error"]["code"] == 107
        read = {"method": "read", "data": {"timeline": f"user:{ada.id}", "offset": 1}}
        assert (await device.ask(4, rpc=read))["error"]["code"] == 102


async def test_a_private_conversation_is_read_like_a_room(ada: Person, bob: Person) -> None:
    opened = await ada.post("/conversations", {"kind": "private", "participants": ["bob"]})
    talk = opened.body["id"]
    assert (await ada.post(f"/conversations/{talk}/messages", {"text": "hello"})).status == 201
    assert await unread(bob, talk) == (1, 0, 2)

    assert (await bob.post(f"/conversations/{talk}/read", {"offset": 3})).status == 200

    assert await unread(bob, talk) == (0, 0, 3)
    listed = (await bob.get("/me/notifications")).body
    assert [(each["kind"], each["timeline_kind"]) for each in listed["items"]] == [
        ("private_message", "conversation"),
        ("invitation", "conversation"),
    ]
