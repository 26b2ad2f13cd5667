"""Pools: idle workers pull from one queue, keys take turns, and every job has a deadline."""

from functools import partial
from typing import Any

import anyio
import pytest

from actors import (
    Actor,
    ActorCrashed,
    Answer,
    AskCycle,
    AskTimeout,
    MailboxFull,
    Message,
    Pool,
    handles,
)
from actors.testing import BACKENDS, Simulation, assert_dead_letters, simulate
from tests.support.jobs import Caller, Declined, Labourer, Late, Work, Yard
from tests.support.simulated import simulated, turns


@simulated
async def test_a_job_is_done_by_an_idle_worker_and_answered(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=2)
        answer = await pool.ask(Work("a:1", 1.0), key="a")

        assert answer.startswith("a:1 by")
        assert yard.starts == 2
        statistics = pool.statistics()
        assert (statistics.accepted, statistics.done, statistics.in_flight, statistics.idle) == (1, 1, 0, 2)
        assert statistics.run.p50 == pytest.approx(1.0)
    assert_dead_letters(system)


@simulated
async def test_a_long_job_delays_nobody_but_itself(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=2)
        caller = Caller(pool)
        caller("long:1", 50.0)
        for number in range(20):
            caller(f":{number}", 1.0)
        await anyio.sleep(20.5)

        assert len(caller.answers) == 20
        assert pool.statistics().in_flight == 1


@simulated
async def test_jobs_of_one_key_keep_their_order_and_run_one_at_a_time(simulation: Simulation[None]) -> None:
    yard = Yard()
    random = simulation.random

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=4)
        caller = Caller(pool)
        for number in range(40):
            caller(f"{'ab'[number % 2]}:{number}", random.random())
        await anyio.sleep(50)

    for key in "ab":
        numbers = [int(name[2:]) for name in yard.log if name.startswith(key)]
        assert numbers == sorted(numbers)
        assert len(numbers) == 20
    assert yard.most_under_way == {"a": 1, "b": 1}


@simulated
async def test_one_key_has_no_more_jobs_under_way_than_its_limit(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=8, per_key=3)
        caller = Caller(pool)
        for number in range(12):
            caller(f"a:{number}", 1.0)
        await anyio.sleep(4.5)

        assert len(caller.answers) == 12
    assert yard.most_under_way == {"a": 3}


@simulated
async def test_keys_take_turns_whatever_each_has_waiting(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1, per_key=4)
        caller = Caller(pool)
        for number in range(6):
            caller(f"busy:{number}", 1.0)
        caller("calm:0", 1.0)
        caller("new:0", 1.0)
        await anyio.sleep(20)

    assert yard.log == ["busy:0", "busy:1", "calm:0", "new:0", "busy:2", "busy:3", "busy:4", "busy:5"]


@simulated
async def test_a_job_goes_to_the_idle_worker_that_had_its_key_last(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, Yard()), "pool", size=3)
        first = [await pool.ask(Work(f"{key}:1"), key=key) for key in "abc"]
        second = [await pool.ask(Work(f"{key}:2"), key=key) for key in "cab"]

    assert sorted(each[-1] for each in first) == ["0", "1", "2"]
    assert {each[0]: each[-1] for each in first} == {each[0]: each[-1] for each in second}


@simulated
async def test_a_full_queue_rejects_and_one_key_alone_fills_half_of_it(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1, queue=10)
        caller = Caller(pool)
        caller("busy:0", 1.0)
        for number in range(1, 6):
            caller(f"busy:{number}")
        with pytest.raises(MailboxFull):
            caller("busy:6")
        for number in range(5):
            caller(f":{number}")
        with pytest.raises(MailboxFull):
            await pool.ask(Work("new:0"), key="new")
        statistics = pool.statistics()
        await anyio.sleep(2)

        assert (statistics.queued, statistics.rejected, statistics.high_water, statistics.keys) == (10, 2, 10, 2)
        assert pool.statistics().done == 11
    assert_dead_letters(system, mailbox_full=2)


