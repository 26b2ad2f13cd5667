"""Traps of messages and mailboxes, whose guards no other test is about; the whole list is in `test_traps.py`."""

import anyio
import anyio.lowlevel
import pytest

from actors import (
    Activation,
    ActorCrashed,
    AskTimeout,
    Backoff,
    Intensity,
    Mailbox,
    Poison,
    Unavailable,
)
from actors.testing import BACKENDS, Simulation, assert_dead_letters, simulate
from tests.support.scripted import Do, Fail, Hold, Say, Scripted
from tests.support.simulated import simulated, turns

FOREVER = Backoff(initial=1000.0, maximum=1000.0)


@simulated
async def test_a_crash_restarts_whether_asked_or_told(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        with pytest.raises(ActorCrashed):
            await actor.ask(Fail(ValueError("boom")))
        actor.tell(Fail(ValueError("boom")))
        await simulation.advance(1)

        assert log.count("started") == 3
    assert_dead_letters(system, crashed=2)


class Touchy(Scripted):
    poison = Poison(crashes=3, period=60.0, rest=30.0)


@simulated
async def test_a_type_of_message_that_keeps_crashing_its_actor_is_kept_from_it(simulation: Simulation[None]) -> None:
    async with simulation.system(intensity=Intensity(100, 1.0), backoff=Backoff(initial=0.0)) as system:
        actor = await system.spawn(Touchy, "actor")
        for _ in range(3):
            with pytest.raises(ActorCrashed):
                await actor.ask(Fail(ValueError("boom")))

        with pytest.raises(Unavailable) as refused:
            await actor.ask(Fail(ValueError("boom")))

        assert 0 < refused.value.retry_after <= 30
        assert await actor.ask(Say("others are served")) == "others are served"
        assert system.tree().children[0].restarts == 3


@simulated
async def test_a_handler_that_waits_is_not_interleaved(simulation: Simulation[None]) -> None:
    trace: list[str] = []

    async def work(_: Scripted) -> None:
        trace.append("in")
        await anyio.sleep(1)
        trace.append("out")

    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(actor.ask, Do(work))

    assert trace == ["in", "out"] * 3


@simulated
async def test_a_full_mailbox_keeps_no_stop_out(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(2))
        gate = anyio.Event()
        actor.tell(Hold(gate))
        await simulation.settle()
        for _ in range(2):
            actor.tell(Say("waiting"))
        before = simulation.now

        async with anyio.create_task_group() as group:
            group.start_soon(lambda: system.stop(drain=False, grace=60.0))
            await turns()
            gate.set()

        assert simulation.now == before
    assert_dead_letters(system, stopped=2)


@simulated
async def test_an_error_of_an_owned_task_crashes_its_owner(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def fail() -> None:
        raise LookupError

    async def begin(actor: Scripted) -> None:
        actor.spawn(fail)

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        await actor.ask(Do(begin))
        await simulation.settle()

    assert log[:3] == ["started", "stopping crashed", "started"]


@simulated
async def test_an_actor_that_is_busy_for_long_is_left_alone(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(idle_after=1.0))
        actor = family.ref("a")
        gate = anyio.Event()
        actor.tell(Hold(gate))
        await simulation.advance(600)

        with pytest.raises(AskTimeout):  # its liveness is what a message through its mailbox says
            await actor.ask(Say("canary"), timeout=1)
        (node,) = system.tree().children[0].children
        assert node.current == "Hold"
        assert node.current_for is not None
        assert node.current_for > 600
        gate.set()

        assert await actor.ask(Say("canary"), timeout=1) == "canary"
        (node,) = system.tree().children[0].children
        assert node.generation == 1


@simulated
async def test_whoever_asks_during_a_backoff_waits_for_no_longer_than_its_deadline(
    simulation: Simulation[None],
) -> None:
    async with simulation.system(backoff=FOREVER) as system:
        actor = await system.spawn(Scripted, "actor")
        for _ in range(2):
            actor.tell(Fail(ValueError("boom")))
        await simulation.settle()
        before = simulation.now

        with pytest.raises(AskTimeout):
            await actor.ask(Say("hello"), timeout=2)

        assert simulation.now == pytest.approx(before + 2, abs=0.02)
        assert await actor.ask(Say("hello"), timeout=3600) == "hello"
    assert_dead_letters(system, crashed=2, expired=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hot_mailbox_lets_others_run(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(10_000))
            for _ in range(1000):
                actor.tell(Say("busy"))
            seen: list[int] = []

            while (depth := system.tree().children[0].depth) > 0:
                seen.append(depth)
                await anyio.lowlevel.checkpoint()

            assert len(seen) >= 1000 // 64

    simulate(scenario, backend=backend)
