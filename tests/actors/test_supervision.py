"""Supervision: starting in order, restart types, intensity, and what the whole system does when it is exceeded."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Backoff, Exit, ExitKind, Intensity, Restart, RestartIntensityReached, StartFailed, Unavailable
from actors.cell import Limits
from actors.exits import CrashRecord
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Fail, Hold, No, Quit, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_spawning_waits_until_the_actor_has_started(simulation: Simulation[None]) -> None:
    async def load(_: Scripted) -> None:
        await anyio.sleep(3)

    async with simulation.system() as system:
        await system.spawn(lambda: Scripted(starting=load), "actor")

        assert simulation.now >= 3
        assert system.tree().children[0].state == "running"


@pytest.mark.parametrize("error", [ValueError("boom"), No("not today")])
def test_a_failing_start_is_raised_to_the_starter_and_leaves_nothing_behind(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Scripted) -> None:
        raise error

    @simulated
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            with pytest.raises(StartFailed) as caught:
                await system.spawn(lambda: Scripted(starting=fail), "actor")

            assert caught.value.__cause__ is error
            assert system.tree().children == []
            actor = await system.spawn(Scripted, "actor")  # the name is free again
            assert await actor.ask(Say("hello")) == "hello"

    for kind in ("asyncio", "trio"):
        scenario(kind, monkeypatch)


@simulated
async def test_a_start_that_takes_too_long_fails(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def hang(_: Scripted) -> None:
        await anyio.sleep_forever()

    async with simulation.system() as system:
        with pytest.raises(StartFailed) as caught:
            await system.spawn(lambda: Scripted(log, starting=hang), "actor", limits=Limits(start=2.0))

        assert 2.0 <= simulation.now < 2.1
    assert "longer than 2.0 s" in str(caught.value.__cause__)
    assert log == ["stopping crashed"]


@simulated
async def test_a_timeout_inside_started_is_not_taken_for_its_time_limit(simulation: Simulation[None]) -> None:
    async def time_out(_: Scripted) -> None:
        raise TimeoutError("the database")

    async with simulation.system() as system:
        with pytest.raises(StartFailed) as caught:
            await system.spawn(lambda: Scripted(starting=time_out), "actor")

    assert str(caught.value.__cause__) == "the database"


@simulated
async def test_a_factory_that_raises_is_a_failed_start(simulation: Simulation[None]) -> None:
    def make() -> Scripted:
        raise ValueError

    async with simulation.system() as system:
        with pytest.raises(StartFailed):
            await system.spawn(make, "actor")


@simulated
async def test_a_spawn_that_is_cancelled_stops_the_actor_again(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def hang(_: Scripted) -> None:
        await anyio.sleep_forever()

    async with simulation.system() as system:
        with anyio.move_on_after(1.0) as scope:
            await system.spawn(lambda: Scripted(log, starting=hang), "actor")

        assert scope.cancelled_caught
        assert system.tree().children == []
    assert log == ["stopping killed"]


@simulated
async def test_names_are_unique(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        await system.spawn(Scripted, "actor")

        with pytest.raises(ValueError, match="named actor already"):
            await system.spawn(Scripted, "actor")
        with pytest.raises(ValueError, match="named actor already"):
            await system.virtual(lambda _: Scripted(), "actor")


@simulated
async def test_nothing_is_started_in_a_system_that_stops(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        await system.stop(drain=False, grace=1.0)

        with pytest.raises(Unavailable):
            await system.spawn(Scripted, "late")


@simulated
async def test_actors_start_in_order_and_stop_in_reverse(simulation: Simulation[None]) -> None:
    log: list[str] = []

    def actor(name: str) -> Scripted:
        async def starting(_: Scripted) -> None:
            log.append(f"{name} starts")

        async def ending(_: Scripted) -> None:
            await anyio.sleep(0.5)
            log.append(f"{name} ends")

        return Scripted(starting=starting, ending=ending)

    async with simulation.system() as system:
        await system.spawn(lambda: actor("a"), "a")
        family = await system.virtual(lambda key: actor(f"b/{key}"), "b")
        await system.spawn(lambda: actor("c"), "c")
        await family.ref("1").ask(Say("hello"))

    assert log == ["a starts", "c starts", "b/1 starts", "c ends", "b/1 ends", "a ends"]


@pytest.mark.parametrize(
    ("restart", "crashed", "stopped"),
    [("permanent", True, True), ("transient", True, False), ("temporary", False, False)],
)
def test_the_restart_type_says_after_which_ends_an_actor_is_started_again(
    restart: str,
    crashed: bool,
    stopped: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @simulated
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            one = await system.spawn(Scripted, "one", restart=Restart(restart))
            two = await system.spawn(Scripted, "two", restart=Restart(restart))

            one.tell(Fail(ValueError("boom")))
            two.tell(Quit())
            await turns()

            assert {node.path for node in system.tree().children} == {
                path for path, lives in (("simulated/one", crashed), ("simulated/two", stopped)) if lives
            }

    for kind in ("asyncio", "trio"):
        scenario(kind, monkeypatch)


@given(st.sampled_from(list(ExitKind)))
def test_what_the_supervisor_has_ended_is_never_restarted(kind: ExitKind) -> None:
    exit_ = Exit(kind)

    assert not Restart.TEMPORARY.applies_to(exit_)
    assert Restart.TRANSIENT.applies_to(exit_) == (kind is ExitKind.CRASHED)
    assert Restart.PERMANENT.applies_to(exit_) == (kind not in {ExitKind.SHUTDOWN, ExitKind.KILLED})


@given(st.lists(st.floats(0, 3), max_size=40), st.integers(1, 5), st.floats(0.5, 10))
def test_the_intensity_allows_so_many_in_any_period(gaps: list[float], restarts: int, period: float) -> None:
    record = CrashRecord(Intensity(restarts, period), Backoff())
    times: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        times.append(now)

        allowed = record.add(now)

        assert allowed == (sum(now - time < period for time in times) <= restarts)


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_a_backoff_is_never_longer_than_its_maximum(crashes: int, chance: float) -> None:
    delay = Backoff(initial=0.2, maximum=30.0).delay(crashes, chance)

    assert 0.0 <= delay <= 30.0


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_chance_spreads_a_backoff_over_all_of_its_time(crashes: int, chance: float) -> None:
    backoff = Backoff(initial=0.2, maximum=30.0)

    assert backoff.delay(crashes, chance) == pytest.approx(chance * backoff.delay(crashes, 1.0))


@simulated
async def test_more_crashes_than_the_intensity_allows_end_the_system_in_order(simulation: Simulation[None]) -> None:
    log: list[str] = []
    ended_at = None

    def actor(name: str) -> Scripted:
        async def ending(_: Scripted) -> None:
            log.append(f"{name} ends")

        return Scripted(ending=ending)

    with pytest.raises(RestartIntensityReached) as caught:  # noqa: PT012 - the block is what raises
        async with simulation.system(intensity=Intensity(2, 60.0), backoff=Backoff(initial=0.001)) as system:
            await system.spawn(lambda: actor("a"), "a")
            bad = await system.spawn(Scripted, "bad")
            await system.spawn(lambda: actor("b"), "b")
            for _ in range(3):
                bad.tell(Fail(ValueError("boom")))
            try:
                await anyio.sleep_forever()
            finally:
                ended_at = list(log)

    assert isinstance(caught.value.__cause__, ValueError)
    assert ended_at == []  # the block ends first, and then the actors it uses
    assert log == ["b ends", "a ends"]
    assert system.tree().state == "failed"
    assert_dead_letters(system, crashed=3)


@simulated
async def test_a_system_that_stops_restarts_nobody(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()

    async def crash_in_the_end(_: Scripted) -> None:
        log.append("farewell")
        raise ValueError

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log, ending=crash_in_the_end), "actor")
        actor.tell(Hold(gate))
        actor.tell(Fail(ValueError("boom")))
        await turns()
        gate.set()

    assert log.count("started") <= 2
    assert log[-1] == "farewell"


@simulated
async def test_the_tree_shows_what_everybody_is_at(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        busy = await system.spawn(Scripted, "busy")
        family = await system.virtual(lambda _: Scripted(), "family")
        await family.ref("1").ask(Say("hello"))
        busy.tell(Hold(gate))
        await turns()
        busy.tell(Say("waits"))
        await anyio.sleep(2)

        root = system.tree()
        gate.set()

    assert (root.path, root.state) == ("simulated", "running")
    one, two = root.children
    assert (one.path, one.state, one.depth, one.current, one.idle_for) == ("simulated/busy", "running", 1, "Hold", None)
    assert one.current_for is not None
    assert 2.0 <= one.current_for < 2.1
    (actor,) = two.children
    assert (actor.path, actor.handled, actor.generation) == ("simulated/family/1", 1, 1)
    assert actor.timings["Say"].count == 1
    assert actor.idle_for is not None
    assert actor.idle_for >= 2.0
