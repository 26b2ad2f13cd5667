"""What happens to a room apart from what people do in it: crashes, sleep, the end."""

from collections.abc import Iterator

import anyio
import pytest

from actors import ActorCrashed, AskFailed, Node
from engine.domain.people import Principal
from engine.engine import Engine
from engine.storage.repositories import AppendFailure
from engine.timelines import posting, timeline
from engine.timelines.commands import Position
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running

pytestmark = pytest.mark.anyio


class Fault(Exception):
    """A bug of ours."""


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Posting the text "bug" raises what nobody has declared."""
    check = posting.check_text

    def check_text(text: str, longest: int) -> None:
        if text == "bug":
            raise Fault
        check(text, longest)

    monkeypatch.setattr(posting, "check_text", check_text)
    yield  # noqa: PT022 - the patch is undone by its own fixture


def node(engine: Engine, place: Place) -> Node:
    """The room as the live tree shows it."""
    [rooms] = [each for each in engine.system.tree().children if each.path == "gathering/rooms"]
    return next(each for each in rooms.children if each.path.endswith(place.id))


@pytest.mark.usefixtures("bug")
async def test_an_exception_inside_a_room_fails_that_call_restarts_the_room_and_it_serves_the_next_message(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
):
    listener, first = await lobby.listen(ben)
    await lobby.post(ada, "before")

    with pytest.raises(ActorCrashed):
        await lobby.post(ada, "bug")
    after = await lobby.post(ada, "after")

    assert after.message.offset == 4
    assert listener.heard == ["3", "restarted"]
    assert (node(engine, lobby).restarts, node(engine, lobby).generation) == (1, 2)
    assert "Fault" in (node(engine, lobby).last_exit or "")
    _, again = await lobby.listen(ben, since=Position(3, first.window.epoch))
    assert [each.offset for each in again.window.publications] == [4]


async def test_a_fault_in_a_reader_costs_nobody_elses_post(
    engine: Engine, lobby: Place, ada: Principal, storage: Interposed, monkeypatch: pytest.MonkeyPatch
):
    def fault(*_: object) -> None:
        raise Fault

    async def slow(_name: str, perform: Perform) -> object:
        await anyio.sleep(0.5)
        return await perform()

    async def post() -> None:
        with pytest.raises(ActorCrashed):  # the room has gone; whether its write was committed is to be found out
            await lobby.post(ada, "kept", "c-1")

    storage.meddle = slow
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post)
        await anyio.sleep(0.1)
        with monkeypatch.context() as patched:
            patched.setattr(timeline, "page_of", fault)
            with pytest.raises(ActorCrashed):
                await lobby.page(ada)
    again = await lobby.post(ada, "kept", "c-1")

    assert (again.created, again.message.offset) == (False, 3)
    assert node(engine, lobby).generation == 2


@pytest.mark.usefixtures("bug")
async def test_other_rooms_do_not_notice_a_crash(engine: Engine, lobby: Place, ada: Principal):
    other = await a_place(engine, ada)
    listener, _ = await other.listen(ada)

    with pytest.raises(ActorCrashed):
        await lobby.post(ada, "bug")
    await other.post(ada)

    assert listener.heard == ["2"]


async def test_when_the_log_disagrees_with_memory_the_room_restarts_and_agrees_again(
    lobby: Place, ada: Principal, storage: Interposed
):
    refused: list[str] = []

    async def conflict(name: str, perform: Perform) -> object:
        if name == "append" and not refused:
            refused.append(name)
            return [AppendFailure("conflict", "there is an event with offset 3")]
        return await perform()

    storage.meddle = conflict
    with pytest.raises(ActorCrashed):
        await lobby.post(ada)

    assert (await lobby.post(ada)).message.offset == 3


async def test_an_idle_room_goes_to_sleep_and_loses_nothing(storage: Interposed, ada: Principal, ben: Principal):
    async with running(storage, idle_passivation=60) as engine:
        place = await a_place(engine, ada, ben)
        first = await place.post(ada, "hello", "c-1")
        await place.change(ada, name="Parlour")
        before = (await place.page(ada), await place.events(ada), await place.members(ada))

        await anyio.sleep(100)
        [rooms] = [node for node in engine.system.tree().children if node.path == "gathering/rooms"]
        asleep = rooms.children
        after = (await place.page(ada), await place.events(ada), await place.members(ada))
        again = await place.post(ada, "hello", "c-1")

    assert asleep == []
    assert before == after
    assert (again.message, again.created) == (first.message, False)


async def test_a_room_with_subscribers_stays(storage: Interposed, ada: Principal):
    async with running(storage, idle_passivation=60) as engine:
        place = await a_place(engine, ada)
        listener, _ = await place.listen(ada)

        await anyio.sleep(600)
        await place.post(ada)

        assert listener.heard == ["2"]
        assert node(engine, place).generation == 1


async def test_posts_come_through_while_rooms_go_to_sleep_and_wake_up(storage: Interposed, ada: Principal):
    async with running(storage, idle_passivation=0.4) as engine:
        place = await a_place(engine, ada)
        for number in range(60):
            assert (await place.post(ada, f"{number}")).message.offset == number + 2
            await anyio.sleep(0.05 * (number % 12))

        assert len((await place.page(ada, limit=100)).items) == 60


async def test_leaving_the_engine_commits_and_answers_everything_that_was_accepted(storage: Interposed, ada: Principal):
    async def slow(_name: str, perform: Perform) -> object:
        await anyio.sleep(0.2)
        return await perform()

    answered: list[int] = []

    async def post(place: Place, text: str) -> None:
        answered.append((await place.post(ada, text)).message.offset)

    async with anyio.create_task_group() as tasks, running(storage) as engine:
        places = [await a_place(engine, ada) for _ in range(3)]
        for place in places:
            await place.post(ada, "first")
        storage.meddle = slow
        for place in places:
            for number in range(20):
                tasks.start_soon(post, place, f"{number}")
        await anyio.sleep(0.01)
        for place in places:
            tasks.start_soon(post, place, "a second turn")
        await anyio.sleep(0.01)

    assert sorted(answered) == sorted([*range(3, 24)] * 3)
    for place in places:
        assert len(await storage.log.events(place.id, after=0, limit=100)) == 23


async def test_after_the_end_nothing_is_accepted(storage: Interposed, ada: Principal):
    async with running(storage) as engine:
        place = await a_place(engine, ada)
        await engine.system.stop(drain=True, grace=1)

        with pytest.raises(AskFailed):
            await place.post(ada)


async def test_leaving_the_engine_does_not_wait_longer_than_half_of_the_grace(storage: Interposed, ada: Principal):
    async def stuck(_name: str, _perform: Perform) -> None:
        await anyio.sleep_forever()

    async def post(place: Place) -> None:
        with pytest.raises(AskFailed):
            await place.post(ada)

    async with anyio.create_task_group() as tasks, running(storage, shutdown_grace=1) as engine:
        place = await a_place(engine, ada)
        await place.page(ada)
        storage.meddle = stuck
        tasks.start_soon(post, place)
        await anyio.sleep(0.1)
        started = anyio.current_time()

    assert anyio.current_time() - started < 4


@pytest.mark.usefixtures("bug")
async def test_a_room_that_restarts_follows_its_members_again_and_forgets_those_before(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
):
    await lobby.listen(ada)
    with pytest.raises(ActorCrashed):
        await lobby.post(ada, "bug")
    listener, _ = await lobby.listen(ada)

    engine.presence.connected(await engine.accounts.user(ben.id), "phone")
    await anyio.sleep(2)

    assert [each.data for each in listener.publications] == [
        b'{"type":"presence","participant_id":"%b","presence":"available"}' % ben.id.encode()
    ]
    assert [len(each) for each in engine.presence._followings.values()] == [1, 1]
