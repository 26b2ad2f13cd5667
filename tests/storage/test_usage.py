"""Counts of messages by week, and the quotas that appends are held against."""

from datetime import UTC, date, datetime
from typing import Any

import anyio
import pytest

from engine.domain.events import MessagePosted
from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.people import Participant, User
from engine.domain.quota import end_of, week_of
from engine.domain.rooms import Room
from engine.storage.repositories import Append, AppendFailure, Claimed, Storage
from tests.storage.conftest import Connect
from tests.storage.made import a_message, add_user, append, at, claim, deleted, edited, new_id, open_room, posted

pytestmark = pytest.mark.anyio

WEEK = week_of(at(0))


def said(room: Room, author: Participant, first: int, count: int, **fields: Any) -> tuple[MessagePosted, ...]:
    return tuple(posted(a_message(room, first + number, author, **fields)) for number in range(count))


def limited(claimed: Claimed, author: Participant, limit: int, *events: MessagePosted) -> Append:
    return Append(claimed.timeline_id, claimed.term, events, ((author.id, limit),))


def over(author: Participant, used: int) -> AppendFailure:
    return AppendFailure("quota", "the quota of one of the authors is used up", ((author.id, WEEK, used),))


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        (datetime(2026, 11, 22, 23, 59, 59, 999999, tzinfo=UTC), date(2026, 11, 16)),
        (datetime(2026, 11, 23, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2027, 1, 1, 12, tzinfo=UTC), date(2026, 12, 28)),
        (datetime.fromisoformat("2026-11-23T01:00:00+02:00"), date(2026, 11, 16)),
    ],
)
def test_a_week_begins_on_monday_at_midnight_utc(moment: datetime, monday: date) -> None:
    assert week_of(moment) == monday
    assert week_of(end_of(monday)) > monday


async def test_every_message_of_a_person_counts_for_its_week(storage: Storage, ada: Participant, bob: Participant):
    room, other = await open_room(storage, ada), await open_room(storage, ada)
    claimed, elsewhere = await claim(storage, room), await claim(storage, other)
    later = at(8 * 86_400)
    first = a_message(room, 2, ada)

    await append(storage, claimed, posted(first), *said(room, bob, 3, 1), *said(room, ada, 4, 2))
    await append(storage, elsewhere, *said(other, ada, 2, 3))
    await append(storage, elsewhere, *said(other, ada, 5, 1, created_at=later))
    await append(storage, claimed, edited(6, first), deleted(7, first))

    assert await storage.usage.used(ada.id, WEEK) == 6
    assert await storage.usage.used(bob.id, WEEK) == 1
    assert await storage.usage.used(ada.id, week_of(later)) == 1
    assert await storage.usage.used(ParticipantId("nobody"), WEEK) == 0


async def test_messages_of_agents_are_not_counted(storage: Storage, ada: Participant):
    agent = Participant(ParticipantId(new_id()), ParticipantKind.AGENT, "Archivist")
    room = await open_room(storage, ada)

    await append(storage, await claim(storage, room), *said(room, agent, 2, 3))

    assert await storage.usage.used(agent.id, WEEK) == 0


async def test_an_append_over_a_limit_is_refused_whole_and_spends_nothing(storage: Storage, ada: Participant):
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    await append(storage, claimed, *said(room, ada, 2, 3))

    refused = await storage.log.append([limited(claimed, ada, 5, *said(room, ada, 5, 3))])
    kept = await storage.log.append([limited(claimed, ada, 5, *said(room, ada, 5, 2))])
    full = await storage.log.append([limited(claimed, ada, 5, *said(room, ada, 7, 1))])

    assert (refused, kept, full) == ([over(ada, 3)], [None], [over(ada, 5)])
    assert await storage.usage.used(ada.id, WEEK) == 5
    assert len(await storage.log.events(room.id, after=0, limit=100)) == 6


