"""Simulation: the same actors under virtual time and a seeded scheduler, on asyncio and on trio.

    async def scenario(simulation: Simulation) -> None:
        async with simulation.system() as system:
            counter = await system.spawn(Counter, "counter")
            await anyio.sleep(3600)                # takes no time
            assert await counter.ask(Add(2)) == 2
        assert_dead_letters(system)                # every message was handled

    def test_counting() -> None:
        explore(scenario, seeds=range(50))         # on both event loops; a failure tells its seed

The same seed gives the same interleaving, as long as the scenario itself is deterministic: no threads, no sockets, no real
clock, no iteration over sets. This package and `actors.backends` are the only places of `actors` that import asyncio or
trio: virtual time and seeded scheduling reach into each event loop.
"""

from actors.testing.dead_letters import assert_dead_letters
from actors.testing.fault_points import Faults, InjectedFault
from actors.testing.faults import cancel_everywhere, fail_everywhere
from actors.testing.probe import TestProbe
from actors.testing.simulation import BACKENDS, Simulation, explore, simulate

__all__ = [
    "BACKENDS",
    "Faults",
    "InjectedFault",
    "Simulation",
    "TestProbe",
    "assert_dead_letters",
    "cancel_everywhere",
    "explore",
    "fail_everywhere",
    "simulate",
]
