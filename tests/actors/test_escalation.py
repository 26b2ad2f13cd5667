"""Supervisors of supervisors: what one cannot mend it leaves to the next, up to the root, and the error says every step."""

import anyio
import pytest

from actors import (
    ActorStopped,
    Backoff,
    Intensity,
    Restart,
    RestartIntensityReached,
    StartFailed,
    Strategy,
    Unavailable,
)
from actors.testing import BACKENDS, Simulation, assert_dead_letters, cancel_everywhere, simulate
from tests.support.scripted import Do, Fail, Hold, Quit, Say, Scripted
from tests.support.simulated import simulated, turns

NONE = Intensity(restarts=0, period=60.0)
ONCE = Intensity(restarts=1, period=60.0)
AT_ONCE = Backoff(initial=0.0)


def named(name: str, log: list[str]) -> Scripted:
    async def start(_: Scripted) -> None:
        log.append(f"+{name}")

    async def end(_: Scripted) -> None:
        log.append(f"-{name}")

    return Scripted(starting=start, ending=end)


def causes(error: BaseException | None) -> list[BaseException]:
    """An error and everything that led to it."""
    chain: list[BaseException] = []
    while error is not None:
        chain.append(error)
        error = error.__cause__
    return chain


@simulated
async def test_a_supervisor_that_gives_up_is_one_crashed_child_of_the_one_above(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        before = await system.spawn(lambda: named("before", log), "before")
        group = await system.supervisor("group", intensity=ONCE, backoff=AT_ONCE)
        a = await group.spawn(lambda: named("a", log), "a")
        b = await group.spawn(lambda: named("b", log), "b")
        c = await group.spawn(lambda: named("c", log), "c")
        del log[:]

        for text in ("first", "second"):
            b.tell(Fail(ValueError(text)))
        b.tell(Say("waited"))
        for ref in (a, b, c, before):
            assert await ref.ask(Say("again")) == "again"

        assert log == ["-b", "+b", "-b", "-c", "-a", "+a", "+b", "+c"]
        node = system.tree().children[1]
        assert (node.path, node.state, node.restarts) == ("simulated/group", "running", 1)
    assert_dead_letters(system, crashed=2)


@simulated
async def test_the_strategy_above_decides_what_a_failed_supervisor_takes_with_it(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(strategy=Strategy.REST_FOR_ONE) as system:
        await system.spawn(lambda: named("before", log), "before")
        group = await system.supervisor("group", intensity=NONE)
        a = await group.spawn(lambda: named("a", log), "a")
        await group.spawn(lambda: named("b", log), "b")
        after = await system.supervisor("after")
        await after.spawn(lambda: named("c", log), "c")
        d = await after.spawn(lambda: named("d", log), "d")
        del log[:]

        a.tell(Fail(ValueError("boom")))
        await turns()
        assert await d.ask(Say("again")) == "again"

        assert log == ["-a", "-b", "-d", "-c", "+a", "+b", "+c", "+d"]


@simulated
async def test_the_error_that_ends_the_system_names_every_level_down_to_the_first_cause(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    boom = ValueError("boom")
    with pytest.raises(RestartIntensityReached) as caught:  # noqa: PT012 - the block is what raises
        async with simulation.system(intensity=NONE) as system:
            await system.spawn(lambda: named("first", log), "first")
            upper = await system.supervisor("upper", intensity=NONE)
            await upper.spawn(lambda: named("second", log), "second")
            lower = await upper.supervisor("lower", intensity=ONCE, backoff=AT_ONCE)
            await lower.spawn(lambda: named("third", log), "third")
            bad = await lower.spawn(Scripted, "bad")
            await lower.spawn(lambda: named("fourth", log), "fourth")
            bad.tell(Fail(KeyError("an earlier one")))
            bad.tell(Fail(boom))
            await anyio.sleep_forever()

    chain = causes(caught.value)
    assert [str(error) for error in chain[:-1]] == [
        "simulated/upper ended once more than simulated allows",
        "simulated/upper/lower ended once more than simulated/upper allows",
        "simulated/upper/lower/bad ended once more than simulated/upper/lower allows",
    ]
    assert all(isinstance(error, RestartIntensityReached) for error in chain[:-1])
    assert chain[-1] is boom
    assert log == ["+first", "+second", "+third", "+fourth", "-fourth", "-third", "-second", "-first"]
    assert system.tree().state == "failed"
    assert_dead_letters(system, crashed=2)


@simulated
async def test_restarts_are_counted_anew_for_a_supervisor_that_was_restarted(simulation: Simulation[None]) -> None:
    async with simulation.system(intensity=Intensity(3, 60.0), backoff=AT_ONCE) as system:
        group = await system.supervisor("group", intensity=ONCE, backoff=AT_ONCE)
        bad = await group.spawn(Scripted, "bad")

        for _ in range(2 * 3):  # three times one too many
            bad.tell(Fail(ValueError("boom")))

        assert await bad.ask(Say("again")) == "again"
        assert system.tree().children[0].restarts == 3


@simulated
async def test_children_that_wait_for_their_restart_are_stopped_with_the_others(simulation: Simulation[None]) -> None:
    slow = Backoff(initial=100.0, maximum=100.0)
    async with simulation.system() as system:
        group = await system.supervisor("group", intensity=Intensity(2, 60.0), backoff=slow)
        waiting = await group.spawn(Scripted, "waiting")
        bad = await group.spawn(Scripted, "bad")
        for ref in (waiting, waiting, bad):
            ref.tell(Fail(ValueError("boom")))
        waiting.tell(Say("waits"))
        await turns(40)

        assert await waiting.ask(Say("again")) == "again"  # the whole group was restarted, and that at once
        assert simulation.now < 1
        await anyio.sleep(200)  # what was to bring it back is off
        assert system.tree().children[0].children[0].generation == 3


@simulated
async def test_a_supervisor_whose_child_does_not_start_again_has_not_started_either(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    starts = 0

    async def fail_later(_: Scripted) -> None:
        nonlocal starts
        starts += 1
        if starts > 1:
            raise KeyError("no more")

    with pytest.raises(RestartIntensityReached) as caught:  # noqa: PT012 - the block is what raises
        async with simulation.system(intensity=ONCE) as system:
            group = await system.supervisor("group", intensity=NONE)
            a = await group.spawn(lambda: named("a", log), "a")
            await group.spawn(lambda: Scripted(starting=fail_later), "b")
            a.tell(Fail(ValueError("boom")))
            await anyio.sleep_forever()

    assert [type(error) for error in causes(caught.value)] == [
        RestartIntensityReached,
        StartFailed,
        StartFailed,
        KeyError,
    ]
    assert log == ["+a", "-a", "+a", "-a"]


@simulated
async def test_a_temporary_supervisor_that_fails_is_gone_with_its_children(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        other = await system.spawn(lambda: named("other", log), "other")
        group = await system.supervisor("group", intensity=NONE, restart=Restart.TEMPORARY)
        await group.spawn(lambda: named("a", log), "a")
        bad = await group.spawn(Scripted, "bad")

        bad.tell(Fail(ValueError("boom")))
        await turns()

        assert log == ["+other", "+a", "-a"]
        assert [child.path for child in system.tree().children] == ["simulated/other"]
        with pytest.raises(ActorStopped):
            bad.tell(Say("hello?"))
        with pytest.raises(Unavailable):
            await group.spawn(Scripted, "late")
        assert await other.ask(Say("fine")) == "fine"
        await system.supervisor("group")  # the name is free


@simulated
async def test_a_failing_supervisor_takes_no_new_children_until_it_is_back(simulation: Simulation[None]) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    async with simulation.system() as system:
        group = await system.supervisor("group", intensity=NONE)
        bad = await group.spawn(lambda: Scripted(ending=slowly), "bad")
        bad.tell(Fail(ValueError("boom")))
        await group.spawn(lambda: Scripted(ending=slowly), "other")
        await anyio.sleep(1.5)

        with pytest.raises(Unavailable, match="failed"):
            await group.spawn(Scripted, "late")
        await anyio.sleep(2)
        await group.spawn(Scripted, "late")


@simulated
async def test_a_crash_under_a_supervisor_that_has_failed_changes_nothing(simulation: Simulation[None]) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    reason = ValueError("the reason")
    with pytest.raises(RestartIntensityReached) as caught:  # noqa: PT012 - the block is what raises
        async with simulation.system(intensity=NONE) as system:
            group = await system.supervisor("group", intensity=NONE)
            other = await group.spawn(Scripted, "other")
            bad = await group.spawn(Scripted, "bad")
            await group.spawn(lambda: Scripted(ending=slowly), "slow")
            bad.tell(Fail(reason))
            await anyio.sleep(0.5)
            other.tell(Fail(KeyError("too late to matter")))
            await anyio.sleep_forever()

    assert causes(caught.value)[-1] is reason


@simulated
async def test_a_group_that_is_restarting_is_restarted_by_the_one_above_without_getting_mixed_up(
    simulation: Simulation[None],
) -> None:
    alive = 0

    async def come(_: Scripted) -> None:
        nonlocal alive
        alive += 1
        assert alive == 1, "two instances at once"
        await anyio.sleep(1)

    async def go(_: Scripted) -> None:
        nonlocal alive
        await anyio.sleep(1)
        alive -= 1

    for waited in (0.0, 0.5, 1.5, 2.5):
        async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
            first = await system.spawn(Scripted, "first")
            group = await system.supervisor("group", strategy=Strategy.ONE_FOR_ALL)
            a = await group.spawn(Scripted, "a")
            slow = await group.spawn(lambda: Scripted(starting=come, ending=go), "slow")
            a.tell(Fail(ValueError("boom")))
            await anyio.sleep(waited)
            first.tell(Fail(ValueError("boom")))

            await anyio.sleep(20)
            node = system.tree().children[1]
            assert (node.state, node.restarts) == ("running", 1)
            assert node.children[0].generation in {2, 3}
            assert await slow.ask(Say("fine")) == "fine"


@simulated
async def test_the_actors_of_a_whole_tree_stop_in_reverse(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        await system.spawn(lambda: named("a", log), "a")
        group = await system.supervisor("group")
        await group.spawn(lambda: named("b", log), "b")
        deeper = await group.supervisor("deeper")
        await deeper.spawn(lambda: named("c", log), "c")
        await group.spawn(lambda: named("d", log), "d")
        await system.spawn(lambda: named("e", log), "e")
        await group.spawn(lambda: named("late", log), "late")
        assert [deeper.path, group.path, system.path] == ["simulated/group/deeper", "simulated/group", "simulated"]

    assert log[6:] == ["-e", "-late", "-d", "-c", "-b", "-a"]


@simulated
async def test_each_child_is_cancelled_when_its_own_time_is_over(simulation: Simulation[None]) -> None:
    log: list[tuple[str, float]] = []

    def actor() -> Scripted:
        async def note(actor: Scripted) -> None:
            log.append((actor.key, round(simulation.now, 1)))

        return Scripted(ending=note)

    async with simulation.system(stop_grace=60.0) as system:
        for name, shutdown in (("patient", 10.0), ("hasty", 0.5), ("endless", None)):
            ref = await system.spawn(actor, name, shutdown=shutdown)
            ref.tell(Hold(anyio.Event()))
        await turns()
        await system.stop(drain=False, grace=20.0)

        assert log == [("endless", 20.0), ("hasty", 20.5), ("patient", 21.5)]


@simulated
async def test_children_are_stopped_by_name_while_the_others_go_on(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a = await system.spawn(lambda: named("a", log), "a")
        group = await system.supervisor("group")
        b = await group.spawn(lambda: named("b", log), "b")
        family = await system.virtual(lambda key: named(key, log), "family")
        await family.ref("1").ask(Say("hello"))
        del log[:]

        assert await system.stop_child("group")
        assert await system.stop_child("family")
        assert not await system.stop_child("family")

        assert log == ["-b", "-1"]
        with pytest.raises(ActorStopped):
            b.tell(Say("hello?"))
        with pytest.raises(Unavailable):
            family.ref("2").tell(Say("hello?"))
        assert [child.path for child in system.tree().children] == ["simulated/a"]
        assert await a.ask(Say("fine")) == "fine"
        await system.virtual(lambda _: Scripted(), "family")


@simulated
async def test_a_child_that_is_stopped_by_name_may_drain_and_is_cancelled_in_the_end(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []

    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    async with simulation.system() as system:
        drained = await system.spawn(lambda: Scripted(log), "drained")
        drained.tell(Do(slowly))
        drained.tell(Say("accepted"))
        late = await system.spawn(lambda: Scripted(log), "late")
        late.tell(Hold(anyio.Event()))
        await turns()

        assert await system.stop_child("drained", drain=True)
        assert await system.stop_child("late", grace=2.0)

        assert 3.0 <= simulation.now < 3.1
        assert system.tree().children == []
    assert log == ["started", "started", "accepted", "stopping shutdown", "stopping killed"]
    assert_dead_letters(system, killed=1)


async def _stormy_life(simulation: Simulation[None]) -> None:
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
        async with simulation.system(stop_grace=1.0, strategy=Strategy.REST_FOR_ONE) as system:
            first = await system.spawn(actor, "first")
            group = await system.supervisor("group", strategy=Strategy.ONE_FOR_ALL, intensity=ONCE, backoff=AT_ONCE)
            a = await group.spawn(actor, "a", restart=Restart.TRANSIENT)
            b = await group.spawn(actor, "b")
            family = await group.virtual(lambda _: actor(), "family")
            last = await system.spawn(actor, "last")
            family.ref("1").tell(Say("hello"))
            a.tell(Fail(ValueError("boom")))
            await b.ask(Say("hello"))
            b.tell(Fail(ValueError("boom")))
            await family.ref("1").ask(Say("hello"))
            first.tell(Fail(ValueError("boom")))
            await last.ask(Say("hello"))
            a.tell(Quit())
            await system.stop_child("group")
            await system.stop(drain=True, grace=1.0)
    finally:
        assert sum(balance) in {0, 1}  # a start that was cancelled midway has no farewell to give that it could count
        assert simulation.now < 10


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_system_may_be_cancelled_at_any_moment_of_a_storm(backend: str) -> None:
    for seed in (None, 1, 2):
        assert cancel_everywhere(_stormy_life, backend=backend, seed=seed) > 20


@pytest.mark.parametrize("backend", BACKENDS)
def test_storms_under_many_schedules_leave_nobody_behind(backend: str) -> None:
    for seed in range(50):
        simulate(_stormy_life, backend=backend, seed=seed)
