"""Carriers: one task serves many actors, and nothing of one of them reaches the next."""

import asyncio
from contextvars import ContextVar

import anyio

from actors import Activation
from actors.carriers import SPARE
from actors.testing import Simulation, assert_dead_letters, simulate
from tests.support.scripted import Do, Hold, Say, Scripted
from tests.support.simulated import simulated, turns

colour: ContextVar[str | None] = ContextVar("colour", default=None)


@simulated
async def test_actors_that_only_start_share_one_task(simulation: Simulation[None]) -> None:
    tasks: set[int] = set()

    async def note(_: Scripted) -> None:
        tasks.add(anyio.get_current_task().id)

    async with simulation.system() as system:
        for number in range(100):
            await system.spawn(lambda: Scripted(starting=note), str(number))

        assert len(tasks) == 1
    assert_dead_letters(system)


@simulated
async def test_what_an_actor_leaves_in_the_context_is_not_seen_by_the_next(simulation: Simulation[None]) -> None:
    seen: list[str | None] = []

    async def paint(_: Scripted) -> None:
        seen.append(colour.get())
        colour.set("red")

    async with simulation.system() as system:
        for number in range(20):
            await system.spawn(lambda: Scripted(starting=paint), str(number))

    assert seen == [None] * 20


@simulated
async def test_a_native_cancellation_that_one_leaves_behind_does_not_reach_the_next(
    simulation: Simulation[None],
) -> None:
    if simulation.backend != "asyncio":
        return

    async def cancel(_: Scripted) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async with simulation.system() as system:
        for number in range(5):
            await system.spawn(lambda: Scripted(starting=cancel), f"bad {number}")
            good = await system.spawn(Scripted, f"good {number}")
            assert await good.ask(Say("hello")) == "hello"

        assert [node.restarts for node in system.tree().children if "good" in node.path] == [0] * 5
        assert system.tree().state == "running"


def test_a_native_cancellation_is_forgiven_before_the_farewell() -> None:
    left: list[int] = []

    async def cancel(_: Scripted) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await anyio.sleep(1)

    async def look(_: Scripted) -> None:
        task = asyncio.current_task()
        assert task is not None
        left.append(task.cancelling())

    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            actor = await system.spawn(lambda: Scripted(ending=look), "actor")
            actor.tell(Do(cancel))
            assert await actor.ask(Say("the next one")) == "the next one"

    simulate(scenario, backend="asyncio")
    assert left == [0, 0]


@simulated
async def test_a_task_that_was_cancelled_with_its_actor_carries_nobody_else(simulation: Simulation[None]) -> None:
    async def swallow(_: Scripted) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(3)

    async with simulation.system() as system:
        stubborn = await system.spawn(Scripted, "stubborn", shutdown=1.0)
        stubborn.tell(Do(swallow))
        await turns()
        await system.stop_child("stubborn")
        await simulation.advance(10)

        good = await system.spawn(Scripted, "good")
        assert await good.ask(Say("hello")) == "hello"
        assert [node.restarts for node in system.tree().children] == [0]


@simulated
async def test_only_so_many_tasks_are_kept(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(idle_after=600))
        for number in range(2 * SPARE):
            family.ref(str(number)).tell(Hold(gate))
        await turns()
        gate.set()
        await simulation.advance(30)

        assert len(system._nursery._carriers._spare) == SPARE
        assert await family.ref("1").ask(Say("awake")) == "awake"
    assert_dead_letters(system)
