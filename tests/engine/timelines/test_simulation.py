"""Everything at once, under hundreds of schedules: the promises that must hold whatever happens.

Two processes on one database that fails before and after commits, is slow, and falls silent; rooms that crash; people who post
with a client_id until they are answered; followers who come back by offset whenever their subscription ends.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from actors import AskFailed
from actors.testing import BACKENDS, Simulation, explore
from engine.domain.events import MessagePosted
from engine.domain.fields import TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import TAKEOVER_REST, Engine
from engine.errors import StorageUnavailable, TimelineMoved, TryLater
from engine.storage.memory import MemoryStorage, State
from engine.timelines.commands import Position, ReadMessages, Subscribe, Unsubscribe
from engine.timelines.fanout import ClientInfo, Ending
from tests.engine.timelines.acting import Interposed, Listener, Perform, Place, a_place, decoded, person, running

ROOMS = 2
POSTERS = 3
POSTS = 5
SETTLED = 4 * TAKEOVER_REST
"""Seconds after the last fault until everyone must have everything."""


class Weather:
    """What the database does to an operation; calm in the end."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.calm = False
        self.seen: Counter[str] = Counter()

    async def meddle(self, name: str, perform: Perform) -> Any:
        kind = "fine" if self.calm else self._random.choices(list(self._kinds), weights=[8, 2, 1, 1, 1])[0]
        self.seen[kind] += 1
        return await self._kinds[kind](self, perform)

    async def _fine(self, perform: Perform) -> Any:
        return await perform()

    async def _slow(self, perform: Perform) -> Any:
        await anyio.sleep(self._random.random())
        result = await perform()
        await anyio.sleep(self._random.random())
        return result

    async def _fails_before(self, _perform: Perform) -> Any:
        raise StorageUnavailable("the connection broke")

    async def _fails_after(self, perform: Perform) -> Any:
        await perform()
        raise StorageUnavailable("the connection broke, after the commit")

    async def _silent(self, perform: Perform) -> Any:
        await anyio.sleep(2)
        if self._random.random() < 0.5:
            await perform()
        raise StorageUnavailable("no answer")

    _kinds: dict[str, Callable[["Weather", Perform], Awaitable[Any]]] = {  # noqa: RUF012 - never changed
        "fine": _fine,
        "slow": _slow,
        "fails before": _fails_before,
        "fails after": _fails_after,
        "silent": _silent,
    }


class Follower(Listener):
    """Someone who keeps up with a room by the rules: from the last offset, whenever the subscription ends."""

    def __init__(self, name: str, by: Principal) -> None:
        super().__init__()
        self.name = name
        self.by = by
        self.seen: list[int] = []
        self.epoch = ""
        self.ended = anyio.Event()

    def end(self, channel: str, ending: Ending) -> None:
        super().end(channel, ending)
        self.ended.set()

    async def follow(self, places: list[Place], random: Random) -> None:
        while True:
            place = random.choice(places)
            self.ended = anyio.Event()
            try:
                await self._listen(place)
            except (TryLater, AskFailed):
                await self._forget(place)
                await anyio.sleep(random.random())
            self._take()

    async def _listen(self, place: Place) -> None:
        since = Position(self.seen[-1] if self.seen else 0, self.epoch) if self.epoch else None
        info = ClientInfo(self.name, self.by.id)
        answer = await place.engine.timelines.subscribe(place.ref, Subscribe(self.by, info, self, since))
        if since is None:
            self.epoch = answer.window.epoch
        if since is None or not answer.recovered:
            # The first time, or at a process that has not noticed yet that it was overtaken.
            raise TryLater("come back")
        self.seen += [each.offset for each in decoded(answer.window.publications)]
        self._take()
        while not self.ended.is_set():
            await self.ended.wait()

    async def _forget(self, place: Place) -> None:
        with suppress(TryLater, AskFailed):
            await place.ref.ask(Unsubscribe(self.name))
        self.publications.clear()

    def _take(self) -> None:
        self.seen += self.offsets
        self.publications.clear()


