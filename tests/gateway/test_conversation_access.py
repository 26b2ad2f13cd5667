"""Who may do what in a conversation: every standing, every operation, both kinds, over REST and over realtime alike.

As `test_access` for rooms. Whoever takes no part, an administrator or someone who has left too, gets 404 (realtime: 103) for everything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.gateway.realtime.test_socket import wire
from tests.support.rest import Answer, Client, Person, sign_up

pytestmark = pytest.mark.anyio

KINDS = ("private", "group")
STANDINGS = ("founder", "other", "gone", "stranger", "admin")

PART = {"founder", "other"}
FOUNDER = {"founder"}


@dataclass(frozen=True)
class Scene:
    """A conversation that the founder has begun, with a message of somebody who has left (in private: of the other one)."""

    id: str
    kind: str
    message: str
    newcomer: Person
    people: dict[str, Person]

    @property
    def path(self) -> str:
        return f"/conversations/{self.id}"


async def a_scene(client: Client, admin: Person, kind: str) -> Scene:
    people = {standing: await sign_up(client, standing) for standing in STANDINGS if standing != "admin"}
    people["admin"] = admin
    founder, other, gone = people["founder"], people["other"], people["gone"]
    members = [other.id] if kind == "private" else [other.id, gone.id]
    begun = await founder.post("/conversations", {"kind": kind, "participants": members})
    path = f"/conversations/{begun.body['id']}"
    author = other if kind == "private" else gone
    said = await author.post(f"{path}/messages", {"text": "hello"})
    assert said.status == 201
    await gone.delete(path)
    return Scene(begun.body["id"], kind, said.body["id"], await sign_up(client, "newcomer"), people)


Allowed = set[str] | dict[str, set[str]]
Operation = Callable[[Person, Scene], Awaitable[Answer]]

OPERATIONS: dict[str, tuple[Allowed, Operation]] = {
    "see it": (PART, lambda who, s: who.get(s.path)),
    "read messages": (PART, lambda who, s: who.get(f"{s.path}/messages")),
    "read a message": (PART, lambda who, s: who.get(f"{s.path}/messages/{s.message}")),
    "read a thread": (PART, lambda who, s: who.get(f"{s.path}/messages/{s.message}/thread")),
    "read events": (PART, lambda who, s: who.get(f"{s.path}/events")),
    "search": (PART, lambda who, s: who.get(f"{s.path}/search?q=hello")),
    "mark as read": (PART, lambda who, s: who.post(f"{s.path}/read", {"offset": 1})),
    "post": (PART, lambda who, s: who.post(f"{s.path}/messages", {"text": "hello"})),
    "react": (PART, lambda who, s: who.put(f"{s.path}/messages/{s.message}/reactions/👍")),
    "take a reaction back": (PART, lambda who, s: who.delete(f"{s.path}/messages/{s.message}/reactions/👍")),
    "edit another's message": (
        {"private": {"other"}, "group": set()},  # in private it is the other one's own
        lambda who, s: who.patch(f"{s.path}/messages/{s.message}", {"text": "bye"}),
    ),
    "see versions": (
        {"private": {"other"}, "group": FOUNDER},
        lambda who, s: who.get(f"{s.path}/messages/{s.message}/versions"),
    ),
    "delete another's message": (
        {"private": {"other"}, "group": FOUNDER},
        lambda who, s: who.delete(f"{s.path}/messages/{s.message}"),
    ),
    "rename": ({"private": set(), "group": PART}, lambda who, s: who.patch(s.path, {"title": "We"})),
    "add somebody": (
        {"private": set(), "group": PART},
        lambda who, s: who.post(f"{s.path}/participants", {"participant": s.newcomer.id}),
    ),
    "remove somebody": (
        {"private": set(), "group": FOUNDER},
        lambda who, s: who.delete(f"{s.path}/participants/{s.people['other'].id}"),
    ),
    "archive": (
        {"private": PART, "group": FOUNDER},
        lambda who, s: who.patch(s.path, {"archived": True}),
    ),
}
"""Those that change what later ones need come last, and each standing has a scene of its own."""


def _allowed(allowed: Allowed, kind: str) -> set[str]:
    return allowed[kind] if isinstance(allowed, dict) else allowed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("standing", STANDINGS)
async def test_what_someone_may_do_over_rest(client: Client, root: Person, standing: str, kind: str) -> None:
    scene = await a_scene(client, root, kind)
    who, wrong = scene.people[standing], {}

    for name, (allowed, perform) in OPERATIONS.items():
        if (name, standing) == ("remove somebody", "other"):
            continue  # that would be leaving
        answer = (await perform(who, scene)).status
        refusals = {403, 409} if standing in PART else {404}  # 409: it can never be done in a private one
        if standing in _allowed(allowed, kind):
            refusals = {200, 201, 204}
        if answer not in refusals:
            wrong[name] = answer

    assert wrong == {}


RPC: dict[str, tuple[Allowed, Callable[[Scene], dict[str, Any]]]] = {
    "history": (PART, lambda _: {}),
    "message": (PART, lambda s: {"message_id": s.message}),
    "thread": (PART, lambda s: {"message_id": s.message}),
    "members": (PART, lambda _: {}),
    "presence": (PART, lambda _: {}),
    "search": (PART, lambda _: {"q": "hello"}),
    "read": (PART, lambda _: {"offset": 1}),
    "typing": (PART, lambda _: {}),
    "post": (PART, lambda _: {"text": "hello"}),
    "react": (PART, lambda s: {"message_id": s.message, "emoji": "👍"}),
    "unreact": (PART, lambda s: {"message_id": s.message, "emoji": "👍"}),
    "edit": ({"private": {"other"}, "group": set()}, lambda s: {"message_id": s.message, "text": "bye"}),
    "versions": ({"private": {"other"}, "group": FOUNDER}, lambda s: {"message_id": s.message}),
    "delete": ({"private": {"other"}, "group": FOUNDER}, lambda s: {"message_id": s.message}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("standing", STANDINGS)
async def test_what_someone_may_do_over_realtime(client: Client, root: Person, standing: str, kind: str) -> None:
    scene = await a_scene(client, root, kind)
    channel = f"conversation:{scene.id}"
    wrong: dict[str, object] = {}

    async with wire(client) as connection:
        await connection.connect(scene.people[standing])
        for number, (method, (allowed, data)) in enumerate(RPC.items(), start=2):
            request = {"method": method, "data": {"timeline": channel, **data(scene)}}
            await connection.send({"id": number, "rpc": request})
            code = (await connection.reply(number)).get("error", {}).get("code", 0)
            if code != (0 if standing in _allowed(allowed, kind) else 103):
                wrong[method] = code
        await connection.send({"id": 99, "subscribe": {"channel": channel}})
        subscribed = await connection.reply(99)

    assert wrong == {}
    assert ("subscribe" in subscribed) == (standing in PART)


async def test_who_is_removed_from_a_group_hears_nothing_more_at_once(client: Client, ada: Person, bob: Person) -> None:
    group = (await ada.post("/conversations", {"kind": "group", "participants": [bob.id]})).body["id"]

    async with wire(client) as connection:
        await connection.connect(bob)
        await connection.ask(2, subscribe={"channel": f"conversation:{group}"})
        await ada.delete(f"/conversations/{group}/participants/{bob.id}")
        await ada.post(f"/conversations/{group}/messages", {"text": "he is gone"})
        heard: list[dict[str, Any]] = []
        while not heard or "unsubscribe" not in heard[-1]:
            heard.append((await connection.next()).get("push", {}))
        recovery = {"channel": f"conversation:{group}", "recover": True, "epoch": "x", "offset": 1}
        await connection.send({"id": 3, "subscribe": recovery})
        refused = await connection.reply(3)

    said = [push["pub"]["data"]["type"] for push in heard if "pub" in push]
    assert "message.posted" not in said
    assert refused["error"]["code"] == 103
