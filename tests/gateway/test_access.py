"""Who may do what: every role, every operation, both kinds of room, over REST and over realtime alike.

The tables say it in words: what each role may do. What is not in the table is refused, the way the role's standing demands: with 403
where one may know that the room exists, with 404 where not. Realtime refuses with 103 both times.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.gateway.realtime.test_socket import wire
from tests.support.rest import Answer, Client, Person, sign_up

pytestmark = pytest.mark.anyio

ROLES = ("owner", "moderator", "member", "muted", "stranger", "banned", "admin")
VISIBILITIES = ("public", "private")

READ = {"owner", "moderator", "member", "muted", "admin"}
WRITE = {"owner", "moderator", "member"}
MODERATE = {"owner", "moderator", "admin"}
OWN = {"owner", "admin"}


@dataclass(frozen=True)
class Scene:
    """A room with someone in each role, a message of the member's, and one more member to do things to."""

    room: str
    message: str
    other: Person
    newcomer: Person
    people: dict[str, Person]


async def a_scene(client: Client, admin: Person, visibility: str) -> Scene:
    people = {role: await sign_up(client, role) for role in ROLES if role != "admin"}
    people["admin"] = admin
    owner, other, newcomer = people["owner"], await sign_up(client, "other"), await sign_up(client, "newcomer")
    room = await owner.room(visibility=visibility)
    for person, role in ((people["moderator"], "moderator"), (people["member"], "member"), (people["muted"], "member")):
        assert (await owner.put(f"/rooms/{room}/members/{person.id}", {"role": role})).status == 200
    await owner.put(f"/rooms/{room}/members/{other.id}", {"role": "member"})
    mute = await owner.post(f"/rooms/{room}/members/{people['muted'].id}/mute", {"until": "2999-01-01T00:00:00Z"})
    ban = await owner.post(f"/rooms/{room}/members/{people['banned'].id}/ban")
    assert (mute.status, ban.status) == (200, 200)
    said = await other.say(room, "hello")
    return Scene(room, said["id"], other, newcomer, people)


Operation = Callable[[Person, Scene], Awaitable[Answer]]

OPERATIONS: dict[str, tuple[set[str], Operation]] = {
    "read messages": (READ, lambda who, s: who.get(f"/rooms/{s.room}/messages")),
    "read a message": (READ, lambda who, s: who.get(f"/rooms/{s.room}/messages/{s.message}")),
    "read a thread": (READ, lambda who, s: who.get(f"/rooms/{s.room}/messages/{s.message}/thread")),
    "read events": (READ, lambda who, s: who.get(f"/rooms/{s.room}/events")),
    "search": (READ, lambda who, s: who.get(f"/rooms/{s.room}/search?q=hello")),
    "list members": (READ, lambda who, s: who.get(f"/rooms/{s.room}/members")),
    "see who has read": (READ, lambda who, s: who.get(f"/rooms/{s.room}/read")),
    "mark as read": (READ - {"admin"}, lambda who, s: who.post(f"/rooms/{s.room}/read", {"offset": 1})),
    "post": (WRITE, lambda who, s: who.post(f"/rooms/{s.room}/messages", {"text": "hello"})),
    "react": (WRITE, lambda who, s: who.put(f"/rooms/{s.room}/messages/{s.message}/reactions/👍")),
    "take a reaction back": (WRITE, lambda who, s: who.delete(f"/rooms/{s.room}/messages/{s.message}/reactions/👍")),
    "edit another's message": (
        set(),
        lambda who, s: who.patch(f"/rooms/{s.room}/messages/{s.message}", {"text": "bye"}),
    ),
    "see versions": (MODERATE, lambda who, s: who.get(f"/rooms/{s.room}/messages/{s.message}/versions")),
    "see bans": (MODERATE, lambda who, s: who.get(f"/rooms/{s.room}/bans")),
    "invite": (MODERATE, lambda who, s: who.post(f"/rooms/{s.room}/invites")),
    "add a member": (
        MODERATE,
        lambda who, s: who.put(f"/rooms/{s.room}/members/{s.newcomer.id}", {"role": "member"}),
    ),
    "mute": (MODERATE, lambda who, s: who.post(f"/rooms/{s.room}/members/{s.other.id}/mute", {"until": None})),
    "unban": (MODERATE, lambda who, s: who.post(f"/rooms/{s.room}/members/{s.newcomer.id}/unban")),
    "name a moderator": (
        OWN,
        lambda who, s: who.put(f"/rooms/{s.room}/members/{s.other.id}", {"role": "moderator"}),
    ),
    "change settings": (OWN, lambda who, s: who.patch(f"/rooms/{s.room}", {"description": "x"})),
    "export": (OWN, lambda who, s: who.get(f"/rooms/{s.room}/export")),
    "list webhooks": (OWN, lambda who, s: who.get(f"/rooms/{s.room}/webhooks")),
    "delete another's message": (MODERATE, lambda who, s: who.delete(f"/rooms/{s.room}/messages/{s.message}")),
    "ban": (MODERATE, lambda who, s: who.post(f"/rooms/{s.room}/members/{s.newcomer.id}/ban")),
    "archive": (OWN, lambda who, s: who.delete(f"/rooms/{s.room}")),
}
"""Those that change what later ones need come last, and each role has a scene of its own."""


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("role", ROLES)
async def test_what_a_role_may_do_over_rest(client: Client, root: Person, role: str, visibility: str) -> None:
    scene = await a_scene(client, root, visibility)
    outsider = role in {"stranger", "banned"}
    refusal = 404 if outsider and visibility == "private" else 403
    who, wrong = scene.people[role], {}

    for name, (allowed, perform) in OPERATIONS.items():
        answer = await _as_lines(perform, who, scene)
        expected = 200 if role in allowed else refusal
        if min(answer, 300) // 100 * 100 != expected and answer != expected:
            wrong[name] = (answer, expected)

    assert wrong == {}


