"""The crash rule: what a handler does not declare fails the caller and restarts the actor; nobody else notices."""

from itertools import pairwise

import anyio
import pytest

from actors import ActorCrashed, Backoff, Intensity
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fail, Fetch, Hold, Put, Say, Scripted
from tests.support.simulated import simulated, turns

PATIENT = Intensity(restarts=1000, period=1.0)


@simulated
async def test_a_crash_fails_the_caller_and_a_fresh_instance_takes_over(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        with pytest.raises(ActorCrashed) as caught:
            await actor.ask(Fail(ValueError("boom")))

        assert await actor.ask(Say("again")) == "again"
        node = system.tree().children[0]

    assert isinstance(caught.value.__cause__, ValueError)
    assert log == ["started", "stopping crashed", "started", "again", "stopping shutdown"]
    assert (node.generation, node.restarts, node.last_exit) == (2, 1, "crashed: ValueError('boom')")
    assert_dead_letters(system, crashed=1)


@simulated
async def test_waiting_messages_survive_a_crash_and_the_crashing_one_is_not_delivered_again(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    gate = anyio.Event()

    async def crash(actor: Scripted) -> None:
        actor.log.append("crash")
        raise ValueError

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(gate))
        actor.tell(Say("before"))
        actor.tell(Do(crash))
        actor.tell(Say("after"))

        gate.set()
        await actor.ask(Say("last"))

    assert log == ["started", "before", "crash", "stopping crashed", "started", "after", "last", "stopping shutdown"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_an_exception_group_is_a_crash_like_any_other(simulation: Simulation[None]) -> None:
    async def fail_in_a_group(_: Scripted) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, "not a number")  # type: ignore[arg-type]

    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")

        with pytest.raises(ActorCrashed):
            await actor.ask(Do(fail_in_a_group))
        assert await actor.ask(Say("alive")) == "alive"


@simulated
async def test_a_failing_farewell_hides_nothing_and_stops_nobody(simulation: Simulation[None]) -> None:
    async def fail(_: Scripted) -> None:
        raise KeyError("farewell")

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(ending=fail), "actor")

        with pytest.raises(ActorCrashed) as caught:
            await actor.ask(Fail(ValueError("boom")))
        assert await actor.ask(Say("alive")) == "alive"

    assert isinstance(caught.value.__cause__, ValueError)


