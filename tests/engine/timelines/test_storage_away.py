from collections.abc import Awaitable

import anyio
import pytest

from actors import ActorCrashed
from engine.domain.people import Principal
from engine.engine import TAKEOVERS, Engine
from engine.errors import Overloaded, StorageUnavailable
from engine.storage.memory import State
from engine.timelines import writer
from engine.timelines.commands import Position, Posted
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running, unavailable

pytestmark = pytest.mark.anyio

BOUND = 5.0
"""Seconds within which a post fails while the database is away."""
STORAGE_LIMIT = 2.0


async def silent(_name: str, _perform: Perform) -> None:
    """Meddles: the database does not answer within the storage's own limit."""
    await anyio.sleep(STORAGE_LIMIT)
    raise StorageUnavailable("no answer")


async def stuck(_name: str, _perform: Perform) -> None:
    """Meddles: the database does not answer, and the storage breaks its promise."""
    await anyio.sleep_forever()


async def fails_within_the_bound(attempt: Awaitable[object]) -> float:
    started = anyio.current_time()
    with pytest.raises(StorageUnavailable):
        await attempt
    took = anyio.current_time() - started
    assert took <= BOUND
    return took


@pytest.mark.parametrize("trouble", [unavailable, silent, stuck])
async def test_posts_fail_within_the_bound_and_nothing_is_half_applied(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, trouble
):
    listener, _ = await lobby.listen(ben)
    [earlier] = await lobby.say(ada, "earlier")

    async def post(delay: float) -> None:
        await anyio.sleep(delay)
        await fails_within_the_bound(lobby.post(ada, "lost"))

    storage.meddle = trouble
    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(post, number / 4)

    assert listener.offsets == [3]
    assert (await lobby.page(ben)).items == [earlier]
    assert len(await lobby.events(ben)) == 3


async def test_posts_of_many_rooms_fail_within_the_bound(engine: Engine, ada: Principal, storage: Interposed):
    places = [await a_place(engine, ada) for _ in range(20)]

    async def post(place: Place, delay: float) -> None:
        await anyio.sleep(delay)
        await fails_within_the_bound(place.post(ada, "lost"))

    storage.meddle = silent
    async with anyio.create_task_group() as tasks:
        for number, place in enumerate(places):
            for again in range(4):
                tasks.start_soon(post, place, number / 7 + again)


async def test_reading_from_memory_never_waits_while_the_database_is_silent(storage: Interposed, ada: Principal):
    async with running(storage, recent_events=5) as engine:
        place = await a_place(engine, ada)
        [old, *_, newest] = await place.say(ada, *"abcdef")
        storage.meddle = silent

        async def try_to_write(delay: float) -> None:
            await anyio.sleep(delay)
            await fails_within_the_bound(place.post(ada, "in answer to the first", reply_to=old.id))

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(try_to_write, number * 0.9)
            for _ in range(80):
                await anyio.sleep(0.1)
                before = anyio.current_time()
                assert (await place.page(ada, limit=1)).items == [newest]
                assert [each.offset for each in await place.events(ada, since=5)] == [6, 7]
                await place.listen(ada)
                assert anyio.current_time() == before


async def test_service_resumes_by_itself(lobby: Place, ada: Principal, storage: Interposed):
    listener, _ = await lobby.listen(ada)
    working = storage.meddle
    storage.meddle = unavailable
    await fails_within_the_bound(lobby.post(ada, "lost"))
    storage.meddle = working

    posted = await lobby.post(ada, "kept")

    assert posted.message.offset == 3
    assert listener.offsets == [3]


async def lose_one_answer(name: str, perform: Perform, lost: list[str]) -> object:
    result = await perform()
    if name == "append" and not lost:
        lost.append(name)
        raise StorageUnavailable("the connection broke after the commit")
    return result


async def test_a_post_committed_although_its_answer_was_lost_is_found_by_the_next_one(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
):
    listener, _ = await lobby.listen(ben)
    lost: list[str] = []
    storage.meddle = lambda name, perform: lose_one_answer(name, perform, lost)
    await fails_within_the_bound(lobby.post(ada, "once", "c-1"))

    again = await lobby.post(ada, "once", "c-1")
    after = await lobby.post(ben, "after")

    assert (again.created, again.message.offset, after.message.offset) == (False, 3, 4)
    assert listener.offsets == [3, 4]
    assert [each.text for each in (await lobby.page(ada)).items] == ["after", "once"]


async def test_a_post_committed_unheard_reaches_subscribers_without_another_post(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
):
    listener, _ = await lobby.listen(ben)
    lost: list[str] = []
    storage.meddle = lambda name, perform: lose_one_answer(name, perform, lost)
    await fails_within_the_bound(lobby.post(ada, "once"))

    await anyio.sleep(2 * TAKEOVERS)

    assert listener.offsets == [3]