async def _as_lines(perform: Operation, who: Person, scene: Scene) -> int:
    """The status alone: an export is no JSON."""
    try:
        return (await perform(who, scene)).status
    except ValueError:
        return 200


RPC: dict[str, tuple[set[str], Callable[[Scene], dict[str, Any]]]] = {
    "history": (READ, lambda _: {}),
    "message": (READ, lambda s: {"message_id": s.message}),
    "thread": (READ, lambda s: {"message_id": s.message}),
    "members": (READ, lambda _: {}),
    "search": (READ, lambda _: {"q": "hello"}),
    "read": (READ - {"admin"}, lambda _: {"offset": 1}),
    "typing": (WRITE, lambda _: {}),
    "post": (WRITE, lambda _: {"text": "hello"}),
    "react": (WRITE, lambda s: {"message_id": s.message, "emoji": "👍"}),
    "unreact": (WRITE, lambda s: {"message_id": s.message, "emoji": "👍"}),
    "edit": (set(), lambda s: {"message_id": s.message, "text": "bye"}),
    "versions": (MODERATE, lambda s: {"message_id": s.message}),
    "delete": (MODERATE, lambda s: {"message_id": s.message}),
}


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("role", ROLES)
async def test_what_a_role_may_do_over_realtime(client: Client, root: Person, role: str, visibility: str) -> None:
    scene = await a_scene(client, root, visibility)
    channel = f"room:{scene.room}"
    wrong: dict[str, object] = {}

    async with wire(client) as connection:
        await connection.connect(scene.people[role])
        for number, (method, (allowed, data)) in enumerate(RPC.items(), start=2):
            await connection.send(
                {"id": number, "rpc": {"method": method, "data": {"timeline": channel, **data(scene)}}}
            )
            answer = await connection.reply(number)
            code = answer.get("error", {}).get("code", 0)
            if (code == 0) != (role in allowed) or code not in {0, 103}:
                wrong[method] = answer
        await connection.send({"id": 99, "subscribe": {"channel": channel}})
        subscribed = await connection.reply(99)

    assert wrong == {}
    assert ("subscribe" in subscribed) == (role in READ)


async def test_who_is_banned_hears_nothing_more_at_once(client: Client, ada: Person, bob: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")

    async with wire(client) as connection:
        await connection.connect(bob)
        await connection.ask(2, subscribe={"channel": f"room:{room}"})
        await ada.post(f"/rooms/{room}/members/{bob.id}/ban")
        await ada.say(room, "he is gone")
        heard: list[dict[str, Any]] = []
        while not heard or "unsubscribe" not in heard[-1]:
            heard.append((await connection.next()).get("push", {}))
        recovery = {"channel": f"room:{room}", "recover": True, "epoch": "x", "offset": 1}
        await connection.send({"id": 3, "subscribe": recovery})
        refused = await connection.reply(3)

    said = [push["pub"]["data"]["type"] for push in heard if "pub" in push]
    assert "message.posted" not in said
    assert 2000 <= heard[-1]["unsubscribe"]["code"] < 2500
    assert refused["error"]["code"] == 103
