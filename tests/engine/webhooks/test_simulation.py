"""Receivers that fail in every way, a database that does, processes that die: nothing is lost, and nothing out of order.

What is promised: every event of a webhook's types is taken at least once or ends as a dead letter; the first time that each is taken
is in the order of the log; a repetition has the same id. A receiver so slow that its event was given up meanwhile takes it late: that one
is a dead letter, and the order is that of the others.
"""

from collections import Counter
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from actors import AskFailed
from actors.testing import BACKENDS, Simulation, explore
from engine.domain.webhooks import DeliveryState, Webhook
from engine.errors import StorageUnavailable, TryLater
from engine.storage.memory import MemoryStorage, State
from engine.webhooks.sender import Outcome
from tests.engine.timelines.acting import Interposed, Place, a_place, person
from tests.engine.timelines.test_simulation import Weather
from tests.engine.webhooks.receiving import BROKEN, OK, Receivers, delivering, hooked

POSTS = 12
URLS = ("https://a.example/", "https://b.example/")
PERIOD = 60.0
"""Seconds in which the posts are made and processes come and go."""
SETTLED = 300.0
"""Seconds after the last fault until everything must be there: more than the longest pause."""


class Moody:
    """Receivers that mostly do not take what they are sent, until they are calm."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.calm = False
        self.seen: Counter[str] = Counter()

    async def answer(self, _url: str, _number: int) -> Outcome:
        kind = "ok" if self.calm else self._random.choice(["ok", "ok", "broken", "slow", "busy", "lost"])
        self.seen[kind] += 1
        if kind == "slow":
            await anyio.sleep(10 * self._random.random())
        match kind:
            case "broken":
                return BROKEN
            case "busy":
                return Outcome(status=503, error="answered 503", retry_after=self._random.randrange(100))
            case "lost":
                return Outcome(error="the connection broke")
            case _:
                return OK


class World:
    def __init__(self, simulation: Simulation[None]) -> None:
        self.random = simulation.random
        self.state = State()
        self.weather = Weather(simulation.random)
        self.moods = Moody(simulation.random)
        self.receivers = Receivers(self.moods.answer)

    def storage(self) -> Interposed:
        storage = Interposed(MemoryStorage(self.state))
        storage.meddle = self.weather.meddle
        return storage

    async def process(self) -> None:
        """Run a process for a while, end it, and start another."""
        while True:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.engine())
                await anyio.sleep(PERIOD * self.random.random())

    def engine(self) -> Any:
        return delivering(
            self.storage(), self.receivers, webhook_attempts=3, webhook_retry_delay=2, webhook_lease=5, shutdown_grace=1
        )


async def scenario(simulation: Simulation[None]) -> None:
    world = World(simulation)
    world.weather.calm = True
    ada = await person(MemoryStorage(world.state), "Ada")
    async with world.engine() as engine:
        place = await a_place(engine, ada)
        webhooks = [await hooked(engine, ada, place.id, url) for url in URLS]
        world.weather.calm = False
        async with anyio.create_task_group() as coming_and_going:
            coming_and_going.start_soon(world.process)
            for number in range(POSTS):
                await _post(world, place, ada, number)
                await anyio.sleep(2 * PERIOD / POSTS * simulation.random.random())
            # Cancelled in the middle of what it does, as by a kill: what it held in memory is gone.
            coming_and_going.cancel_scope.cancel()
        world.weather.calm = world.moods.calm = True
        await anyio.sleep(SETTLED)
        head = world.state.timelines[place.id].head
        for webhook in webhooks:
            check(world, webhook, head)


async def _post(world: World, place: Place, ada: Any, number: int) -> None:
    while True:
        try:
            await place.post(ada, f"text {number}", f"c-{number}")
        except (StorageUnavailable, TryLater, AskFailed):
            await anyio.sleep(world.random.random())
        else:
            return


def check(world: World, webhook: Webhook, head: int) -> None:
    hook = world.state.webhooks[webhook.id]
    wanted = set(range(2, head + 1))
    taken = world.receivers.offsets(webhook.url)
    dead = {offset for offset, each in hook.deliveries.items() if each.state is DeliveryState.DEAD}
    assert hook.webhook.active
    assert hook.webhook.delivered_up_to == head
    assert set(taken) | dead == wanted, "an event was lost"
    first = [offset for offset in dict.fromkeys(taken) if offset not in dead]
    assert first == sorted(first), "events were taken out of order"
    names = {body["event"]["offset"]: set[str]() for body in world.receivers.taken.get(webhook.url, ())}
    for body in world.receivers.taken.get(webhook.url, ()):
        names[body["event"]["offset"]].add(body["id"])
    assert all(len(each) == 1 for each in names.values()), "a repetition had another id"
    for offset, each in hook.deliveries.items():
        assert each.attempts <= 3, f"{offset} was attempted too often"


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_event_is_taken_at_least_once_in_order_or_is_a_dead_letter(backend: str):
    with capture_logs() as logs:
        explore(scenario, seeds=range(15), backends=[backend])

    assert {line["event"] for line in logs} >= {"webhook.failed"}
