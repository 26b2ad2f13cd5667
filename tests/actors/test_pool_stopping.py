"""How a pool ends: with everything it has accepted, or without what waits; always in time."""

from functools import partial

import anyio
import pytest

from actors import (
    ActorStopped,
    Answer,
    Unavailable,
)
from actors.testing import BACKENDS, Simulation, assert_dead_letters, cancel_everywhere
from tests.support.jobs import Caller, Cling, Labourer, Work, Yard
from tests.support.simulated import simulated, turns


@simulated
async def test_a_drained_pool_does_everything_it_has_accepted_and_nothing_more(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=2)
        caller = Caller(pool)
        for number in range(10):
            caller(f":{number}", 1.0, what="crash" if number == 3 else "done")
        async with anyio.create_task_group() as group:
            group.start_soon(partial(pool.stop, drain=True, grace=30.0))
            await turns()
            with pytest.raises(Unavailable):
                caller("late:1")
            with pytest.raises(Unavailable):
                await pool.resize(3)

        assert sorted(answer.error is None for answer in caller.answers.values()) == [False] + [True] * 9
        assert pool.statistics().workers == 0
        assert simulation.now < 7
    assert_dead_letters(system, crashed=1, unavailable=1)


@simulated
async def test_a_stopped_pool_ends_what_runs_in_time_and_fails_the_rest(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=2)
        caller = Caller(pool)
        for number, seconds in enumerate([1.0, 100.0, 1.0, 1.0]):
            caller(f":{number}", seconds)
        await anyio.sleep(0.5)
        await pool.stop(drain=False, grace=3.0)

        assert caller.answers[":0"].error is None
        assert all(isinstance(caller.error(f":{number}"), ActorStopped) for number in (1, 2, 3))
        statistics = pool.statistics()
        assert (statistics.accepted, statistics.done, statistics.failed, statistics.workers) == (4, 1, 3, 0)
    assert_dead_letters(system, stopped=2, killed=1)


@simulated
async def test_a_job_that_holds_on_does_not_keep_a_pool_from_stopping(simulation: Simulation[None]) -> None:
    gate = anyio.Event()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, Yard()), "pool", size=1)
        answers: list[Answer[None]] = []
        pool.request(Cling(gate), answers.append, timeout=100.0)
        await turns()
        await pool.stop(drain=False, grace=1.0)

        assert isinstance(answers[0].error, ActorStopped)
        gate.set()


@simulated
async def test_a_stopped_pool_gives_back_its_name(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        first = await system.pool(partial(Labourer, Yard()), "pool", size=2)
        with pytest.raises(ValueError, match="already"):
            await system.pool(partial(Labourer, Yard()), "pool", size=2)
        await system.stop_child("pool", drain=True)
        second = await system.pool(partial(Labourer, Yard()), "pool", size=2)

        with pytest.raises(Unavailable):
            await first.ask(Work("a:1"))
        await second.ask(Work("a:1"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_cancelling_anything_at_any_moment_ends_a_pool_cleanly(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system(stop_grace=1.0) as system:
            pool = await system.pool(partial(Labourer, Yard()), "pool", size=2)
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(pool.ask, Work("a:1", 0.1))
                    group.start_soon(pool.ask, Work("a:2", 0.1))
                    group.start_soon(pool.ask, Work("a:3", 0.1))
                    group.start_soon(pool.resize, 3)
                    await pool.resize(1)
                await pool.stop(drain=True, grace=1.0)
            finally:
                statistics = pool.statistics()
                assert statistics.accepted == (
                    statistics.done
                    + statistics.failed
                    + statistics.expired
                    + statistics.abandoned
                    + statistics.queued
                    + statistics.in_flight
                )

    assert cancel_everywhere(scenario, backend=backend) > 5