@simulated
async def test_an_answer_to_a_request_of_an_older_instance_is_stale(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source")
        actor = await system.spawn(lambda: Scripted(log), "actor")
        source.tell(Hold(gate))
        await actor.ask(Fetch(source, Say("old news")))

        with pytest.raises(ActorCrashed):
            await actor.ask(Fail(ValueError("boom")))
        gate.set()
        await anyio.sleep(1)

    assert log == ["started", "stopping crashed", "started", "stopping shutdown"]
    assert_dead_letters(system, crashed=1, stale=1)


@simulated
async def test_an_answer_that_comes_between_two_instances_is_stale(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()

    async def linger(_: Scripted) -> None:
        gate.set()
        await anyio.sleep(1)

    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source")
        actor = await system.spawn(lambda: Scripted(log, ending=linger), "actor")
        source.tell(Hold(gate))
        await actor.ask(Fetch(source, Say("old news")))

        with pytest.raises(ActorCrashed):
            await actor.ask(Fail(ValueError("boom")))
        await anyio.sleep(2)

    assert "fetched old news" not in log
    assert_dead_letters(system, crashed=1, stale=1)


@simulated
async def test_the_first_restart_is_at_once_and_the_next_ones_wait_longer_and_longer(
    simulation: Simulation[None],
) -> None:
    starts: list[float] = []

    async def note(_: Scripted) -> None:
        starts.append(simulation.now)

    backoff = Backoff(initial=1.0, maximum=4.0, stable=60.0)
    async with simulation.system(intensity=PATIENT, backoff=backoff) as system:
        actor = await system.spawn(lambda: Scripted(starting=note), "actor")

        for _ in range(12):
            actor.tell(Fail(ValueError("boom")))
        await anyio.sleep(100)

    waits = [after - before for before, after in pairwise(starts)]
    assert waits[0] == 0.0
    for number, wait in enumerate(waits[1:]):
        assert 0.0 <= wait <= min(4.0, 2.0**number) + 0.01


@simulated
async def test_a_child_that_waits_for_its_restart_holds_nobody_up(simulation: Simulation[None]) -> None:
    backoff = Backoff(initial=30.0, maximum=30.0)
    async with simulation.system(intensity=PATIENT, backoff=backoff) as system:
        bad = await system.spawn(Scripted, "bad")
        good = await system.spawn(Scripted, "good")
        bad.tell(Fail(ValueError("boom")))
        bad.tell(Fail(ValueError("boom")))
        await turns()
        assert system.tree().children[0].state == "restarting"

        assert await good.ask(Say("fine"), timeout=0.5) == "fine"
        with pytest.raises(ActorCrashed):  # its first crash: it does not pay for the other one's
            await good.ask(Fail(ValueError("boom")))
        assert await good.ask(Say("fine"), timeout=0.5) == "fine"
        assert await bad.ask(Say("held meanwhile"), timeout=60) == "held meanwhile"


@simulated
async def test_a_cancellation_that_no_scope_asked_for_is_a_crash(simulation: Simulation[None]) -> None:
    if simulation.backend == "trio":
        return  # trio.Cancelled cannot be raised by hand

    async def raise_cancelled(_: Scripted) -> None:
        raise anyio.get_cancelled_exc_class()

    async with simulation.system() as system:
        sibling = await system.spawn(Scripted, "sibling")
        actor = await system.spawn(Scripted, "actor")

        with pytest.raises(ActorCrashed):
            await actor.ask(Do(raise_cancelled))

        assert await sibling.ask(Say("alive")) == "alive"
        assert await actor.ask(Say("alive again")) == "alive again"


@simulated
async def test_a_cancellation_out_of_a_farewell_cancels_nobody_else(simulation: Simulation[None]) -> None:
    if simulation.backend == "trio":
        return

    async def raise_cancelled(_: Scripted) -> None:
        raise anyio.get_cancelled_exc_class()

    async with simulation.system() as system:
        sibling = await system.spawn(Scripted, "sibling")
        actor = await system.spawn(lambda: Scripted(ending=raise_cancelled), "actor")

        actor.tell(Fail(ValueError("boom")))
        await turns()

        assert await sibling.ask(Say("alive")) == "alive"
        assert await actor.ask(Say("alive again")) == "alive again"


@pytest.mark.parametrize("when", ["handling", "idle", "starting", "stopping"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_native_cancellation_by_foreign_code_stays_with_its_actor(when: str, times: int) -> None:
    import asyncio  # noqa: PLC0415 - the event loop whose way of cancelling this is

    from actors import ActorSystem  # noqa: PLC0415

    tasks: list[asyncio.Task[object]] = []
    gate = anyio.Event()

    async def remember(_: Scripted) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        if when == "starting" and len(tasks) == 2:
            await gate.wait()

    async def linger(_: Scripted) -> None:
        if when == "stopping" and not gate.is_set():
            await gate.wait()

    async with ActorSystem("native") as system:
        sibling = await system.spawn(Scripted, "sibling")
        actor = await system.spawn(lambda: Scripted(starting=remember, ending=linger), "actor")
        if when == "handling":
            actor.tell(Hold(gate))
        elif when in {"starting", "stopping"}:
            actor.tell(Fail(ValueError("boom")))
        await turns()

        for _ in range(times):
            tasks[-1].cancel()
        await turns()
        gate.set()

        assert await sibling.ask(Say("alive")) == "alive"
        assert await actor.ask(Say("alive again")) == "alive again"


@simulated
async def test_a_message_without_a_handler_fails_its_caller_and_harms_nobody(simulation: Simulation[None]) -> None:
    from actors import Actor  # noqa: PLC0415

    class Mute(Actor):
        pass

    async with simulation.system() as system:
        actor = await system.spawn(Mute, "actor")

        with pytest.raises(ActorCrashed, match="does not handle Put"):
            await actor.ask(Put(1))  # type: ignore[arg-type]

    assert_dead_letters(system, unhandled=1)
