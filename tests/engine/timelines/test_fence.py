from collections.abc import AsyncIterator

import anyio
import pytest

from engine.domain.fields import Role
from engine.domain.people import Principal
from engine.engine import TAKEOVERS, TAKEOVER_REST, Engine
from engine.errors import NotFound, TimelineMoved
from engine.storage.memory import MemoryStorage, State
from engine.timelines.commands import Position, ReadEvents
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def second(state: State) -> AsyncIterator[Engine]:
    """Another process on the same database."""
    async with running(MemoryStorage(state)) as engine:
        yield engine


@pytest.fixture
def taken(second: Engine, lobby: Place) -> Place:
    """The lobby as the second process has it."""
    return Place(second, lobby.id)


async def test_the_second_engine_takes_over_and_the_firsts_writes_are_refused(
    lobby: Place, taken: Place, ada: Principal
):
    await lobby.say(ada, "one")
    await taken.say(ada, "two")

    with pytest.raises(TimelineMoved) as moved:
        await lobby.post(ada, "three")

    assert 0 < moved.value.retry_after <= TAKEOVER_REST
    assert [each.text for each in (await taken.page(ada)).items] == ["two", "one"]
    assert [each.offset for each in await taken.events(ada)] == [1, 2, 3, 4]


async def test_its_subscribers_are_sent_away_and_find_everything_at_the_second(
    lobby: Place, taken: Place, ada: Principal, ben: Principal
):
    listener, subscribed = await lobby.listen(ben)
    await lobby.say(ada, "one")
    await taken.say(ada, "two")
    with pytest.raises(TimelineMoved):
        await lobby.post(ada, "three")

    _, again = await taken.listen(ben, since=Position(3, subscribed.window.epoch))

    assert listener.heard == ["3", "moved"]
    assert again.recovered
    assert [each.offset for each in again.window.publications] == [4]


async def test_everyone_who_waits_is_refused(
    lobby: Place, taken: Place, ada: Principal, ben: Principal, storage: Interposed
):
    refused: list[str] = []

    async def slow(_name: str, perform: Perform) -> object:
        await anyio.sleep(0.3)
        return await perform()

    async def post(delay: float) -> None:
        await anyio.sleep(delay)
        with pytest.raises(TimelineMoved):
            await lobby.post(ben)
        refused.append("moved")

    await taken.say(ada, "two")
    storage.meddle = slow
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(post, number / 20)

    assert len(refused) == 10


async def test_a_timeline_that_was_taken_over_is_left_alone_for_a_while_and_may_come_back(
    lobby: Place, taken: Place, ada: Principal
):
    await taken.say(ada, "two")
    with pytest.raises(TimelineMoved):
        await lobby.post(ada)

    await anyio.sleep(TAKEOVER_REST - 1)
    with pytest.raises(TimelineMoved):
        await lobby.post(ada)
    with pytest.raises(TimelineMoved):
        await lobby.page(ada)
    still_theirs = await taken.post(ada)
    await anyio.sleep(1.1)
    back = await lobby.post(ada)

    assert (still_theirs.message.offset, back.message.offset) == (4, 5)
    with pytest.raises(TimelineMoved):
        await taken.post(ada)
    assert [each.offset for each in await lobby.events(ada)] == [1, 2, 3, 4, 5]


async def test_a_quiet_engine_notices_that_its_timeline_was_taken_over(
    lobby: Place, taken: Place, ada: Principal, ben: Principal
):
    listener, _ = await lobby.listen(ben)
    await taken.say(ada, "two")

    await anyio.sleep(2 * TAKEOVERS)

    assert listener.heard == ["moved"]


async def test_an_engine_that_was_writing_when_it_was_told_of_the_takeover_leaves_after_the_write(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, second: Engine
):
    listener, _ = await lobby.listen(ben)

    async def slow_answer(name: str, perform: Perform) -> object:
        result = await perform()
        if name == "append":
            await anyio.sleep(3 * TAKEOVERS / 2)  # committed; the answer comes after the next look at the terms
        return result

    storage.meddle = slow_answer
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lobby.post, ada, "mine")
        await anyio.sleep(0.1)
        await Place(second, lobby.id).listen(ada)
    await anyio.sleep(4 * TAKEOVERS)

    assert listener.heard == ["3", "moved"]


async def test_a_room_that_sleeps_is_not_woken_by_the_look_at_its_term(
    storage: Interposed, state: State, ada: Principal
):
    async def slow_terms(name: str, perform: Perform) -> object:
        result = await perform()
        if name == "terms":
            await anyio.sleep(10)
        return result

    storage.meddle = slow_terms
    async with running(storage, idle_passivation=1) as first, running(MemoryStorage(state)) as second:
        place = await a_place(first, ada)
        await anyio.sleep(10 + TAKEOVERS - 0.5)
        await place.page(ada)
        await anyio.sleep(1)  # a look has begun
        theirs = Place(second, place.id)
        listener, _ = await theirs.listen(ada)

        await anyio.sleep(30)
        await theirs.post(ada)

        assert listener.heard == ["2"]


async def test_two_engines_that_use_the_same_room_by_turns_leave_no_gap(lobby: Place, taken: Place, ada: Principal):
    for place in (lobby, taken) * 4:
        while True:
            try:
                await place.say(ada, "a", "b")
                break
            except TimelineMoved as moved:
                await anyio.sleep(moved.retry_after)

    events = await taken.events(ada)
    assert [each.offset for each in events] == list(range(1, len(events) + 1))
    assert len((await taken.page(ada)).items) >= 16


async def test_naming_a_timeline_by_the_wrong_kind_takes_it_from_nobody(
    lobby: Place, engine: Engine, ada: Principal, ben: Principal, second: Engine
):
    listener, _ = await lobby.listen(ben)
    own = engine.timelines.ref(f"user:{ada.id}")
    assert own is not None
    await own.ask(ReadEvents(ada, 0, 1))

    for process in (engine, second):
        for channel in (f"user:{lobby.id}", f"room:{ada.id}"):
            wrong = process.timelines.ref(channel)
            assert wrong is not None
            with pytest.raises(NotFound):
                await wrong.ask(ReadEvents(ben, 0, 1))
    await anyio.sleep(2 * TAKEOVERS)
    await lobby.put(ada, (await lobby.post(ben)).message.author, Role.MODERATOR)

    assert listener.heard == ["3", "4"]
    await own.ask(ReadEvents(ada, 0, 1))


async def test_an_owner_that_takes_no_one_over_is_left_in_peace(
    lobby: Place, ada: Principal, ben: Principal, second: Engine
):
    listener, _ = await lobby.listen(ben)

    await anyio.sleep(20 * TAKEOVERS)
    await lobby.post(ada)

    assert listener.heard == ["3"]
    assert second.system.tree().path == "gathering"
