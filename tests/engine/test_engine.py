"""The whole engine on real databases: what simulations cannot show."""

from typing import Any

import anyio
import pytest

from actors import AskFailed
from engine.accounts.forms import Registration
from engine.clock import SystemClock
from engine.domain.events import Invited
from engine.domain.fields import Visibility
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import NotFound, StorageUnavailable, TimelineMoved
from engine.settings import Settings
from engine.storage.memory import MemoryStorage
from engine.timelines.commands import Position, Posted, ReadEvents
from tests.engine.timelines import acting
from tests.engine.timelines.acting import Place, a_place, decoded, running
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.anyio


def asyncio_only(test: Any) -> Any:
    """The drivers of the databases run on asyncio alone."""
    return pytest.mark.parametrize("anyio_backend", ["asyncio"])(test)


def settings(url: str, **changes: Any) -> Settings:
    return acting.settings(database_url=url, argon2_time_cost=1, **changes)


async def sign_up(engine: Engine, name: str) -> Principal:
    registration = Registration(email=f"{name}@example.org", username=name, password="correct horse")
    return (await engine.accounts.register(registration)).principal


@asyncio_only
async def test_what_was_acknowledged_is_there_after_a_restart(database_url: str):
    answers: list[Posted] = []

    async def post(place: Place, by: Principal, number: int) -> None:
        answers.append(await place.post(by, f"{number} \u2028 😀", f"c-{number}"))

    async with Engine.open(settings(database_url, storage_timeout=20)) as engine:
        ada, ben = await sign_up(engine, "ada"), await sign_up(engine, "ben")
        places = [await a_place(engine, ada, ben) for _ in range(3)]
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(post, places[number % 3], ada if number % 2 else ben, number)
    async with Engine.open(settings(database_url, storage_timeout=20)) as engine:
        again = [Place(engine, place.id) for place in places]
        found = [message for place in again for message in (await place.page(ada, limit=100)).items]
        repeated = await again[0].post(ben, "again", "c-0")

        assert sorted(found, key=lambda each: each.id) == sorted((each.message for each in answers), key=lambda m: m.id)
        for place in again:
            offsets = [event.offset for event in await place.events(ada)]
            assert offsets == list(range(1, len(offsets) + 1))
        assert not repeated.created


@asyncio_only
async def test_old_replies_client_ids_edits_and_deletions_reach_into_the_table(database_url: str):
    async with Engine.open(settings(database_url, storage_timeout=20, recent_events=3)) as engine:
        ada, ben = await sign_up(engine, "ada"), await sign_up(engine, "ben")
        place = await a_place(engine, ada, ben)
        _, first = await place.listen(ben)
        old = await place.post(ada, "old", "c-1")
        other = (await place.post(ben, "a secret")).message
        await place.say(ben, *"abcdef")

        again = await place.post(ada, "again", "c-1")
        reply = await place.post(ben, "reply", reply_to=old.message.id)
        edited = await place.edit(ada, old.message, "old, better")
        deleted = await place.delete(ada, other)
        _, recovered = await place.listen(ben, since=Position(0, first.window.epoch))
        page = (await place.page(ada)).items

    assert again == Posted(old.message, created=False)
    assert reply.message.reply_to == old.message.id
    assert page[-2:] == [deleted, edited]
    events = decoded(recovered.window.publications)
    assert [event.offset for event in events] == list(range(1, 14))
    assert not [each for each in recovered.window.publications if b"secret" in each.data]


@asyncio_only
async def test_a_second_process_takes_rooms_over_without_a_gap(database_url: str):
    async with (
        Engine.open(settings(database_url, storage_timeout=20)) as first,
        Engine.open(settings(database_url, storage_timeout=20)) as second,
    ):
        ada = await sign_up(first, "ada")
        ours = await a_place(first, ada)
        theirs = Place(second, ours.id)
        listener, _ = await ours.listen(ada)
        outcomes: list[str] = []

        async def post(place: Place, number: int) -> None:
            try:
                await place.post(ada, f"{number}", f"{number}")
            except TimelineMoved:
                outcomes.append("moved")
            else:
                outcomes.append("posted")

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(post, ours if number < 150 else theirs, number)
                if number % 10 == 0:
                    await anyio.lowlevel.checkpoint()
        with pytest.raises(TimelineMoved):
            await ours.post(ada)

        events = await theirs.events(ada)
        assert [event.offset for event in events] == list(range(1, len(events) + 1))
        assert len(events) == 1 + outcomes.count("posted")
        assert listener.heard[-1] == "moved"
        assert listener.offsets == list(range(2, 2 + len(listener.offsets)))