@simulated
async def test_a_job_that_expires_in_the_queue_is_skipped(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        caller = Caller(pool)
        caller("a:1", 5.0)
        caller("b:1", timeout=2.0)
        await anyio.sleep(3)

        assert isinstance(caller.error("b:1"), AskTimeout)
        assert pool.statistics().queued == 0
        await anyio.sleep(3)
    assert yard.log == ["a:1"]
    assert_dead_letters(system, expired=1)


@simulated
async def test_a_running_job_is_cancelled_at_its_deadline_and_its_worker_goes_on(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        with pytest.raises(AskTimeout):
            await pool.ask(Work("a:1", 100.0), key="a", timeout=2.0)
        assert await pool.ask(Work("a:2"), key="a") == "a:2 by 0"

        statistics = pool.statistics()
        assert (statistics.expired, statistics.done, statistics.stuck) == (1, 1, 0)
        assert yard.starts == 1
        assert simulation.now < 2.1


@simulated
async def test_a_refusal_reaches_the_caller_and_the_worker_lives_on(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        with pytest.raises(Declined):
            await pool.ask(Work("a:1", what="declined"), key="a")
        await pool.ask(Work("a:2"))

        assert (pool.statistics().failed, pool.statistics().done, yard.starts) == (1, 1, 1)


@simulated
async def test_a_job_that_is_answered_later_occupies_its_worker_until_then(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        answers: list[Answer[str]] = []
        for name in ("one", "two"):
            pool.request(Late(name), answers.append)
        await anyio.sleep(1)
        assert [call.message.name for call in yard.open] == ["one"]
        yard.open[0].answer("first")
        await anyio.sleep(1)
        yard.open[1].answer("second")

        assert [each.result() for each in answers] == ["first", "second"]
        with pytest.raises(AskTimeout):
            await pool.ask(Late("never"), timeout=1.0)
        assert await pool.ask(Work("a:1")) == "a:1 by 0"


@simulated
async def test_a_caller_who_leaves_takes_a_waiting_job_along(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        with anyio.move_on_after(1):
            async with anyio.create_task_group() as group:
                group.start_soon(pool.ask, Work("a:1", 3.0))
                await turns()
                group.start_soon(pool.ask, Work("a:2"))
        statistics = pool.statistics()
        await anyio.sleep(5)

        assert (statistics.abandoned, statistics.queued, statistics.in_flight) == (1, 0, 1)
        assert (pool.statistics().done, yard.log) == (1, ["a:1"])
    assert_dead_letters(system, abandoned=1)


@simulated
async def test_a_job_whose_caller_has_left_is_cancelled_at_its_deadline(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, Yard()), "pool", size=1)
        with anyio.move_on_after(1):
            await pool.ask(Work("a:1", 1000.0), timeout=3.0)
        assert pool.statistics().in_flight == 1
        assert await pool.ask(Work("a:2")) == "a:2 by 0"

        assert 3.0 <= simulation.now < 3.1
        assert pool.statistics().expired == 1


@simulated
async def test_a_worker_that_asks_its_own_pool_is_told_at_once(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool: Pool[Any]

        class Selfish(Labourer):
            async def started(self) -> None:
                self.stop_here = False

            async def work(self, message: Work) -> str:
                return await pool.ask(message)

        pool = await system.pool(lambda: Selfish(Yard()), "pool", size=2)
        with pytest.raises(ActorCrashed) as caught:
            await pool.ask(Work("a:1"))

    assert isinstance(caught.value.__cause__, AskCycle)


class Order(Message["Clerk", None], frozen=True):
    """Has a clerk give a job to the pool."""

    name: str


class Filed(Message["Clerk", None], frozen=True):
    """The answer to a job."""

    answer: Any


class Clerk(Actor):
    def __init__(self, pool: Pool[Labourer], log: list[str]) -> None:
        self.pool = pool
        self.log = log

    @handles(Order)
    async def order(self, message: Order) -> None:
        self.request(self.pool.keyed("a"), Work(message.name, 1.0), Filed, timeout=30.0)

    @handles(Filed)
    async def filed(self, message: Filed) -> None:
        self.log.append(message.answer.result())


@simulated
async def test_an_actor_requests_from_a_pool_without_waiting(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, Yard()), "pool", size=2)
        clerk = await system.spawn(lambda: Clerk(pool, log), "clerk")
        for number in range(3):
            await clerk.ask(Order(f"a:{number}"))
        assert simulation.now < 0.1
        await anyio.sleep(4)

        assert [each[:3] for each in log] == ["a:0", "a:1", "a:2"]
        assert (await pool.keyed("a").ask(Work("a:3"))).startswith("a:3")


@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_thousand_jobs_leave_nothing_behind(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            pool = await system.pool(partial(Labourer, yard := Yard()), "pool", size=4, queue=20_000, per_key=2)
            caller = Caller(pool)
            for number in range(10_000):
                caller(f"{number % 100}:{number}", timeout=1e6)
            await anyio.sleep(10)

            assert len(caller.answers) == len(yard.log) == 10_000
            assert pool.statistics().keys == 0
            assert not pool._dispatch.backlog._lanes
            assert not pool._dispatch.backlog._turns
            assert len(system._runtime.deadlines) == 0

    simulate(scenario, backend=backend)
