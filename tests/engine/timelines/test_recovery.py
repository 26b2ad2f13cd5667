import anyio
import msgspec
import pytest

from actors.testing import Simulation, explore
from engine.domain.people import Principal
from engine.errors import StorageUnavailable
from engine.storage.memory import MemoryStorage
from engine.timelines import timeline
from engine.timelines.commands import Position, Subscribed, Unsubscribe
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, decoded, person, running


def offsets(subscribed: Subscribed) -> list[int]:
    return [event.offset for event in decoded(subscribed.window.publications)]


@pytest.mark.anyio
async def test_a_first_subscription_tells_where_the_log_stands(lobby: Place, ada: Principal):
    _, subscribed = await lobby.listen(ada)

    assert not subscribed.was_recovering
    assert not subscribed.recovered
    assert subscribed.window.offset == 2
    assert subscribed.window.publications == ()
    assert subscribed.room is not None
    assert [each.participant.name for each in subscribed.members] == ["Ada", "Ben"]


@pytest.mark.anyio
@pytest.mark.parametrize("recent_events", [1, 4, 1000])
@pytest.mark.parametrize("since", [0, 3, 8, 9, 10])
async def test_what_was_missed_is_recovered_from_memory_and_from_the_table(
    storage: Interposed, ada: Principal, recent_events: int, since: int
):
    async with running(storage, recent_events=recent_events) as engine:
        place = await a_place(engine, ada)
        _, first = await place.listen(ada)
        await place.say(ada, *"abcdefghi")

        listener, again = await place.listen(ada, since=Position(since, first.window.epoch))
        await place.say(ada, "new")

    assert (again.was_recovering, again.recovered) == (True, True)
    assert again.window.missing_after is None
    assert offsets(again) == list(range(since + 1, 11))
    assert listener.offsets == [11]


@pytest.mark.anyio
async def test_another_life_of_the_log_or_a_future_offset_is_not_recovered(lobby: Place, ada: Principal):
    _, first = await lobby.listen(ada)

    for position in (Position(1, "another"), Position(3, first.window.epoch)):
        _, again = await lobby.listen(ada, since=position)
        assert (again.was_recovering, again.recovered) == (True, False)
        assert (again.window.offset, again.window.publications) == (2, ())


@pytest.mark.anyio
async def test_too_old_a_position_is_not_recovered(lobby: Place, ada: Principal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timeline, "CATCH_UP", 5)
    _, first = await lobby.listen(ada)
    await lobby.say(ada, *"abcdef")

    _, too_old = await lobby.listen(ada, since=Position(2, first.window.epoch))
    _, just_right = await lobby.listen(ada, since=Position(3, first.window.epoch))

    assert not too_old.recovered
    assert just_right.recovered
    assert offsets(just_right) == [4, 5, 6, 7, 8]


@pytest.mark.anyio
async def test_the_epoch_stays_the_same_over_a_restart(storage: Interposed, ada: Principal):
    async with running(storage) as engine:
        place = await a_place(engine, ada)
        _, first = await place.listen(ada)
        await place.say(ada, "one")
    async with running(storage) as engine:
        _, again = await Place(engine, place.id).listen(ada, since=Position(1, first.window.epoch))

    assert again.recovered
    assert offsets(again) == [2]


@pytest.mark.anyio
async def test_subscribing_again_with_the_same_client_replaces_the_sink(lobby: Place, ada: Principal):
    first, _ = await lobby.listen(ada, client="phone")
    second, _ = await lobby.listen(ada, client="phone")

    await lobby.say(ada, "hello")

    assert first.offsets == []
    assert second.offsets == [3]


@pytest.mark.anyio
async def test_when_the_table_does_not_answer_recovering_from_it_fails_and_the_timeline_serves_on(
    storage: Interposed, ada: Principal
):
    async with running(storage, recent_events=2) as engine:
        place = await a_place(engine, ada)
        _, first = await place.listen(ada)
        await place.say(ada, *"abcdef")

        async def no_events(name: str, perform: Perform):
            if name == "events":
                raise StorageUnavailable("no answer")
            return await perform()

        storage.meddle = no_events
        with pytest.raises(StorageUnavailable):
            await place.listen(ada, since=Position(1, first.window.epoch))

        assert (await place.post(ada)).created


def test_between_a_subscriptions_answer_and_its_pushes_there_is_no_gap_and_no_duplicate():
    async def scenario(simulation: Simulation[None]) -> None:
        storage = MemoryStorage()
        ada = await person(storage, "Ada")
        async with running(storage, recent_events=simulation.random.choice([3, 10, 1000])) as engine:
            place = await a_place(engine, ada)
            _, subscribed = await place.listen(ada)
            epoch = subscribed.window.epoch

            async def post(number: int) -> None:
                await anyio.sleep(simulation.random.randrange(4))
                message = (await place.post(ada, f"{number}")).message
                if number % 5 == 0:
                    await place.edit(ada, message, "edited")

            async def follow(number: int) -> None:
                offset, seen = 0, []
                for _ in range(4):
                    client = f"client {number}"
                    listener, answer = await place.listen(ada, since=Position(offset, epoch), client=client)
                    assert answer.recovered
                    await anyio.sleep(simulation.random.randrange(3))
                    await place.ref.ask(Unsubscribe(client))
                    seen += offsets(answer) + listener.offsets
                    offset = max([0, *seen])
                assert seen == list(range(1, offset + 1))

            async with anyio.create_task_group() as tasks:
                for number in range(30):
                    tasks.start_soon(post, number)
                for number in range(3):
                    tasks.start_soon(follow, number)
            assert [event.offset for event in await place.events(ada)] == list(range(1, 38))

    explore(scenario, seeds=range(40))


@pytest.mark.anyio
async def test_events_that_are_not_of_a_message_are_recovered_too(lobby: Place, ada: Principal, cleo: Principal):
    _, first = await lobby.listen(ada)
    await lobby.join(cleo)
    await lobby.change(ada, name="Parlour")

    _, again = await lobby.listen(ada, since=Position(2, first.window.epoch))

    kinds = [msgspec.json.decode(each.data)["type"] for each in again.window.publications]
    assert kinds == ["member.joined", "room.updated"]