@asyncio_only
async def test_an_invitation_reaches_the_personal_timeline(database_url: str):
    async with Engine.open(settings(database_url, storage_timeout=20)) as engine:
        ada, ben = await sign_up(engine, "ada"), await sign_up(engine, "ben")
        own = engine.timelines.ref(f"user:{ben.id}")
        assert own is not None
        place = await a_place(engine, ada, visibility=Visibility.PRIVATE)

        await place.put(ada, ben.participant)
        with anyio.fail_after(20):
            while not (window := await own.ask(ReadEvents(ben, 0, 10))).publications:
                await anyio.lowlevel.checkpoint()

        [invited] = decoded(window.publications)
        assert isinstance(invited, Invited)
        assert invited.by == ada.participant


@asyncio_only
async def test_while_postgresql_is_frozen_posts_fail_in_time_reading_works_and_service_resumes(
    postgres_url: str, postgres_server: PostgresServer
):
    async with Engine.open(settings(postgres_url, storage_timeout=2)) as engine:
        ada = await sign_up(engine, "ada")
        place = await a_place(engine, ada)
        listener, _ = await place.listen(ada)
        [earlier] = await place.say(ada, "earlier")

        postgres_server.freeze()
        try:
            with anyio.fail_after(10), pytest.raises(StorageUnavailable):
                await place.post(ada, "lost", "c-1")
            assert (await place.page(ada)).items == [earlier]
            assert [each.offset for each in await place.events(ada)] == [1, 2]
        finally:
            postgres_server.resume()
        with anyio.fail_after(20):
            while True:
                try:
                    await place.post(ada, "lost", "c-1")
                    break
                except StorageUnavailable:
                    await anyio.sleep(0.05)

        events = await place.events(ada)
        assert [event.offset for event in events] == [1, 2, 3]
        assert listener.offsets == [2, 3]


@asyncio_only
async def test_when_postgresql_restarts_in_the_middle_of_posting_nothing_is_lost_or_doubled(
    postgres_url: str, postgres_server: PostgresServer
):
    async with Engine.open(settings(postgres_url, storage_timeout=20)) as engine:
        ada = await sign_up(engine, "ada")
        place = await a_place(engine, ada)
        listener, _ = await place.listen(ada)

        async def post(number: int) -> None:
            await anyio.sleep(number / 400)
            while True:
                try:
                    await place.post(ada, f"{number}", f"{number}")
                except (StorageUnavailable, AskFailed):
                    await anyio.sleep(0.02)
                else:
                    return

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(post, number)
            await anyio.sleep(0.2)
            await anyio.to_thread.run_sync(lambda: postgres_server.stop(immediate=True))
            await anyio.to_thread.run_sync(postgres_server.start)

        messages = (await place.page(ada, limit=300)).items
        assert sorted(int(each.text) for each in messages) == list(range(200))
        assert listener.offsets == list(range(2, 202))


async def test_the_engine_is_alive_while_it_answers():
    async with running(MemoryStorage()) as engine:
        alive = await engine.is_alive()
        await engine.system.stop(drain=True, grace=1)
        dead = await engine.is_alive()

    assert (alive, dead) == (True, False)


async def test_what_was_committed_is_put_away_again_and_again():
    class Watched(MemoryStorage):
        times = 0
        twice = anyio.Event()

        async def checkpoint(self) -> int:
            self.times += 1
            if self.times == 2:
                self.twice.set()
            return 0

    storage = Watched()
    async with running(storage):
        with anyio.fail_after(20):
            await storage.twice.wait()


async def test_an_error_of_those_who_use_the_engine_leaves_it_as_it_is():
    with pytest.raises(ZeroDivisionError):
        async with running(MemoryStorage()):
            raise ZeroDivisionError


async def test_the_tree_shows_what_the_engine_is_made_of():
    storage = MemoryStorage()
    ada = await acting.person(storage, "Ada")
    async with running(storage) as engine:
        place = await a_place(engine, ada)
        await place.post(ada)

        tree = engine.system.tree()

    names = [node.path.removeprefix("gathering/") for node in tree.children]
    assert names == [
        "processes",
        "models",
        "canary",
        "journal",
        "activity",
        "archives",
        "people",
        "rooms",
        "conversations",
        "herald",
        "readings",
        "webhooks",
        "agents",
        "conductors",
    ]
    rooms = tree.children[names.index("rooms")]
    assert [node.path for node in rooms.children] == [f"gathering/rooms/{place.id}"]


async def test_a_room_without_a_timeline_is_not_found_and_leaves_nothing_behind():
    storage = MemoryStorage()
    ada = await acting.person(storage, "Ada")
    async with running(storage) as engine:
        for channel in (f"room:{ada.id}", f"user:{SystemClock().new_id()}"):
            ref = engine.timelines.ref(channel)
            assert ref is not None
            with pytest.raises(NotFound):
                await ref.ask(ReadEvents(ada, 0, 1))

        children = {node.path: len(node.children) for node in engine.system.tree().children}
        assert children.pop("gathering/webhooks") == 2  # the postmen and the couriers
        assert set(children.values()) == {0}
