"""How actors and systems end: drained, stopped, cancelled, interrupted; always in order and in bounded time."""

import anyio
import pytest

from actors import Activation, ActorStopped, Backoff, Intensity, Restart, Unavailable
from actors.cell import Limits
from actors.testing import BACKENDS, Simulation, assert_dead_letters, cancel_everywhere, simulate
from tests.support.scripted import Do, Fail, Fetch, Hold, Put, Quit, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_a_drained_system_handles_what_it_has_accepted_and_nothing_new(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        family = await system.virtual(lambda _: Scripted(log), "family")
        for ref in (actor, family.ref("a")):
            ref.tell(Do(slowly))
            ref.tell(Say("accepted"))
            await turns()

        async with anyio.create_task_group() as group:
            group.start_soon(lambda: system.stop(drain=True, grace=10))
            await anyio.sleep(0.5)
            with pytest.raises(ActorStopped):
                family.ref("a").tell(Say("new"))
            with pytest.raises(Unavailable):
                family.ref("b").tell(Say("new"))

        assert simulation.now < 3
        with pytest.raises(ActorStopped):
            actor.tell(Say("new"))

    assert log.count("accepted") == 2
    assert "new" not in log
    assert_dead_letters(system, stopped=2, unavailable=1)


@simulated
async def test_draining_waits_for_the_answers_to_requests(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source")
        actor = await system.spawn(lambda: Scripted(log), "actor")
        source.tell(Hold(gate))
        await actor.ask(Fetch(source, Say("water")))

        async with anyio.create_task_group() as group:
            group.start_soon(lambda: system.stop(drain=True, grace=10))
            await anyio.sleep(1)
            gate.set()

    assert log == ["started", "fetched water", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_draining_waits_for_calls_left_open_and_notices_when_they_end(simulation: Simulation[None]) -> None:
    async def keep(actor: Scripted, calls: object) -> None:
        pass

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=keep), "actor")
        actor.request(Put(1), lambda _: None, timeout=2.0)
        await turns()

        await system.stop(drain=True, grace=10)

        assert 2.0 <= simulation.now < 2.2


@simulated
async def test_a_crash_while_draining_costs_only_the_message_that_crashed(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        family = await system.virtual(lambda _: Scripted(log), "family")
        for ref in (actor, family.ref("a")):
            ref.tell(Fail(ValueError("boom")))
            ref.tell(Say("after"))

        await system.stop(drain=True, grace=10)

    assert log.count("after") == 2
    assert_dead_letters(system, crashed=2)


@simulated
async def test_a_restart_that_waits_for_its_time_is_brought_forward_by_a_drain(simulation: Simulation[None]) -> None:
    log: list[str] = []
    long = Backoff(initial=1000, maximum=1000)
    async with simulation.system(backoff=long, intensity=Intensity(9, 1)) as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        for _ in range(2):
            actor.tell(Fail(ValueError("boom")))
        actor.tell(Say("accepted"))
        await turns()

        await system.stop(drain=True, grace=5)

    assert "accepted" in log
    assert simulation.now < 1
    assert_dead_letters(system, crashed=2)


@simulated
async def test_a_restart_that_waits_for_its_time_holds_no_stop_up(simulation: Simulation[None]) -> None:
    long = Backoff(initial=1000, maximum=1000)
    async with simulation.system(backoff=long, intensity=Intensity(9, 1)) as system:
        actor = await system.spawn(Scripted, "actor")
        for _ in range(2):
            actor.tell(Fail(ValueError("boom")))
        actor.tell(Say("lost"))
        await turns()

    assert simulation.now < 1
    assert_dead_letters(system, crashed=2, stopped=1)


@simulated
async def test_a_restart_under_way_is_stopped_like_any_other(simulation: Simulation[None]) -> None:
    for waited in range(8):
        log: list[str] = []
        async with simulation.system() as system:
            actor = await system.spawn(lambda log=log: Scripted(log), "actor")  # type: ignore[misc]
            family = await system.virtual(lambda _, log=log: Scripted(log), "family")  # type: ignore[misc]
            actor.tell(Fail(ValueError("boom")))
            family.ref("a").tell(Fail(ValueError("boom")))
            await turns(waited)

        assert log.count("started") == sum(line.startswith("stopping") for line in log)
    assert simulation.now < 1


@simulated
async def test_messages_that_wait_when_an_actor_is_stopped_are_told_so(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    errors: list[Exception | None] = []
    async with simulation.system(stop_grace=1.0) as system:
        actor = await system.spawn(Scripted, "actor")
        actor.tell(Hold(gate))
        await turns()
        actor.request(Say("waits"), lambda answer: errors.append(answer.error))

    assert [type(error) for error in errors] == [ActorStopped]
    assert_dead_letters(system, killed=1, stopped=1)


@simulated
async def test_an_actor_that_does_not_heed_its_stop_is_cancelled(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(stop_grace=2.0) as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(anyio.Event()))
        await turns()

    assert 2.0 <= simulation.now < 2.1
    assert log == ["started", "stopping killed"]


@simulated
async def test_one_late_actor_leaves_the_others_time_to_say_farewell(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def farewell(_: Scripted) -> None:
        await anyio.sleep(0.9)
        log.append("farewell")

    async with simulation.system(stop_grace=2.0) as system:
        await system.spawn(lambda: Scripted(log, ending=farewell), "first")
        late = await system.spawn(Scripted, "late")
        late.tell(Hold(anyio.Event()))
        await turns()

    assert log == ["started", "stopping shutdown", "farewell"]


@simulated
async def test_an_actor_that_swallows_its_cancellation_is_reported_and_does_not_hold_the_stop_up(
    simulation: Simulation[None],
) -> None:
    async def swallow(_: Scripted) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(60)

    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        actor.tell(Do(swallow))
        await turns()
        actor.tell(Say("waits"))

        await system.stop(drain=False, grace=2.0)

        assert 3.0 <= simulation.now < 3.1
        assert system.tree().children[0].state == "stuck"
        with pytest.raises(ActorStopped):
            actor.tell(Say("late"))
    assert simulation.now >= 60  # nothing can end it: the block waits
    assert system.dead_letters.counts["stopped"] == 2


@simulated
async def test_a_farewell_is_bounded(simulation: Simulation[None]) -> None:
    async def hang(_: Scripted) -> None:
        await anyio.sleep_forever()

    async with simulation.system(stop_grace=20.0) as system:
        actor = await system.spawn(
            lambda: Scripted(ending=hang), "actor", restart=Restart.TRANSIENT, limits=Limits(stop=3.0)
        )
        await actor.ask(Quit())
        await anyio.sleep(2.9)
        assert system.tree().children != []
        await anyio.sleep(0.2)
        assert system.tree().children == []


@simulated
async def test_a_hanging_farewell_is_cancelled_with_the_rest(simulation: Simulation[None]) -> None:
    async def hang(_: Scripted) -> None:
        await anyio.sleep_forever()

    async with simulation.system(stop_grace=2.0) as system:
        await system.spawn(lambda: Scripted(ending=hang), "actor", limits=Limits(stop=100.0))

    assert 2.0 <= simulation.now < 2.1


@simulated
async def test_an_error_in_the_block_comes_out_as_it_is_after_everything_has_stopped(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []

    with pytest.raises(KeyError, match="mine"):  # noqa: PT012 - the block is what raises
        async with simulation.system() as system:
            await system.spawn(lambda: Scripted(log), "actor")
            raise KeyError("mine")

    assert log == ["started", "stopping shutdown"]


@simulated
async def test_cancelling_the_block_stops_the_actors_in_order_and_in_bounded_time(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []

    def actor(name: str) -> Scripted:
        async def ending(_: Scripted) -> None:
            await anyio.sleep(0.1)
            log.append(name)

        return Scripted(ending=ending)

    with anyio.move_on_after(5) as scope:
        async with simulation.system() as system:
            await system.spawn(lambda: actor("a"), "a")
            b = await system.spawn(lambda: actor("b"), "b")
            b.tell(Hold(anyio.Event()))
            c = await system.spawn(lambda: actor("c"), "c")
            c.tell(Say("hello"))
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert log == ["c", "b", "a"]
    assert 10.0 <= simulation.now < 11.5


async def _busy_life(simulation: Simulation[None]) -> None:
    balance: list[int] = []

    async def come(_: Scripted) -> None:
        balance.append(1)
        await anyio.sleep(0.01)

    async def go(_: Scripted) -> None:
        await anyio.sleep(0.01)
        balance.append(-1)

    def actor() -> Scripted:
        return Scripted(starting=come, ending=go)

    try:
        async with simulation.system(stop_grace=1.0) as system:
            source = await system.spawn(actor, "source")
            family = await system.virtual(lambda _: actor(), "family")
            await system.spawn(actor, "other")
            source.tell(Fail(ValueError("boom")))
            async with anyio.create_task_group() as group:
                for key in "abc":
                    group.start_soon(family.ref(key).ask, Say("hello"))
                    family.ref(key).tell(Fetch(source, Say("water")))
            await family.ref("a").ask(Do(lambda _: anyio.sleep(0.1)))
            await system.stop(drain=True, grace=1.0)
    finally:
        assert sum(balance) in {0, 1}  # a start that was cancelled midway has no farewell to give that it could count
        assert simulation.now < 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_system_may_be_cancelled_at_any_moment(backend: str) -> None:
    for seed in (None, 1, 2):
        assert cancel_everywhere(_busy_life, backend=backend, seed=seed) > 20


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_program_raised_in_an_actor_ends_the_system_in_order(
    backend: str, error: type[BaseException]
) -> None:
    log: list[str] = []

    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            await system.spawn(lambda: Scripted(log), "first")
            actor = await system.spawn(Scripted, "actor")
            actor.tell(Fail(error()))
            await anyio.sleep_forever()

    with pytest.raises(error):
        simulate(scenario, backend=backend)

    assert log == ["started", "stopping shutdown"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupt_of_the_block_stops_the_actors_in_order(backend: str) -> None:
    log: list[str] = []

    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            await system.spawn(lambda: Scripted(log), "actor")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(scenario, backend=backend)

    assert log == ["started", "stopping shutdown"]


@simulated
async def test_a_child_that_is_stopped_forgets_the_restart_that_was_due(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(backoff=Backoff(initial=1000.0, maximum=1000.0)) as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        for _ in range(2):
            actor.tell(Fail(ValueError("boom")))
        await simulation.settle()
        before = log.count("started")

        await system.stop_child("actor")
        await simulation.advance(5000)

        assert log.count("started") == before
        assert system.tree().children == []


@simulated
async def test_a_family_that_is_stopped_forgets_the_restarts_that_were_due(simulation: Simulation[None]) -> None:
    log: list[str] = []
    activation = Activation(backoff=Backoff(initial=1000.0, maximum=1000.0))
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family", activation=activation)
        for _ in range(2):
            family.ref("a").tell(Fail(ValueError("boom")))
        await simulation.settle()
        before = log.count("started")

        await system.stop_child("family")
        await simulation.advance(5000)

        assert log.count("started") == before
        assert system.tree().children == []
