"""The live tree: what runs, how it is doing, what it is at."""

from functools import partial

import anyio
import msgspec
import pytest

from actors import ActorCrashed, Mailbox, Node
from actors.testing import Simulation
from tests.support.jobs import Labourer, Work, Yard
from tests.support.scripted import Fail, Hold, Put, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_a_busy_actor_shows_what_it_is_at_and_what_waits(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        gate = anyio.Event()
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(10))
        actor.tell(Hold(gate))
        await anyio.sleep(1)
        for number in range(3):
            actor.tell(Put(number))
            await anyio.sleep(1)
        [node] = system.tree().children

        assert (node.path, node.state, node.generation) == ("simulated/actor", "running", 1)
        assert (node.depth, node.capacity, node.high_water, node.oldest_for) == (3, 10, 3, 3.0)
        assert (node.current, node.current_for, node.idle_for) == ("Hold", 4.0, None)
        gate.set()
        await anyio.sleep(2)
        [node] = system.tree().children
        assert (node.depth, node.high_water, node.oldest_for) == (0, 3, None)
        assert (node.current, node.current_for, node.idle_for, node.handled) == (None, None, 2.0, 4)
        assert node.timings["Hold"].seconds == 4.0
        assert node.timings["Put"].count == 3


@simulated
async def test_a_restarted_actor_shows_how_the_one_before_it_ended(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        with pytest.raises(ActorCrashed):
            await actor.ask(Fail(ValueError("boom")))
        await actor.ask(Say("hello"))
        [node] = system.tree().children

        assert (node.generation, node.restarts) == (2, 1)
        assert node.last_exit == "crashed: ValueError('boom')"


@simulated
async def test_a_pool_shows_its_statistics_and_its_workers(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool = await system.pool(partial(Labourer, Yard()), "pool", size=2, queue=10)
        for _ in range(5):
            pool.request(Work("job", 4.0), lambda _: None, timeout=60.0)
        await anyio.sleep(3)
        [node] = system.tree().children

        assert (node.path, node.state, node.depth, node.capacity, node.oldest_for) == (
            "simulated/pool",
            "running",
            3,
            10,
            3.0,
        )
        assert node.pool == pool.statistics()
        assert [(each.path, each.current) for each in node.children] == [
            ("simulated/pool/0", "Work"),
            ("simulated/pool/1", "Work"),
        ]
        await turns()


@simulated
async def test_the_tree_is_data_that_survives_a_wire(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        await system.pool(partial(Labourer, Yard()), "pool", size=2)
        await system.spawn(Scripted, "actor")
        tree = system.tree()

        assert msgspec.json.decode(msgspec.json.encode(tree), type=Node) == tree
