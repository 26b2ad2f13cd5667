"""The recorder writes what it is told, and never stands in anybody's way."""

from collections.abc import AsyncIterator, Sequence

import anyio
import pytest

from actors import ActorSystem, Ref
from engine.activity import recorder
from engine.activity.recorder import Record, Recorder
from engine.clock import SystemClock
from engine.domain.activity import Action, Activity
from engine.errors import Conflict, StorageUnavailable
from engine.traffic import Traffic

pytestmark = pytest.mark.anyio

new_id = SystemClock().new_id


def entries(count: int) -> tuple[Activity, ...]:
    clock = SystemClock()
    return tuple(Activity(id=clock.new_id(), at=clock.now(), action=Action.SIGNED_IN) for _ in range(count))


class Log:
    """A log that a test opens and shuts."""

    def __init__(self) -> None:
        self.written: list[list[Activity]] = []
        self.error: Exception | None = None
        self.open = anyio.Event()
        self.asked = anyio.Event()
        self.taken = anyio.Event()

    async def add(self, new: Sequence[Activity]) -> None:
        self.asked.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.written.append(list(new))
        self.taken.set()

    @property
    def all(self) -> list[Activity]:
        return [entry for batch in self.written for entry in batch]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem("test") as system:
        yield system


@pytest.fixture
async def ref(system: ActorSystem, log: Log, traffic: Traffic) -> Ref[Recorder]:
    return await system.spawn(lambda: Recorder(log, traffic), "activity", mailbox=Recorder.mailbox)  # type: ignore[arg-type]


async def test_what_comes_while_it_writes_is_written_together_in_order(ref: Ref[Recorder], log: Log):
    said = entries(50)
    ref.tell(Record(said[:1]))
    await log.asked.wait()
    for entry in said[1:]:
        ref.tell(Record((entry,)))

    log.open.set()
    await ref.ask(Record(()))

    assert log.all == list(said)
    assert [len(batch) for batch in log.written] == [1, 49]


async def test_what_comes_soon_after_is_gathered(ref: Ref[Recorder], log: Log):
    said = entries(6)
    log.open.set()
    await ref.ask(Record(said[:1]))

    for entry in said[1:]:
        ref.tell(Record((entry,)))
        await anyio.wait_all_tasks_blocked()
    await ref.ask(Record(()))

    assert [len(batch) for batch in log.written] == [1, 5]


async def test_who_is_on_the_way_goes_first(
    ref: Ref[Recorder], log: Log, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recorder, "GIVE_WAY", 10.0)
    log.open.set()
    with traffic.arriving():
        ref.tell(Record(entries(1)))
        await anyio.wait_all_tasks_blocked()
        while_on_the_way = list(log.written)

    with anyio.fail_after(20):
        await log.taken.wait()

    assert while_on_the_way == []


async def test_a_transaction_has_a_bounded_size(ref: Ref[Recorder], log: Log):
    log.open.set()

    await ref.ask(Record(entries(recorder.ROWS * 2 + 1)))

    assert [len(batch) for batch in log.written] == [recorder.ROWS, recorder.ROWS, 1]


async def test_too_much_at_once_drops_the_oldest_counts_it_and_makes_nobody_wait(
    ref: Ref[Recorder], log: Log, system: ActorSystem
):
    said = entries(6000)
    ref.tell(Record(said[:1]))
    await log.asked.wait()

    for entry in said[1:]:
        ref.tell(Record((entry,)))
    log.open.set()
    await ref.ask(Record(()))

    dropped = system.dead_letters.counts["dropped_oldest"]
    assert dropped == 6000 - 4096  # one was being written, and the question took a place
    assert log.all == [said[0], *said[dropped + 1 :]]


async def test_what_the_database_does_not_take_waits_and_is_written_later(
    ref: Ref[Recorder], log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recorder, "AGAIN", 0.01)
    said = entries(3)
    log.open.set()
    log.error = StorageUnavailable("away")
    for entry in said:
        await ref.ask(Record((entry,)))
    assert log.written == []

    log.error = None
    with anyio.fail_after(20):
        await log.taken.wait()

    assert log.all == list(said)


async def test_an_outage_keeps_the_newest_entries_within_bounds(
    ref: Ref[Recorder], log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recorder, "KEPT", 10)
    said = entries(25)
    log.open.set()
    log.error = StorageUnavailable("away")
    await ref.ask(Record(said))

    log.error = None
    await ref.ask(Record(()))

    assert log.all == list(said[15:])


async def test_entries_that_are_refused_are_left_out_and_the_rest_goes_on(ref: Ref[Recorder], log: Log):
    log.open.set()
    log.error = Conflict("no such thing")
    await ref.ask(Record(entries(1)))

    log.error = None
    said = entries(1)
    await ref.ask(Record(said))

    assert log.all == list(said)
