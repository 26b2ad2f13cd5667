from collections.abc import Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint

from engine.accounts.recent import Recent
from engine.errors import StorageUnavailable

pytestmark = pytest.mark.anyio


class Shelf:
    """Where values are read from. `gate` holds reads up, `away` fails them."""

    def __init__(self) -> None:
        self.values = {"a": 1, "b": 2, "c": 3}
        self.reads: list[tuple[str, ...]] = []
        self.gate = anyio.Event()
        self.gate.set()
        self.away = False
        self.now = 0.0
        self.changed: list[int] = []

    async def read(self, keys: Sequence[str]) -> dict[str, int]:
        self.reads.append(tuple(keys))
        values = {key: self.values[key] for key in keys if key in self.values}
        await self.gate.wait()
        if self.away:
            raise StorageUnavailable("away", retry_after=3)
        return values

    def recent(self, *, ttl: float = 2.0, capacity: int = 100, patience: float = 5.0) -> Recent[str, int]:
        return Recent(
            self.read,
            ttl=ttl,
            capacity=capacity,
            patience=patience,
            changed=self.changed.append,
            time=lambda: self.now,
        )


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_a_value_is_read_once_in_its_time(shelf: Shelf):
    recent = shelf.recent()

    values = [await recent.get("a") for _ in range(3)]
    shelf.now = 2.0
    values.append(await recent.get("a"))

    assert values == [1, 1, 1, 1]
    assert shelf.reads == [("a",), ("a",)]


async def test_that_there_is_no_value_is_remembered_too(shelf: Shelf):
    recent = shelf.recent()

    assert [await recent.get("x"), await recent.get("x")] == [None, None]
    assert shelf.reads == [("x",)]


@pytest.mark.parametrize("ttl", [0.0, 2.0])
async def test_keys_missed_while_a_read_goes_on_are_read_together(shelf: Shelf, ttl: float):
    recent = shelf.recent(ttl=ttl)
    got: dict[str, int | None] = {}

    async def get(key: str) -> None:
        got[key] = await recent.get(key)

    shelf.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(get, "a")
        await anyio.wait_all_tasks_blocked()
        for key in "bcx":
            tasks.start_soon(get, key)
        await anyio.wait_all_tasks_blocked()
        shelf.gate.set()

    assert got == {"a": 1, "b": 2, "c": 3, "x": None}
    assert [sorted(keys) for keys in shelf.reads] == [["a"], ["b", "c", "x"]]


async def test_a_cancelled_reader_loses_nothing_for_those_who_wait(shelf: Shelf):
    recent = shelf.recent()
    await recent.get("a")
    shelf.values["a"], shelf.now = 10, 2.0
    second, got = anyio.CancelScope(), []

    async def get(key: str, scope: anyio.CancelScope) -> None:
        with scope:
            got.append(await recent.get(key))

    shelf.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for key, scope in (("b", anyio.CancelScope()), ("a", second), ("a", anyio.CancelScope())):
            tasks.start_soon(get, key, scope)
            await anyio.wait_all_tasks_blocked()
        gate, shelf.gate = shelf.gate, anyio.Event()
        gate.set()
        await anyio.wait_all_tasks_blocked()
        second.cancel()
        shelf.gate.set()

    assert second.cancelled_caught
    assert got == [2, 10]


async def test_what_is_put_while_a_read_goes_on_is_not_overwritten_by_it(shelf: Shelf):
    recent = shelf.recent()
    got: list[int | None] = []

    async def get() -> None:
        got.append(await recent.get("a"))

    shelf.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(get)
        await anyio.wait_all_tasks_blocked()
        recent.put("a", 100)
        shelf.gate.set()

    assert got == [100]
    assert await recent.get("a") == 100
    assert shelf.changed == []


async def test_a_value_that_somebody_else_changed_is_announced_when_it_is_noticed(shelf: Shelf):
    recent = shelf.recent()
    await recent.get("a")
    shelf.values["a"] = 10
    shelf.now = 2.0

    value = await recent.get("a")

    assert value == 10
    assert shelf.changed == [10]


async def test_in_an_outage_what_is_known_is_served_and_the_storage_left_alone_for_a_while(shelf: Shelf):
    recent = shelf.recent()
    await recent.get("a")
    shelf.away, shelf.now = True, 60.0
    shelf.reads.clear()

    values = [await recent.get("a") for _ in range(3)]
    with pytest.raises(StorageUnavailable) as refusal:
        await recent.get("b")

    assert values == [1, 1, 1]
    assert refusal.value.retry_after == 3
    assert shelf.reads == [("a",)]
    shelf.away, shelf.now = False, 62.0
    assert [await recent.get("a"), await recent.get("b")] == [1, 2]


