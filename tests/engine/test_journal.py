from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from actors import ActorSystem, Ref
from engine.domain.events import RoomArchived
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.people import Participant
from engine.errors import EngineError, NotFound, Overtaken, StorageUnavailable, TimelineMoved
from engine.journal import FEW, Claim, Journal, Write, WriteConflict, WriteInvalid
from engine.storage.memory import MemoryStorage
from engine.storage.repositories import Append, AppendFailure, Claimed, never
from engine.traffic import Traffic
from tests.storage.made import a_message, add_user, open_room, posted

pytestmark = pytest.mark.anyio


class Watched:
    """A log that keeps what it was given, and waits or fails where a test says so."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._log = storage.log
        self.batches: list[int] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    def held(self) -> anyio.Event:
        """Have everything wait until this is set."""
        release = anyio.Event()
        self.before = release.wait
        return release

    async def append(
        self, batch: Sequence[Append], *, overtaken: Callable[[], bool] = never
    ) -> list[AppendFailure | None]:
        self.batches.append(len(batch))
        if self.before is not None:
            await self.before()
        return await self._log.append(batch, overtaken=overtaken)

    async def claim(self, timelines: Sequence[TimelineId]) -> list[Claimed | None]:
        if self.before is not None:
            await self.before()
        return await self._log.claim(timelines)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def log(storage: MemoryStorage) -> Watched:
    return Watched(storage)


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem("test") as system:
        yield system


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
async def journal(system: ActorSystem, log: Watched, traffic: Traffic) -> Ref[Journal]:
    return await system.spawn(lambda: Journal(log, traffic), "journal", mailbox=Journal.mailbox)


@pytest.fixture
async def ada(storage: MemoryStorage) -> Participant:
    return (await add_user(storage, "Ada")).participant


async def rooms(storage: MemoryStorage, ada: Participant, count: int) -> list[Any]:
    return [await open_room(storage, ada) for _ in range(count)]


async def claimed_rooms(
    journal: Ref[Journal], storage: MemoryStorage, ada: Participant, count: int
) -> tuple[list[Any], list[Claimed]]:
    places = await rooms(storage, ada, count)
    return places, [await journal.ask(Claim(room.id)) for room in places]


async def write(journal: Ref[Journal], claimed: Claimed, *events: Any) -> None:
    await journal.ask(Write(Append(claimed.timeline_id, claimed.term, events)))


async def write_one_by_one(tasks: TaskGroup, journal: Ref[Journal], *entries: tuple[Claimed, Any]) -> None:
    """Begin to write each when the journal is done with the one before, or can do nothing more for it."""
    for claimed, event in entries:
        tasks.start_soon(write, journal, claimed, event)
        await anyio.wait_all_tasks_blocked()


async def outcome(
    journal: Ref[Journal], claimed: Claimed, *events: Any, patient: bool = False
) -> type[BaseException] | None:
    try:
        await journal.ask(Write(Append(claimed.timeline_id, claimed.term, events), patient))
    except EngineError as error:
        return type(error)
    return None


async def test_a_claim_raises_the_term_and_tells_the_head(
    journal: Ref[Journal], storage: MemoryStorage, ada: Participant
):
    [room] = await rooms(storage, ada, 1)

    first = await journal.ask(Claim(room.id))
    second = await journal.ask(Claim(room.id))

    assert (first.term, second.term, second.head) == (1, 2, 1)
    with pytest.raises(NotFound):
        await journal.ask(Claim(TimelineId("nowhere")))


async def test_the_writes_of_many_timelines_that_wait_together_are_one_batch(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    places, claims = await claimed_rooms(journal, storage, ada, 20)
    entered, release = anyio.Event(), anyio.Event()

    async def hold() -> None:
        entered.set()
        await release.wait()

    log.before = hold
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, journal, claims[0], posted(a_message(places[0], 2, ada)))
        await entered.wait()
        for room, claimed in zip(places[1:], claims[1:], strict=True):
            tasks.start_soon(write, journal, claimed, posted(a_message(room, 2, ada)))
        await anyio.wait_all_tasks_blocked()
        release.set()

    assert log.batches == [1, 19]


async def test_while_few_are_written_the_next_are_made_ready_and_those_after_them_wait(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    places, claims = await claimed_rooms(journal, storage, ada, 5)
    release = log.held()
    async with anyio.create_task_group() as tasks:
        events = [posted(a_message(room, 2, ada)) for room in places]
        await write_one_by_one(tasks, journal, *zip(claims, events, strict=True))

        assert log.batches == [1, 1]
        release.set()

    assert log.batches == [1, 1, 3]


async def test_while_many_are_written_nothing_is_made_ready(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    places, claims = await claimed_rooms(journal, storage, ada, FEW + 3)
    entries = [
        Append(room.id, claimed.term, (posted(a_message(room, 2, ada)),))
        for room, claimed in zip(places, claims, strict=True)
    ]
    release = log.held()
    answers: list[object] = []
    for entry in entries[:-1]:
        journal.request(Write(entry), lambda answer: answers.append(answer.error))
    await anyio.wait_all_tasks_blocked()
    journal.request(Write(entries[-1]), lambda answer: answers.append(answer.error))
    await anyio.wait_all_tasks_blocked()

    assert log.batches == [FEW + 2]
    release.set()
    await anyio.wait_all_tasks_blocked()

    assert answers == [None] * len(entries)
    assert log.batches == [FEW + 2, 1]


async def test_two_transactions_at_a_time_are_never_about_the_same_timeline(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    [room, other] = await rooms(storage, ada, 2)
    claimed, elsewhere = await journal.ask(Claim(room.id)), await journal.ask(Claim(other.id))
    release = log.held()
    async with anyio.create_task_group() as tasks:
        await write_one_by_one(
            tasks,
            journal,
            (claimed, posted(a_message(room, 2, ada))),
            (claimed, posted(a_message(room, 3, ada))),
            (elsewhere, posted(a_message(other, 2, ada))),
        )

        assert log.batches == [1, 1]
        assert [len(await storage.log.events(each.id, after=1, limit=10)) for each in (room, other)] == [0, 0]
        release.set()

    assert log.batches == [1, 1, 1]
    assert [len(await storage.log.events(each.id, after=1, limit=10)) for each in (room, other)] == [2, 1]


async def test_what_nobody_waits_for_any_more_is_not_written(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    places, claims = await claimed_rooms(journal, storage, ada, 3)
    release = log.held()
    async with anyio.create_task_group() as tasks:
        first, second, third = zip(claims, [posted(a_message(room, 2, ada)) for room in places], strict=True)
        await write_one_by_one(tasks, journal, first, second)
        async with anyio.create_task_group() as impatient:
            await write_one_by_one(impatient, journal, third)
            impatient.cancel_scope.cancel()
        release.set()

    assert log.batches == [1, 1]
    assert await storage.log.events(places[2].id, after=1, limit=10) == []


async def test_what_can_wait_is_written_while_nobody_is_on_the_way(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, traffic: Traffic, ada: Participant
):
    [room], [claimed] = await claimed_rooms(journal, storage, ada, 1)
    news = posted(a_message(room, 2, ada))

    with traffic.arriving():
        at_first = await outcome(journal, claimed, news, patient=True)
    refused = await storage.log.events(room.id, after=1, limit=9)

    assert (at_first, refused) == (Overtaken, [])
    assert await outcome(journal, claimed, news, patient=True) is None
    assert await storage.log.events(room.id, after=1, limit=9) == [news]
    assert log.batches == [1]


async def test_what_can_wait_lets_those_go_first_who_come_before_its_commit(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, traffic: Traffic, ada: Participant
):
    places, claims = await claimed_rooms(journal, storage, ada, 2)
    events = [posted(a_message(room, 2, ada)) for room in places]
    release = log.held()
    outcomes: list[type[BaseException] | None] = []

    async def try_to_write() -> None:
        outcomes.append(await outcome(journal, claims[0], events[0], patient=True))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(try_to_write)
        await anyio.wait_all_tasks_blocked()
        with traffic.arriving():
            release.set()
            await write(journal, claims[1], events[1])

    assert outcomes == [Overtaken]
    assert [await storage.log.events(room.id, after=1, limit=9) for room in places] == [[], [events[1]]]


async def test_what_can_wait_is_not_begun_while_others_are_written(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    places, claims = await claimed_rooms(journal, storage, ada, 2)
    events = [posted(a_message(room, 2, ada)) for room in places]
    release = log.held()

    async with anyio.create_task_group() as tasks:
        await write_one_by_one(tasks, journal, (claims[0], events[0]))
        assert await outcome(journal, claims[1], events[1], patient=True) is Overtaken
        release.set()

    assert log.batches == [1]


async def test_one_bad_entry_fails_alone(journal: Ref[Journal], storage: MemoryStorage, ada: Participant):
    places, claims = await claimed_rooms(journal, storage, ada, 6)
    await journal.ask(Claim(places[3].id))  # somebody else has taken this one over
    entries = [
        posted(a_message(places[0], 2, ada)),
        posted(a_message(places[1], 1, ada)),  # an offset that exists
        posted(a_message(places[2], 2, ada, "nul \x00")),
        posted(a_message(places[3], 2, ada)),
        posted(a_message(places[4], 2, ada, "half \ud83d")),
        posted(a_message(places[5], 2, ada)),
    ]
    outcomes: dict[int, type[BaseException] | None] = {}

    async def attempt(number: int) -> None:
        outcomes[number] = await outcome(journal, claims[number], entries[number])

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(attempt, number)

    assert [outcomes[number] for number in range(6)] == [
        None,
        WriteConflict,
        WriteInvalid,
        TimelineMoved,
        WriteInvalid,
        None,
    ]
    heads = [len(await storage.log.events(room.id, after=0, limit=10)) for room in places]
    assert heads == [2, 1, 1, 1, 1, 2]


async def test_two_writes_of_one_timeline_are_made_one_after_the_other(
    journal: Ref[Journal], storage: MemoryStorage, log: Watched, ada: Participant
):
    [room, other] = await rooms(storage, ada, 2)
    claimed, elsewhere = await journal.ask(Claim(room.id)), await journal.ask(Claim(other.id))
    answers: list[object] = []
    for message, owner in (
        (a_message(room, 2, ada), claimed),
        (a_message(other, 2, ada), elsewhere),
        (a_message(room, 3, ada), claimed),
    ):
        entry = Append(owner.timeline_id, owner.term, (posted(message),))
        journal.request(Write(entry), lambda answer: answers.append(answer.error))

    await anyio.wait_all_tasks_blocked()

    assert answers == [None, None, None]
    assert log.batches == [2, 1]


async def test_a_database_that_is_away_refuses_the_batch_and_serves_the_next(
    journal: Ref[Journal], storage: MemoryStorage, ada: Participant
):
    [room] = await rooms(storage, ada, 1)
    claimed = await journal.ask(Claim(room.id))
    event = posted(a_message(room, 2, ada))

    storage.state.reachable = False
    refused = [await outcome(journal, claimed, event) for _ in range(10)]
    storage.state.reachable = True
    await write(journal, claimed, event)

    assert refused == [StorageUnavailable] * 10


async def test_a_fault_of_the_storage_is_an_unknown_outcome_and_does_not_end_the_process(
    journal: Ref[Journal], system: ActorSystem, storage: MemoryStorage, log: Watched, ada: Participant
):
    [room] = await rooms(storage, ada, 1)
    claimed = await journal.ask(Claim(room.id))

    async def fault() -> None:
        raise ZeroDivisionError

    log.before = fault
    for _ in range(20):
        assert await outcome(journal, claimed, posted(a_message(room, 2, ada))) is StorageUnavailable
        with pytest.raises(StorageUnavailable):
            await journal.ask(Claim(room.id))
    log.before = None
    await write(journal, claimed, posted(a_message(room, 2, ada)))

    assert system.tree().children[0].restarts == 0


async def test_an_entry_of_several_events_is_written_as_a_whole_or_not_at_all(
    journal: Ref[Journal], storage: MemoryStorage, ada: Participant
):
    [room] = await rooms(storage, ada, 1)
    claimed = await journal.ask(Claim(room.id))
    archived = RoomArchived(offset=3, at=datetime.now(UTC), actor=ParticipantId(ada.id))

    refused = await outcome(journal, claimed, posted(a_message(room, 2, ada, "nul \x00")), archived)
    await write(journal, claimed, posted(a_message(room, 2, ada)), archived)

    assert refused is WriteInvalid
    assert [each.offset for each in await storage.log.events(room.id, after=0, limit=10)] == [1, 2, 3]