class World:
    """Two engines, some rooms, and what was acknowledged to whom."""

    def __init__(self, simulation: Simulation[None]) -> None:
        self.random = simulation.random
        self.state = State()
        self.calm_storage = MemoryStorage(self.state)
        self.weather = Weather(simulation.random)
        self.engines: list[Engine] = []
        self.rooms: list[TimelineId] = []
        self.acknowledged: dict[tuple[TimelineId, str], Message] = {}

    def storage(self) -> Interposed:
        storage = Interposed(MemoryStorage(self.state))
        storage.meddle = self.weather.meddle
        return storage

    def places(self, room: TimelineId) -> list[Place]:
        return [Place(engine, room) for engine in self.engines]

    async def post(self, by: Principal, number: int) -> None:
        """Post to every room, each message until it is acknowledged; go elsewhere when the room has moved."""
        home = self.random.choice(self.engines)
        for index in range(POSTS):
            for room in self.rooms:
                client_id = f"{number}-{index}"
                while True:
                    try:
                        posted = await Place(home, room).post(by, f"text of {client_id}", client_id)
                    except TimelineMoved:
                        home = self.random.choice(self.engines)
                        await anyio.sleep(self.random.random())
                    except (StorageUnavailable, AskFailed):
                        await anyio.sleep(self.random.random())
                    else:
                        self.acknowledged[room, client_id] = posted.message
                        break
                await anyio.sleep(self.random.random() * self.random.randrange(3))

    async def crash(self, by: Principal) -> None:
        """Find a bug in a room, now and then."""
        for _ in range(3):
            await anyio.sleep(5 * self.random.random())
            place = Place(self.random.choice(self.engines), self.random.choice(self.rooms))
            nonsense = ReadMessages(by, limit="many")  # type: ignore[arg-type]
            try:
                await place.ref.ask(nonsense)
            except (TryLater, AskFailed):
                continue


async def scenario(simulation: Simulation[None]) -> None:
    world = World(simulation)
    ada = await person(world.calm_storage, "Ada")
    async with AsyncExitStack() as stack:
        recent_events = simulation.random.choice([2, 5, 1000])
        for _ in range(2):
            world.engines.append(await stack.enter_async_context(running(world.storage(), recent_events=recent_events)))
        world.weather.calm = True
        world.rooms = [(await a_place(world.engines[0], ada)).id for _ in range(ROOMS)]
        world.weather.calm = False
        followers = {room: [Follower(f"f{number}", ada) for number in range(2)] for room in world.rooms}
        async with anyio.create_task_group() as following:
            for room, each in followers.items():
                for follower in each:
                    following.start_soon(follower.follow, world.places(room), Random(simulation.random.random()))
            async with anyio.create_task_group() as acting:
                for number in range(POSTERS):
                    acting.start_soon(world.post, ada, number)
                acting.start_soon(world.crash, ada)
            world.weather.calm = True
            await anyio.sleep(SETTLED)
            for each in followers.values():
                for follower in each:
                    follower._take()
            following.cancel_scope.cancel()
    for room in world.rooms:
        await check(world, room, followers[room])


async def check(world: World, room: TimelineId, followers: list[Follower]) -> None:
    events = await world.calm_storage.log.events(room, after=0, limit=100_000)
    offsets = [event.offset for event in events]
    assert offsets == list(range(1, len(events) + 1)), "offsets have a gap"
    messages = [event.message for event in events if isinstance(event, MessagePosted)]
    assert max(Counter(each.client_id for each in messages).values()) == 1, "a client_id was written twice"
    stored = {each.client_id: each for each in messages}
    assert len(stored) == POSTERS * POSTS
    for (place, client_id), message in world.acknowledged.items():
        if place == room:
            assert stored[client_id] == message, "an acknowledged message is not in the log as it was acknowledged"
    for follower in followers:
        assert follower.seen == offsets, f"{follower.name} did not hear every event once, in order"


@pytest.mark.parametrize("first", [0, 25, 50])
@pytest.mark.parametrize("backend", BACKENDS)
def test_acknowledged_posts_are_kept_once_offsets_have_no_gap_and_followers_hear_everything_once_in_order(
    backend: str, first: int
):
    with capture_logs() as logs:
        explore(scenario, seeds=range(first, first + 25), backends=[backend])

    happened = {line["event"] for line in logs}
    assert happened >= {"timeline.adrift", "timeline.resumed", "timeline.moved", "actor.crashed"}
