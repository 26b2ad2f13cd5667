"""Bans, mutes, slow mode, invitations, hand-over and archives over HTTP."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from tests.support.rest import Answer, Client, Person, sign_up

pytestmark = pytest.mark.anyio


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def a_room(owner: Person, *members: Person, slow_mode_seconds: int = 0) -> str:
    room = await owner.room(slow_mode_seconds=slow_mode_seconds)
    for member in members:
        assert (await owner.put(f"/rooms/{room}/members/{member.id}", {"role": "member"})).status == 200
    return room


async def test_a_banned_person_is_out_and_stays_out(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)

    banned = await ada.post(f"/rooms/{room}/members/{bob.id}/ban", {"reason": "spam"})
    reading, joining = await bob.get(f"/rooms/{room}/messages"), await bob.post(f"/rooms/{room}/join")
    adding = await ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "member"})
    bans = await ada.get(f"/rooms/{room}/bans")
    unbanned = await ada.post(f"/rooms/{room}/members/{bob.id}/unban")
    back = await bob.post(f"/rooms/{room}/join")

    assert (banned.status, banned.body["until"], banned.body["reason"]) == (200, None, "spam")
    assert (reading.status, joining.status, adding.status) == (403, 403, 409)
    assert [ban["participant"]["name"] for ban in bans.body["items"]] == ["bob"]
    assert (unbanned.status, back.status) == (204, 200)


async def test_a_ban_runs_out(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)
    await ada.post(f"/rooms/{room}/members/{bob.id}/ban", {"until": in_seconds(2)})

    assert (await bob.post(f"/rooms/{room}/join")).status == 403
    with anyio.fail_after(20):
        while (await bob.post(f"/rooms/{room}/join")).status != 200:  # noqa: ASYNC110 - nothing tells of the end of a ban
            await anyio.sleep(0.05)
    assert (await ada.get(f"/rooms/{room}/bans")).body["items"] == []


async def test_a_stranger_is_banned_before_they_come(ada: Person, bob: Person) -> None:
    room = await ada.room()

    await ada.post(f"/rooms/{room}/members/{bob.id}/ban")

    assert (await bob.post(f"/rooms/{room}/join")).status == 403


async def test_an_invitation_does_not_lift_a_ban(ada: Person, bob: Person) -> None:
    room = await ada.room(visibility="private")
    await ada.post(f"/rooms/{room}/members/{bob.id}/ban")
    code = (await ada.post(f"/rooms/{room}/invites")).body["code"]

    assert (await bob.post(f"/invites/{code}/accept")).status == 403


async def test_a_muted_member_reads_and_does_not_write(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)
    message = await bob.say(room, "hello")
    path = f"/rooms/{room}/messages"

    muted = await ada.post(f"/rooms/{room}/members/{bob.id}/mute", {"until": in_seconds(600)})
    refused = [
        await bob.post(path, {"text": "no"}),
        await bob.patch(f"{path}/{message['id']}", {"text": "no"}),
        await bob.put(f"{path}/{message['id']}/reactions/👍"),
    ]
    reading = await bob.get(path)
    unmuted = await ada.post(f"/rooms/{room}/members/{bob.id}/mute", {"until": None})

    assert muted.body["muted_until"] is not None
    assert [answer.status for answer in refused] == [403] * 3
    assert reading.status == 200
    assert unmuted.body["muted_until"] is None
    assert (await bob.post(path, {"text": "yes"})).status == 201


@pytest.mark.parametrize("what", ["ban", "mute"])
async def test_moments_are_in_the_future_and_have_a_zone(ada: Person, bob: Person, what: str) -> None:
    room = await a_room(ada, bob)
    path = f"/rooms/{room}/members/{bob.id}/{what}"

    past = await ada.post(path, {"until": "2020-01-01T00:00:00Z"})
    naive = await ada.post(path, {"until": "2999-01-01T00:00:00"})

    assert [(answer.status, answer.paths) for answer in (past, naive)] == [(422, ["until"])] * 2


async def test_slow_mode_makes_members_wait_and_not_those_who_moderate(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob, slow_mode_seconds=60)
    path = f"/rooms/{room}/messages"

    first = await bob.post(path, {"text": "one", "client_id": "1"})
    second = await bob.post(path, {"text": "two"})
    again = await bob.post(path, {"text": "one", "client_id": "1"})
    owner = [(await ada.post(path, {"text": "hello"})).status for _ in range(3)]

    assert (first.status, second.status, second.code, again.status) == (201, 429, "rate_limited", 200)
    assert 1 <= int(second.headers["Retry-After"]) <= 60
    assert owner == [201] * 3


async def test_an_invitation_lets_people_into_a_private_room_until_it_is_revoked(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.room(visibility="private")

    made = await ada.post(f"/rooms/{room}/invites", {"expires_in": 3600})
    code = made.body["code"]
    accepted = await bob.post(f"/invites/{code}/accept")
    twice = await bob.post(f"/invites/{code}/accept")
    not_his = await bob.delete(f"/invites/{code}")
    revoked = await ada.delete(f"/invites/{code}")
    late = await eve.post(f"/invites/{code}/accept")

    assert (made.status, accepted.status, twice.status) == (201, 200, 200)
    assert accepted.body["id"] == room
    assert (not_his.status, revoked.status, late.status) == (403, 204, 404)
    assert (await bob.post(f"/rooms/{room}/invites")).status == 403
    assert (await eve.post(f"/rooms/{room}/invites")).status == 404


@pytest.mark.parametrize("expires_in", [0, 59, 2_592_001, "60"])
async def test_an_invitation_is_good_for_a_minute_to_30_days(ada: Person, expires_in: object) -> None:
    room = await ada.room()

    answer = await ada.post(f"/rooms/{room}/invites", {"expires_in": expires_in})

    assert (answer.status, answer.paths) == (422, ["expires_in"])


async def test_ownership_is_handed_over(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)

    given = await ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "owner"})
    stepped_back = await ada.put(f"/rooms/{room}/members/{ada.id}", {"role": "member"})
    last = await bob.put(f"/rooms/{room}/members/{bob.id}", {"role": "member"})

    assert (given.status, stepped_back.status, last.status) == (200, 200, 409)


async def test_an_archived_room_is_opened_again_with_its_members_and_history(ada: Person, bob: Person) -> None:
    room = await a_room(ada, bob)
    await bob.say(room, "hello")
    await ada.delete(f"/rooms/{room}")

    refused = await bob.post(f"/rooms/{room}/messages", {"text": "still here"})
    read = await bob.get(f"/rooms/{room}/messages")
    opened = await ada.patch(f"/rooms/{room}", {"archived": False})

    assert (refused.status, len(read.body["items"])) == (409, 1)
    assert (opened.status, opened.body["archived_at"]) == (200, None)
    assert (await bob.post(f"/rooms/{room}/messages", {"text": "still here"})).status == 201


async def test_two_hundred_at_once_fill_fifty_places_exactly(client: Client, ada: Person) -> None:
    room = await ada.room(capacity=50)
    people = [await sign_up(client, f"guest{number}") for number in range(200)]
    answers: list[Answer] = []

    async def join(person: Person) -> None:
        answers.append(await person.post(f"/rooms/{room}/join"))

    async with anyio.create_task_group() as tasks:
        for person in people:
            tasks.start_soon(join, person)

    statuses = [answer.status for answer in answers]
    assert (statuses.count(200), statuses.count(409)) == (49, 151)
    assert {answer.code for answer in answers if answer.status == 409} == {"room_full"}
    assert len((await ada.get(f"/rooms/{room}/members")).body["items"]) == 50
