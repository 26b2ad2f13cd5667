"""The workers of a pool: restarted when they crash, replaced when they are stuck, as many as one wants."""

from functools import partial

import anyio
import pytest

from actors import (
    ActorCrashed,
    ActorStopped,
    AskTimeout,
    Backoff,
    StartFailed,
    Strategy,
)
from actors.testing import Simulation, assert_dead_letters
from tests.support.jobs import Caller, Cling, Labourer, Work, Yard
from tests.support.scripted import Fail, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_a_worker_that_does_not_let_go_of_its_job_is_replaced_under_a_new_generation(
    simulation: Simulation[None],
) -> None:
    yard = Yard()
    gate = anyio.Event()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1, cancel_grace=3.0)
        with pytest.raises(AskTimeout):
            await pool.ask(Cling(gate), key="a", timeout=2.0)
        assert pool.statistics().cancelling == 1
        assert await pool.ask(Work("a:1"), key="a") == "a:1 by 0"

        assert 5.0 <= simulation.now < 5.1
        children = system.tree().children[0].children
        statistics = pool.statistics()
        gate.set()
        worker, stuck = children
        assert (worker.generation, worker.state, worker.restarts) == (2, "running", 1)
        assert (stuck.path, stuck.generation, stuck.state, stuck.current) == (worker.path, 1, "stuck", "Cling")
        assert statistics.stuck == 1
        await anyio.sleep(1)
        assert await pool.ask(Work("a:2"), key="a") == "a:2 by 0"
        assert pool.statistics().workers == 1
        assert [each.state for each in system.tree().children[0].children] == ["running"]
        assert yard.starts == 2


@simulated
async def test_a_crash_fails_its_job_and_the_worker_is_restarted_with_backoff(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1, backoff=Backoff(initial=4.0))
        for number in range(5):
            with pytest.raises(ActorCrashed) as caught:
                await pool.ask(Work(f"a:{number}", what="crash"), key="a", timeout=100.0)
            assert isinstance(caught.value.__cause__, ValueError)
        begun = simulation.now

        assert await pool.ask(Work("a:5"), key="a", timeout=100.0) == "a:5 by 0"
        assert 0 < begun < simulation.now
        assert pool.statistics().failed == 5
        assert system.tree().children[0].children[0].restarts == 5
    assert_dead_letters(system, crashed=5)


@simulated
async def test_while_one_worker_is_down_the_others_take_its_jobs(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=2, backoff=Backoff(initial=1e6, maximum=1e6))
        caller = Caller(pool)
        for number in range(2):
            caller(f"bad:{number}", what="crash")
            await turns()
        for number in range(10):
            caller(f"good:{number}", 0.1)
        await anyio.sleep(2)

        assert sum(answer.error is None for answer in caller.answers.values()) == 10


@simulated
async def test_a_worker_that_stops_itself_is_replaced(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        caller = Caller(pool)
        caller("a:1", what="quit")
        caller("a:2")
        await anyio.sleep(1)

        assert [each.result() for each in caller.answers.values()] == ["a:1 by 0", "a:2 by 0"]
        assert yard.starts == 2


@simulated
async def test_a_pool_grows_and_shrinks_without_interrupting_jobs(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=1)
        caller = Caller(pool)
        for number in range(8):
            caller(f":{number}", 2.0)
        await anyio.sleep(0.5)
        await pool.resize(4)
        await turns()
        assert pool.statistics().in_flight == 4

        await pool.resize(2)

        assert pool.statistics().workers == 2
        assert simulation.now >= 2.0
        await anyio.sleep(10)
        assert all(answer.error is None for answer in caller.answers.values())
        assert len(caller.answers) == 8


@simulated
async def test_a_pool_that_is_to_grow_again_keeps_the_workers_it_was_to_lose(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=3)
        caller = Caller(pool)
        for number in range(3):
            caller(f":{number}", 2.0)
        await turns()
        with anyio.move_on_after(1):
            await pool.resize(1)
        await pool.resize(3)
        await anyio.sleep(5)

        assert (pool.statistics().workers, yard.starts) == (3, 3)


@simulated
async def test_idle_workers_and_those_that_are_down_go_first(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, yard), "pool", size=4, backoff=Backoff(initial=1e6, maximum=1e6))
        caller = Caller(pool)
        caller("busy:1", 30.0)
        await turns()
        for number in range(2):
            with pytest.raises(ActorCrashed):
                await pool.ask(Work(f"bad:{number}", what="crash"), key="bad")
            await turns()
        await pool.resize(1)

        assert simulation.now < 1
        assert pool.statistics().in_flight == 1


@simulated
async def test_a_pool_whose_worker_does_not_start_is_not_made(simulation: Simulation[None]) -> None:
    yard = Yard()
    yard.failing_starts = 1

    async with simulation.system() as system:
        with pytest.raises(StartFailed) as caught:
            await system.pool(partial(Labourer, yard), "pool", size=3)
        assert str(caught.value.__cause__) == "cannot start"
        assert system.tree().children == []

        pool = await system.pool(partial(Labourer, yard), "pool", size=3)  # the name is free again
        yard.failing_starts = 1
        with pytest.raises(StartFailed):
            await pool.resize(5)
        assert pool.statistics().workers == 4
        with pytest.raises(ValueError, match="at least 1 worker"):
            await pool.resize(0)


@simulated
async def test_a_pool_restarted_with_its_siblings_keeps_its_queue(simulation: Simulation[None]) -> None:
    yard = Yard()

    async with simulation.system() as system:
        branch = await system.supervisor("branch", strategy=Strategy.ONE_FOR_ALL)
        pool = await branch.pool(partial(Labourer, yard), "pool", size=2)
        sibling = await branch.spawn(Scripted, "sibling")
        caller = Caller(pool)
        caller("long:1", 100.0)
        for number in range(5):
            caller(f":{number}", 1.0)
        await turns()
        sibling.tell(Fail(ValueError("boom")))
        await anyio.sleep(1)
        caller("accepted meanwhile:1", 1.0)
        await anyio.sleep(30)

        assert isinstance(caller.error("long:1"), ActorStopped)
        assert sum(answer.error is None for answer in caller.answers.values()) == 6
        assert yard.starts == 4
        assert pool.statistics().workers == 2
        assert await sibling.ask(Say("hello")) == "hello"


@simulated
async def test_a_pool_that_is_stopped_forgets_the_restarts_that_were_due(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool = await system.pool(
            partial(Labourer, Yard()), "pool", size=1, backoff=Backoff(initial=1e6, maximum=1e6), cancel_grace=0.1
        )
        for number in range(2):
            with pytest.raises(ActorCrashed):
                await pool.ask(Work(f"a:{number}", what="crash"))
        await turns()
        assert system.tree().children[0].children[0].state == "restarting"
        retry = next(iter(pool._dispatch.crew.places)).retry
        await system.stop_child("pool")

        assert retry is not None
        assert retry.action is None
