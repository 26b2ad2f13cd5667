"""The simulation kit itself: virtual time, the same interleaving for the same seed, and failures that can be repeated."""

import time

import anyio
import anyio.lowlevel
import pytest

from actors.testing import BACKENDS, Simulation, assert_dead_letters, cancel_everywhere, explore, simulate
from tests.support.scripted import Fail, Say, Scripted
from tests.support.simulated import raised


async def _race(simulation: Simulation[str]) -> str:
    """Tasks that sleep, are cancelled together, and talk through actors."""
    trace: list[str] = []

    async def work(name: str) -> None:
        for step in range(3):
            await anyio.sleep(60 if step == 1 else 0)
            trace.append(f"{name}{step}")

    async def wait(name: str) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            trace.append(f"-{name}")

    async with anyio.create_task_group() as group:
        for name in "abcdef":
            group.start_soon(work, name)
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(trace), "family")
        async with anyio.create_task_group() as group:
            for name in "abcdef":
                group.start_soon(family.ref(name).ask, Say(name))
        for name in "ab":
            family.ref(name).tell(Fail(ValueError("boom")))
    async with anyio.create_task_group() as group:
        for name in "abcdef":
            group.start_soon(wait, name)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    return " ".join(trace)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_seed_gives_the_same_interleaving_and_other_seeds_give_others(backend: str) -> None:
    first = [simulate(_race, backend=backend, seed=seed).result for seed in range(30)]
    second = [simulate(_race, backend=backend, seed=seed).result for seed in range(30)]

    assert first == second
    assert len(set(first)) > 25


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_seed_tasks_run_first_come_first_served(backend: str) -> None:
    async def scenario(_: Simulation[str]) -> str:
        trace = ""

        async def work(name: str) -> None:
            nonlocal trace
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
                trace += name

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(work, name)
        return trace

    traces = {simulate(scenario, backend=backend).result for _ in range(10)}

    assert len(traces) == 1
    (trace,) = traces
    assert trace is not None
    assert trace[:3] == trace[3:6] == trace[6:]


@pytest.mark.parametrize("backend", BACKENDS)
def test_virtual_time_passes_at_once_and_for_the_system_too(backend: str) -> None:
    async def scenario(simulation: Simulation[float]) -> float:
        async with simulation.system() as system:
            before = system.clock()
            await anyio.sleep(3600)
            after = system.clock()
        return after - before

    begun = time.perf_counter()
    simulation = simulate(scenario, backend=backend, seed=1)

    assert simulation.result == 3600
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failure_says_how_to_repeat_it(backend: str) -> None:
    async def scenario(_: Simulation[None]) -> None:
        raise LookupError

    error = raised(lambda: simulate(scenario, backend=backend, seed=7))

    assert isinstance(error, LookupError)
    assert error.__notes__ == [f"simulated with backend={backend!r}, seed=7, cancel_at=None"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_scenario_that_never_ends_is_a_failure(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system():
            await anyio.sleep_forever()

    with pytest.raises(TimeoutError):
        simulate(scenario, backend=backend, limit=600)


def test_exploring_finds_the_seeds_that_fail() -> None:
    async def scenario(_: Simulation[None]) -> None:
        order: list[int] = []

        async def work(number: int) -> None:
            order.append(number)

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(work, number)
        assert order != [2, 1, 0]

    error = None
    try:
        explore(scenario, seeds=range(100), backends=["asyncio"])
    except AssertionError as failure:
        error = failure

    assert error is not None
    assert "seed=" in error.__notes__[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_cancelling_everywhere_visits_every_turn_until_the_scenario_completes(backend: str) -> None:
    reached: set[int] = set()

    async def scenario(_: Simulation[None]) -> None:
        for step in range(5):
            reached.add(step)
            await anyio.sleep(10)

    cancelled = cancel_everywhere(scenario, backend=backend)

    assert cancelled >= 5
    assert reached == set(range(5))


def test_unexpected_dead_letters_are_a_failure_that_names_them() -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            actor = await system.spawn(Scripted, "actor")
            actor.tell(Fail(ValueError("boom")))
            await anyio.sleep(1)
        assert_dead_letters(system)

    with pytest.raises(AssertionError, match="crashed: Fail"):
        simulate(scenario)


def test_only_the_two_event_loops_are_simulated() -> None:
    async def scenario(_: Simulation[None]) -> None:
        pass

    with pytest.raises(ValueError, match="curio"):
        simulate(scenario, backend="curio")
