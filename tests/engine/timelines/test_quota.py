"""The weekly quota holds exactly, whatever is posted where at the same time and whatever fails meanwhile."""

from collections import Counter
from collections.abc import AsyncIterator

import anyio
import msgspec
import pytest

from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.people import Participant, Principal
from engine.domain.quota import week_of
from engine.engine import Engine
from engine.errors import EngineError, QuotaExceeded, StorageUnavailable
from engine.storage.memory import MemoryStorage, State
from engine.timelines.commands import Posted
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, person, running, settings, unavailable
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.anyio

LIMIT = 5


@pytest.fixture
async def engine(storage: Interposed) -> AsyncIterator[Engine]:
    async with running(storage, weekly_messages=LIMIT, recent_events=8) as engine:
        yield engine


def without_limit(by: Principal) -> Principal:
    return msgspec.structs.replace(by, weekly_messages=1_000_000)


async def used(engine: Engine, by: Principal) -> int:
    return await engine.storage.usage.used(by.id, week_of(engine.clock.now()))


class Tally:
    """What became of many posts."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.posted: list[Posted] = []

    async def post(self, place: Place, by: Principal, text: str = "hi", client_id: str | None = None) -> None:
        try:
            posted = await place.post(by, text, client_id)
        except EngineError as error:
            self.outcomes[error.code] += 1
        else:
            self.outcomes["posted" if posted.created else "repeated"] += 1
            self.posted.append(posted)


async def test_of_twenty_posts_at_once_exactly_the_quota_is_posted(engine: Engine, lobby: Place, ben: Principal):
    tally = Tally()

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(tally.post, lobby, ben)

    assert tally.outcomes == {"posted": LIMIT, "quota_exceeded": 15}
    assert await used(engine, ben) == LIMIT
    assert len((await lobby.page(ben)).items) == LIMIT


async def test_a_quota_is_one_over_all_rooms(engine: Engine, ada: Principal):
    places = [await a_place(engine, ada) for _ in range(20)]
    tally = Tally()

    async with anyio.create_task_group() as tasks:
        for place in places:
            tasks.start_soon(tally.post, place, ada)
            tasks.start_soon(tally.post, place, ada)

    found = [message for place in places for message in (await place.page(ada)).items]
    assert tally.outcomes == {"posted": LIMIT, "quota_exceeded": 35}
    assert sorted(found, key=lambda each: each.id) == sorted((p.message for p in tally.posted), key=lambda m: m.id)
    assert await used(engine, ada) == LIMIT


async def test_the_others_in_the_same_turn_are_served(engine: Engine, lobby: Place, ada: Principal, ben: Principal):
    tally, others = Tally(), Tally()
    places = [lobby, await a_place(engine, ada, ben)]

    async with anyio.create_task_group() as tasks:
        for place in places:
            for _ in range(10):
                tasks.start_soon(tally.post, place, ben)
                tasks.start_soon(others.post, place, without_limit(ada))

    assert tally.outcomes == {"posted": LIMIT, "quota_exceeded": 15}
    assert others.outcomes == {"posted": 20}


async def test_a_repeated_client_id_costs_nothing_even_at_the_limit(engine: Engine, lobby: Place, ben: Principal):
    tally = Tally()

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            for client_id in ("c-1", "c-2", "c-3"):
                tasks.start_soon(tally.post, lobby, ben, f"{number}", client_id)
    await lobby.say(ben, "fourth", "fifth")
    again = await lobby.post(ben, "again", "c-2")

    assert tally.outcomes == {"posted": 3, "repeated": 27}
    assert not again.created
    assert await used(engine, ben) == LIMIT
    with pytest.raises(QuotaExceeded):
        await lobby.post(ben, "sixth", "c-4")


async def test_a_client_id_older_than_memory_is_found_at_the_limit(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
):
    first = await lobby.post(ben, "first", "c-1")
    await lobby.say(without_limit(ada), *"abcdefghijkl")
    await lobby.say(ben, "2", "3", "4", "5")
    await lobby.say(without_limit(ada), *"abcdefghijkl")
    tally = Tally()

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(tally.post, lobby, ben, "again", "c-1")
            tasks.start_soon(tally.post, lobby, ben, "new", "c-9")
            tasks.start_soon(tally.post, lobby, ben, "new")

    assert tally.outcomes == {"repeated": 5, "quota_exceeded": 10}
    assert [each.message.id for each in tally.posted] == [first.message.id] * 5
    storage.meddle = unavailable
    with pytest.raises(StorageUnavailable):
        await lobby.post(ben, "again", "c-1")
    storage.meddle = lambda _, perform: perform()
    assert (await lobby.post(ben, "again", "c-1")).message.id == first.message.id


async def test_the_last_post_and_an_old_repeat_at_once_are_both_answered(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
):
    first = await lobby.post(ben, "first", "c-1")
    await lobby.say(ben, "2", "3", "4")
    await lobby.say(without_limit(ada), *"abcdefghijkl")
    tally = Tally()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tally.post, lobby, ben, "fifth")
        tasks.start_soon(tally.post, lobby, ben, "again", "c-1")

    assert tally.outcomes == {"posted": 1, "repeated": 1}
    assert first.message.id in [each.message.id for each in tally.posted]
    assert await used(engine, ben) == LIMIT


async def test_what_is_refused_or_not_written_spends_nothing(lobby: Place, ben: Principal, storage: Interposed):
    storage.meddle = unavailable
    tally = Tally()
    async with anyio.create_task_group() as tasks:
        for _ in range(7):
            tasks.start_soon(tally.post, lobby, ben)
    storage.meddle = lambda _, perform: perform()
    for text in ("  ", "x" * 5000):
        await tally.post(lobby, ben, text)

    async with anyio.create_task_group() as tasks:
        for _ in range(7):
            tasks.start_soon(tally.post, lobby, ben)

    assert tally.outcomes == {
        "storage_unavailable": 7,
        "invalid_request": 2,
        "posted": LIMIT,
        "quota_exceeded": 2,
    }


async def test_a_post_whose_answer_was_lost_is_counted_once(
    engine: Engine, lobby: Place, ben: Principal, storage: Interposed
):
    async def lost(name: str, perform: Perform) -> object:
        result = await perform()
        if name == "append":
            storage.meddle = lambda _, perform: perform()
            raise StorageUnavailable("the answer is lost")
        return result

    storage.meddle = lost
    with pytest.raises(StorageUnavailable):
        await lobby.post(ben, "lost", "c-1")

    again = await lobby.post(ben, "lost", "c-1")
    await lobby.say(ben, "2", "3", "4", "5")

    assert not again.created
    assert await used(engine, ben) == LIMIT
    with pytest.raises(QuotaExceeded):
        await lobby.post(ben, "6")


async def test_editing_is_free_and_deleting_gives_nothing_back(engine: Engine, lobby: Place, ben: Principal):
    first, *_ = await lobby.say(ben, *"12345")

    await lobby.edit(ben, first, "better")
    await lobby.delete(ben, first)

    assert await used(engine, ben) == LIMIT
    with pytest.raises(QuotaExceeded):
        await lobby.post(ben, "6")


async def test_a_restart_and_a_second_process_change_nothing(state: State):
    async with running(MemoryStorage(state), weekly_messages=LIMIT) as before:
        ben = await person(before.storage, "Ben")
        places = [await a_place(before, ben) for _ in range(4)]
        await places[0].say(ben, "1", "2")
    tally = Tally()
    async with (
        running(MemoryStorage(state), weekly_messages=LIMIT) as first,
        running(MemoryStorage(state), weekly_messages=LIMIT) as second,
        anyio.create_task_group() as tasks,
    ):
        for number, place in enumerate(places):
            at = Place(first if number % 2 else second, place.id)
            for _ in range(5):
                tasks.start_soon(tally.post, at, ben)

    assert tally.outcomes == {"posted": LIMIT - 2, "quota_exceeded": 20 - (LIMIT - 2)}


async def test_people_may_have_a_quota_of_their_own_and_agents_have_none(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
):
    agent = Principal(Participant(ParticipantId("0190a000-0000-7000-8000-00000000000a"), ParticipantKind.AGENT, "Bot"))
    await lobby.put(ada, agent.participant)
    tally, agents = Tally(), Tally()

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(tally.post, lobby, msgspec.structs.replace(ben, weekly_messages=7))
            tasks.start_soon(agents.post, lobby, agent)

    assert tally.outcomes == {"posted": 7, "quota_exceeded": 3}
    assert agents.outcomes == {"posted": 10}
    assert await used(engine, agent) == 0
    with pytest.raises(QuotaExceeded):
        await lobby.post(msgspec.structs.replace(ben, weekly_messages=0))
    assert (await lobby.post(without_limit(ben))).created


async def test_what_was_posted_before_there_was_a_quota_counts(lobby: Place, ben: Principal):
    await lobby.say(without_limit(ben), *"1234567")

    with pytest.raises(QuotaExceeded):
        await lobby.post(ben, "8")


async def test_a_quota_begins_anew_on_monday_and_the_refusal_says_when(state: State):
    clock = StoppedClock()  # a Tuesday
    storage = MemoryStorage(state)
    async with Engine.open(settings(weekly_messages=LIMIT), storage=storage, clock=clock, seed=0) as engine:
        ben = await person(storage, "Ben")
        place = await a_place(engine, ben)
        await place.say(ben, *"12345")
        with pytest.raises(QuotaExceeded, match="2030-01-07 00:00 UTC") as refusal:
            await place.post(ben, "6")

        clock.advance(seconds=refusal.value.retry_after - 1)
        with pytest.raises(QuotaExceeded):
            await place.post(ben, "6")
        clock.advance(seconds=1)

        assert (await place.post(ben, "6")).created
        assert await used(engine, ben) == 1