@pytest.mark.parametrize("ttl", [0.0, 2.0])
async def test_all_who_wait_for_a_read_that_fails_are_told(shelf: Shelf, ttl: float):
    recent = shelf.recent(ttl=ttl)
    told: list[str] = []

    async def get(key: str) -> None:
        with pytest.raises(StorageUnavailable):
            await recent.get(key)
        told.append(key)

    shelf.away = True
    async with anyio.create_task_group() as tasks:
        for key in "aabc":
            tasks.start_soon(get, key)
            await checkpoint()

    assert sorted(told) == ["a", "a", "b", "c"]


async def test_the_least_recently_used_value_makes_room(shelf: Shelf):
    recent = shelf.recent(capacity=2)
    for key in ("a", "b", "a", "c"):
        await recent.get(key)
    shelf.reads.clear()

    for key in ("a", "c", "b"):
        await recent.get(key)

    assert shelf.reads == [("b",)]


async def test_what_is_forgotten_is_read_again(shelf: Shelf):
    recent = shelf.recent()
    recent.put("a", 100)

    recent.forget()

    assert await recent.get("a") == 1


async def test_who_is_known_waits_only_a_moment_for_a_storage_that_hangs(shelf: Shelf):
    recent = shelf.recent(patience=0.01)
    await recent.get("a")
    shelf.values["a"], shelf.now, shelf.gate = 10, 2.0, anyio.Event()

    values = [await recent.get("a") for _ in range(3)]
    shelf.gate.set()
    shelf.now = 4.0
    values.append(await recent.get("a"))

    assert values == [1, 1, 1, 10]
    assert len(shelf.reads) == 3
    assert shelf.changed == [10]


async def read_ahead(recent: Recent[str, int], *, ahead: float = 1.0, lately: float = 30.0) -> None:
    await recent.read_ahead(ahead=ahead, lately=lately, between=checkpoint)


async def test_who_comes_again_soon_finds_a_value_that_was_read_meanwhile(shelf: Shelf):
    recent = shelf.recent()
    await recent.get("a")
    shelf.values["a"], shelf.now = 10, 1.5

    await read_ahead(recent)
    shelf.now = 3.0
    value = await recent.get("a")

    assert value == 10
    assert shelf.reads == [("a",), ("a",)]
    assert shelf.changed == [10]


async def test_only_what_was_asked_for_lately_and_soon_ends_is_read_ahead(shelf: Shelf):
    recent = shelf.recent(ttl=40.0)
    await recent.get("a")
    shelf.now = 35.0
    await recent.get("b")
    shelf.now = 39.0
    await recent.get("c")
    shelf.reads.clear()

    await read_ahead(recent, ahead=6.0)
    read_of_b_and_c_too_early_and_of_a_forgotten = list(shelf.reads)
    await recent.get("a")
    await read_ahead(recent, ahead=6.0)

    assert read_of_b_and_c_too_early_and_of_a_forgotten == []
    assert shelf.reads == [("a",)]


async def test_reading_ahead_does_not_count_as_being_asked_for(shelf: Shelf):
    recent = shelf.recent()
    await recent.get("a")
    shelf.reads.clear()

    for second in range(60):
        shelf.now = float(second)
        await read_ahead(recent, lately=10.0)

    assert len(shelf.reads) == 9


async def test_many_values_are_read_ahead_a_few_at_a_time_and_others_come_between(shelf: Shelf):
    shelf.values = {str(number): number for number in range(100)}
    recent = shelf.recent()
    for key in shelf.values:
        await recent.get(key)
    shelf.reads.clear()
    pauses: list[int] = []

    async def between() -> None:
        pauses.append(len(shelf.reads))

    shelf.now = 1.5
    await recent.read_ahead(ahead=1.0, lately=30.0, between=between)

    assert pauses == [0, 1, 2, 3]
    assert sorted(key for keys in shelf.reads for key in keys) == sorted(shelf.values)


async def test_reading_ahead_in_an_outage_changes_nothing_and_comes_again_later(shelf: Shelf):
    recent = shelf.recent()
    await recent.get("a")
    shelf.away, shelf.now = True, 1.5
    shelf.reads.clear()

    await read_ahead(recent)
    await read_ahead(recent)
    while_away = list(shelf.reads)
    shelf.away, shelf.now = False, 4.0
    await read_ahead(recent)

    assert while_away == [("a",)]
    assert shelf.reads == [("a",), ("a",)]
    assert await recent.get("a") == 1
