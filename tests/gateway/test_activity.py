"""What administrators see of who did what."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from engine.domain.fields import ParticipantId
from engine.domain.quota import week_of
from engine.engine import Engine
from gateway.rest.origin import client_address
from tests.support.rest import PASSWORD, Answer, Caller, Person

pytestmark = pytest.mark.anyio


async def eventually(read: Callable[[], Awaitable[Answer]], *actions: str) -> list[dict[str, Any]]:
    """The entries, once these actions are the newest ones, newest last: they are written a moment later."""
    with anyio.fail_after(30):
        while True:
            items = (await read()).body["items"]
            if [entry["action"] for entry in items][: len(actions)] == list(reversed(actions)):
                return list(reversed(items[: len(actions)]))
            await anyio.sleep(0.01)


async def test_sign_ins_are_recorded_with_their_origin(root: Person, ada: Person, anyone: Caller):
    wrong = {"login": "ada", "password": "wrong password"}
    await anyone.call("POST", "/auth/login", wrong, headers={"X-Request-ID": "request-7"})
    await anyone.post("/auth/login", {"login": "ada", "password": PASSWORD})

    registered, first, refused, again = await eventually(
        lambda: root.get(f"/admin/activity?actor={ada.id}"),
        "account.registered",
        "session.started",
        "session.refused",
        "session.started",
    )

    assert (refused["ip"], refused["request_id"]) == ("127.0.0.1", "request-7")
    assert {entry["actor"] for entry in (registered, first, refused, again)} == {ada.id}
    assert refused["details"] == {"reason": "wrong login or password"}


async def test_a_refused_sign_in_to_no_account_keeps_nothing_of_what_was_typed(root: Person, anyone: Caller):
    await anyone.post("/auth/login", {"login": "my secret password", "password": "x"})

    [refused] = await eventually(lambda: root.get("/admin/activity?action=session.refused"), "session.refused")

    assert refused["actor"] is None
    assert "secret" not in str(refused)


async def test_what_happens_in_a_room_is_recorded_without_a_word_of_it(
    root: Person, ada: Person, bob: Person, eve: Person
):
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    message = await bob.say(room, "a very private matter")
    await bob.patch(f"/rooms/{room}/messages/{message['id']}", {"text": "never mind"})
    await ada.delete(f"/rooms/{room}/messages/{message['id']}")
    await ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "moderator"})
    await ada.put(f"/rooms/{room}/members/{eve.id}", {"role": "member"})
    await bob.delete(f"/rooms/{room}/members/{eve.id}")
    await bob.post(f"/rooms/{room}/leave")

    entries = await eventually(
        lambda: root.get(f"/admin/activity?timeline={room}"),
        "member.joined",
        "message.posted",
        "message.deleted",
        "member.role_changed",
        "member.added",
        "member.removed",
        "member.left",
    )

    assert [entry["actor"] for entry in entries] == [bob.id, bob.id, ada.id, ada.id, ada.id, bob.id, bob.id]
    assert [entry["subject"] for entry in entries] == [None, message["id"], message["id"], bob.id, eve.id, eve.id, None]
    assert entries[2]["details"] == {"author": bob.id}
    assert "private" not in str(entries)


async def test_deleting_what_one_wrote_oneself_is_no_moderation(root: Person, ada: Person):
    room = await ada.room()
    message = await ada.say(room, "oops")

    await ada.delete(f"/rooms/{room}/messages/{message['id']}")
    await ada.say(room, "there")

    await eventually(lambda: root.get(f"/admin/activity?timeline={room}"), "message.posted", "message.posted")


async def test_what_administrators_change_is_recorded_once_for_each_change(root: Person, ada: Person):
    await root.patch(f"/admin/users/{ada.id}", {"role": "admin", "weekly_messages": 7})
    await root.patch(f"/admin/users/{ada.id}", {"role": "admin"})
    await root.patch(f"/admin/users/{ada.id}", {"active": False})
    await root.patch(f"/admin/users/{ada.id}", {"active": True})

    entries = await eventually(
        lambda: root.get(f"/admin/activity?actor={root.id}"),
        "account.role_changed",
        "account.quota_changed",
        "account.deactivated",
        "account.reactivated",
    )

    assert {entry["subject"] for entry in entries} == {ada.id}
    assert [entry["details"] for entry in entries] == [{"role": "admin"}, {"weekly_messages": 7}, {}, {}]


async def test_the_log_is_read_in_pages_and_by_time(root: Person, ada: Person):
    room = await ada.room()
    for number in range(5):
        await ada.say(room, str(number))
    everything = await eventually(
        lambda: root.get(f"/admin/activity?timeline={room}&action=message.posted"), *["message.posted"] * 5
    )

    first = (await root.get(f"/admin/activity?timeline={room}&limit=3")).body
    second = (await root.get(f"/admin/activity?timeline={room}&limit=3&after={first['next']}")).body
    middle = everything[2]["at"]
    later = (await root.get(f"/admin/activity?timeline={room}&since={middle}")).body["items"]
    earlier = (await root.get(f"/admin/activity?timeline={room}&until={middle}")).body["items"]

    assert [*first["items"], *second["items"]] == everything[::-1]
    assert second["next"] is None
    assert later == everything[2:][::-1]
    assert earlier == everything[:2][::-1]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("actor=ada", "actor"),
        ("action=dancing", "action"),
        ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("limit=101", "limit"),
        ("who=ada", "who"),
    ],
)
async def test_a_question_that_breaks_a_rule_names_the_field(root: Person, query: str, path: str):
    answer = await root.get(f"/admin/activity?{query}")

    assert (answer.status, answer.paths) == (422, [path])


async def test_the_log_is_for_administrators(ada: Person):
    assert (await ada.get("/admin/activity")).status == 403


async def test_posting_goes_on_while_the_log_cannot_be_written(
    engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch
):
    room = await ada.room()
    stuck = anyio.Event()

    async def never(_entries: object) -> None:
        stuck.set()
        await anyio.sleep_forever()

    monkeypatch.setattr(engine.storage.activity, "add", never)
    await ada.say(room, "the first")
    with anyio.fail_after(20):
        await stuck.wait()
    for number in range(19):
        await ada.say(room, str(number))

    assert await engine.storage.usage.used(ParticipantId(ada.id), week_of(engine.clock.now())) == 20


@pytest.mark.parametrize(
    ("remote", "forwarded", "trusted", "address"),
    [
        ("203.0.113.7", ["198.51.100.1"], (), "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1", "10.0.0.2"], ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", ["not an address"], ("10.0.0.0/8",), "10.0.0.1"),
        ("203.0.113.7", ["198.51.100.1"], ("10.0.0.0/8",), "203.0.113.7"),
        ("::1", ["2001:db8::1"], ("::1",), "2001:db8::1"),
        (None, ["198.51.100.1"], ("10.0.0.0/8",), None),
    ],
)
def test_only_trusted_proxies_are_believed_about_addresses(
    remote: str | None, forwarded: list[str], trusted: tuple[str, ...], address: str | None
):
    assert client_address(remote, forwarded, trusted) == address