async def test_who_has_just_come_when_a_write_fails_is_served_after_the_resumption(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
):
    answers: list[Posted] = []
    failed: list[str] = []

    async def one_slow_failure(name: str, perform: Perform) -> object:
        if name == "append" and not failed:
            failed.append(name)
            await anyio.sleep(0.4)
            raise StorageUnavailable("the connection broke")
        return await perform()

    async def post_meanwhile() -> None:
        await anyio.sleep(0.1)
        answers.append(await lobby.post(ben, "just in time"))

    storage.meddle = one_slow_failure
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post_meanwhile)
        await fails_within_the_bound(lobby.post(ada, "lost"))

    assert [each.message.offset for each in answers] == [3]


async def test_an_old_client_id_while_its_message_cannot_be_looked_up_is_refused_and_the_room_lives(
    storage: Interposed, ada: Principal
):
    async with running(storage, recent_events=2) as engine:
        place = await a_place(engine, ada)
        first = await place.post(ada, "first", "once")
        await place.say(ada, *"abcd")
        listener, _ = await place.listen(ada)
        working = storage.meddle

        async def no_lookup(name: str, perform: Perform) -> object:
            if name == "by_client_ids":
                raise StorageUnavailable("no answer")
            return await perform()

        storage.meddle = no_lookup
        await fails_within_the_bound(place.post(ada, "again", "once"))
        storage.meddle = working
        again = await place.post(ada, "again", "once")

        assert again == Posted(first.message, created=False)
        assert listener.heard == []


async def test_an_old_message_that_cannot_be_looked_up_refuses_only_those_who_need_it(
    storage: Interposed, ada: Principal, ben: Principal
):
    async with running(storage, recent_events=2) as engine:
        place = await a_place(engine, ada, ben)
        [old, *_] = await place.say(ada, *"abcd")

        async def no_lookup(name: str, perform: Perform) -> object:
            if name == "get":
                raise StorageUnavailable("no answer")
            return await perform()

        async def reply() -> None:
            await fails_within_the_bound(place.post(ada, "reply", reply_to=old.id))

        storage.meddle = no_lookup
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reply)
            tasks.start_soon(place.post, ben, "not a reply")

        assert (await place.page(ada)).items[0].text == "not a reply"


async def test_a_timeline_that_cannot_catch_up_yet_is_not_taken_for_one_that_has_moved(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
):
    listener, _ = await lobby.listen(ben)
    lost: list[str] = []

    async def lose_and_read_nothing(name: str, perform: Perform) -> object:
        if name == "events":
            raise StorageUnavailable("no answer")
        return await lose_one_answer(name, perform, lost)

    working = storage.meddle
    storage.meddle = lose_and_read_nothing
    await fails_within_the_bound(lobby.post(ada, "lost"))
    await fails_within_the_bound(lobby.post(ada, "claimed, and not caught up"))
    await anyio.sleep(3 * TAKEOVERS)
    await fails_within_the_bound(lobby.post(ada, "still not caught up"))
    storage.meddle = working
    await anyio.sleep(2 * TAKEOVERS)

    assert listener.heard == ["3"]


@pytest.mark.parametrize("trouble", [unavailable, silent, stuck])
async def test_a_room_that_nobody_has_opened_yet_fails_within_the_bound_and_opens_later(
    storage: Interposed, ada: Principal, trouble
):
    async with running(storage) as engine:
        place = await a_place(engine, ada)
        working = storage.meddle
        storage.meddle = trouble
        for _ in range(8):
            await fails_within_the_bound(place.post(ada))
        storage.meddle = working
        if trouble is stuck:
            return  # the journal waits for the storage, which has promised to answer

        assert (await place.post(ada)).message.offset == 2


async def test_a_log_that_was_replaced_meanwhile_is_read_anew(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed, state: State
):
    listener, first = await lobby.listen(ben)
    working = storage.meddle
    storage.meddle = unavailable
    await fails_within_the_bound(lobby.post(ada, "lost"))
    storage.meddle = working
    state.timelines[lobby.id].epoch = "another life"

    with pytest.raises(ActorCrashed):
        await lobby.post(ada, "into the wrong log")
    kept = await lobby.post(ada, "kept")
    _, again = await lobby.listen(ben, since=Position(2, first.window.epoch))

    assert listener.heard == ["restarted"]
    assert kept.message.offset == 3
    assert not again.recovered


async def test_who_has_gone_before_their_turn_has_posted_nothing(
    lobby: Place, ada: Principal, ben: Principal, storage: Interposed
):
    async def slow(_name: str, perform: Perform) -> object:
        await anyio.sleep(1)
        return await perform()

    storage.meddle = slow
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lobby.post, ada, "first")
        await anyio.sleep(0.1)
        with anyio.move_on_after(0.2):
            await lobby.post(ben, "never mind")
    await anyio.sleep(5)

    assert [each.text for each in (await lobby.page(ada)).items] == ["first"]


async def test_more_changes_than_a_timeline_holds_are_refused(
    lobby: Place, ada: Principal, storage: Interposed, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "WAITING", 10)
    outcomes: list[str] = []

    async def post() -> None:
        try:
            await lobby.post(ada)
        except (Overloaded, StorageUnavailable) as refusal:
            outcomes.append(refusal.code)

    storage.meddle = silent
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post)
        await anyio.sleep(0.1)
        for _ in range(30):
            tasks.start_soon(post)

    assert outcomes.count("overloaded") == 20
