"""The activity log: kept once, found by everything that is asked, forgotten in time."""

from typing import Any

import pytest

from engine.domain.activity import Action, Activity, ActivityFilter
from engine.domain.fields import ParticipantId, TimelineId
from engine.storage.repositories import Storage
from tests.storage.made import at, new_id

pytestmark = pytest.mark.anyio


def an_entry(seconds: float = 0, **fields: Any) -> Activity:
    values: dict[str, Any] = {"action": Action.SIGNED_IN, "actor": ParticipantId("ada")} | fields
    return Activity(id=new_id(), at=at(seconds), **values)


async def found(storage: Storage, *, after: str | None = None, limit: int = 100, **which: Any) -> list[Activity]:
    return await storage.activity.search(ActivityFilter(**which), after=after, limit=limit)


async def test_entries_come_back_whole_and_newest_first(storage: Storage) -> None:
    full = an_entry(
        1,
        action=Action.ROLE_CHANGED,
        timeline_id=TimelineId("room"),
        subject="bob",
        ip="2001:db8::1",
        request_id="r-1",
        details={"role": "admin", "n": 3, "on": True, "off": None},
    )
    bare = an_entry(2, actor=None)

    await storage.activity.add([full, bare])
    await storage.activity.add([])

    assert await found(storage) == [bare, full]


async def test_an_entry_that_is_added_again_is_kept_once(storage: Storage) -> None:
    first, second = an_entry(), an_entry()
    await storage.activity.add([first])

    await storage.activity.add([first, second])

    assert await found(storage) == [second, first]


async def test_entries_are_found_by_everything_that_is_asked(storage: Storage) -> None:
    one = an_entry(1)
    two = an_entry(2, action=Action.MEMBER_JOINED, timeline_id=TimelineId("t"))
    three = an_entry(3, actor=ParticipantId("bob"), action=Action.MEMBER_JOINED, timeline_id=TimelineId("t"))
    await storage.activity.add([one, two, three])

    assert await found(storage, actor=ParticipantId("ada")) == [two, one]
    assert await found(storage, action=Action.MEMBER_JOINED) == [three, two]
    assert await found(storage, timeline_id=TimelineId("t"), actor=ParticipantId("bob")) == [three]
    assert await found(storage, since=at(2)) == [three, two]
    assert await found(storage, until=at(2)) == [one]
    assert await found(storage, since=at(2), until=at(3)) == [two]
    assert await found(storage, actor=ParticipantId("a\x00b")) == []


async def test_pages_follow_on_from_each_other(storage: Storage) -> None:
    entries = [an_entry(number) for number in range(5)]
    await storage.activity.add(entries)

    first = await found(storage, limit=2)
    second = await found(storage, limit=2, after=first[-1].id)
    third = await found(storage, limit=2, after=second[-1].id)

    assert [*first, *second, *third] == entries[::-1]


async def test_the_oldest_entries_are_forgotten_a_few_at_a_time(storage: Storage) -> None:
    entries = [an_entry(number) for number in range(5)]
    await storage.activity.add(entries)

    assert await storage.activity.purge(before=at(3), most=2) == 2
    assert await storage.activity.purge(before=at(3), most=2) == 1
    assert await storage.activity.purge(before=at(3), most=2) == 0

    assert await found(storage) == [entries[4], entries[3]]