async def test_a_limit_holds_over_all_the_entries_of_a_batch(storage: Storage, ada: Participant, bob: Participant):
    rooms = [await open_room(storage, ada) for _ in range(4)]
    claims = [await claim(storage, room) for room in rooms]
    sizes = [2, 2, 3, 1]
    batch = [
        limited(claimed, ada, 5, *said(room, ada, 2, size), *said(room, bob, 2 + size, 1))
        for room, claimed, size in zip(rooms, claims, sizes, strict=True)
    ]

    answers = await storage.log.append(batch)

    assert [answer is None for answer in answers] == [True, True, False, True]
    assert answers[2] is not None
    assert answers[2].reason == "quota"
    assert await storage.usage.used(ada.id, WEEK) == 5
    assert await storage.usage.used(bob.id, WEEK) == 3


async def test_what_the_database_refuses_for_another_reason_spends_nothing(storage: Storage, ada: Participant):
    room, other = await open_room(storage, ada), await open_room(storage, ada)
    claimed, elsewhere = await claim(storage, room), await claim(storage, other)
    await append(storage, claimed, posted(a_message(room, 2, ada, client_id="c")))

    answers = await storage.log.append(
        [
            limited(claimed, ada, 9, *said(room, ada, 3, 2), posted(a_message(room, 5, ada, client_id="c"))),
            limited(elsewhere, ada, 9, *said(other, ada, 2, 3)),
        ]
    )

    assert [answer and answer.reason for answer in answers] == ["conflict", None]
    assert await storage.usage.used(ada.id, WEEK) == 4


async def test_two_processes_hold_one_limit(storage: Storage, connect: Connect, ada: Participant):
    rooms = [await open_room(storage, ada) for _ in range(8)]
    claims = [await claim(storage, room) for room in rooms]
    admitted: list[bool] = []

    async def write(through: Storage, number: int) -> None:
        [answer] = await through.log.append([limited(claims[number], ada, 5, *said(rooms[number], ada, 2, 1))])
        admitted.append(answer is None)

    async with connect() as second, anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(write, second if number % 2 else storage, number)

    assert sorted(admitted) == [False] * 3 + [True] * 5
    assert await storage.usage.used(ada.id, WEEK) == 5


async def names(storage: Storage, *, default: int | None, reached: bool, **page: object) -> list[str]:
    options = {"limit": 10} | page
    found = await storage.usage.search("", week=WEEK, default=default, reached=reached, **options)  # type: ignore[arg-type]
    return [user.username for user in found]


async def test_who_has_reached_their_quota_is_found(storage: Storage):
    users = [
        await add_user(storage, "Ada"),
        await add_user(storage, "Bob", weekly_messages=2),
        await add_user(storage, "Cleo", weekly_messages=0, active=False),
        await add_user(storage, "Dan", weekly_messages=100),
    ]
    room = await open_room(storage, users[0].participant)
    claimed = await claim(storage, room)
    for first, user in zip((2, 5, 8), (users[0], users[1], users[3]), strict=True):
        await append(storage, claimed, *said(room, user.participant, first, 3))

    assert await names(storage, default=None, reached=True) == ["Bob", "Cleo"]
    assert await names(storage, default=3, reached=True) == ["Ada", "Bob", "Cleo"]
    assert await names(storage, default=4, reached=True) == ["Bob", "Cleo"]
    assert await names(storage, default=None, reached=False) == ["Ada", "Dan"]
    assert await names(storage, default=3, reached=True, after=users[0].id, limit=1) == ["Bob"]
    found = await storage.usage.search("cL", week=WEEK, default=None, reached=True, limit=9)
    assert [user.id for user in found] == [users[2].id]
    assert await storage.usage.search("\x00", week=WEEK, default=None, reached=True, limit=9) == []


async def test_last_weeks_use_is_no_use(storage: Storage):
    user: User = await add_user(storage, "Ada", weekly_messages=1)
    room = await open_room(storage, user.participant)

    await append(storage, await claim(storage, room), *said(room, user.participant, 2, 1, created_at=at(-7 * 86_400)))

    assert await names(storage, default=None, reached=True) == []


async def test_old_counts_are_forgotten(storage: Storage, ada: Participant):
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    old = at(-7 * 86_400)
    await append(storage, claimed, *said(room, ada, 2, 1, created_at=old), *said(room, ada, 3, 2))

    assert await storage.usage.purge(before=WEEK) == 1

    assert await storage.usage.used(ada.id, week_of(old)) == 0
    assert await storage.usage.used(ada.id, WEEK) == 2
