"""Restart strategies: who is stopped and started again with a child that crashes, in which order, and what waits meanwhile."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from actors import ActorCrashed, Backoff, Intensity, Ref, Restart, Strategy, Supervisor, Unavailable
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fail, Hold, No, Quit, Say, Scripted
from tests.support.simulated import simulated, turns

PATIENT = Intensity(restarts=1000, period=1.0)

Hook = Callable[[Scripted], Awaitable[None]]


def named(name: str, log: list[str], *, starting: Hook | None = None, ending: Hook | None = None) -> Scripted:
    """An actor that writes its name with what happens to it."""

    async def start(actor: Scripted) -> None:
        if starting is not None:
            await starting(actor)
        log.append(f"+{name}")

    async def end(actor: Scripted) -> None:
        if ending is not None:
            await ending(actor)
        log.append(f"-{name}")

    return Scripted(starting=start, ending=end)


async def trio_of(supervisor: Supervisor, log: list[str]) -> tuple[Ref[Scripted], Ref[Scripted], Ref[Scripted]]:
    return (
        await supervisor.spawn(lambda: named("a", log), "a"),
        await supervisor.spawn(lambda: named("b", log), "b"),
        await supervisor.spawn(lambda: named("c", log), "c"),
    )


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, "-b +b"),
        (Strategy.ONE_FOR_ALL, "-b -c -a +a +b +c"),
        (Strategy.REST_FOR_ONE, "-b -c +b +c"),
    ],
)
def test_the_strategy_names_who_is_stopped_in_reverse_and_started_in_order(
    strategy: Strategy, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @simulated
    async def scenario(simulation: Simulation[None]) -> None:
        log: list[str] = []
        async with simulation.system() as system:
            group = await system.supervisor("group", strategy=strategy)
            refs = await trio_of(group, log)
            del log[:]

            with pytest.raises(ActorCrashed):
                await refs[1].ask(Fail(ValueError("boom")))
            for ref in refs:
                assert await ref.ask(Say("again")) == "again"

            assert " ".join(log) == expected
            assert [child.state for child in system.tree().children[0].children] == ["running"] * 3
        assert_dead_letters(system, crashed=1)

    for kind in ("asyncio", "trio", "portable on asyncio"):
        scenario(kind, monkeypatch)


@simulated
async def test_the_system_itself_may_have_a_strategy(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a, _, c = await trio_of(system, log)
        del log[:]

        a.tell(Fail(ValueError("boom")))
        await turns()
        assert await c.ask(Say("again")) == "again"

        assert log == ["-a", "-c", "-b", "+a", "+b", "+c"]


@simulated
async def test_what_waits_for_those_who_are_restarted_with_another_is_not_lost(simulation: Simulation[None]) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    log: list[str] = []
    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a = await system.spawn(lambda: named("a", log, starting=slowly), "a")
        b = await system.spawn(Scripted, "b")
        answers: list[str] = []

        async def ask(text: str) -> None:
            answers.append(await b.ask(Say(text)))

        async with anyio.create_task_group() as group:
            b.tell(Do(slowly))
            await turns()
            group.start_soon(ask, "waits")
            await turns()
            a.tell(Fail(ValueError("boom")))
            await anyio.sleep(1.5)
            group.start_soon(ask, "comes while it is down")

        assert sorted(answers) == ["comes while it is down", "waits"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_virtual_actors_are_restarted_with_their_siblings_and_hold_what_comes(
    simulation: Simulation[None],
) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    log: list[str] = []
    async with simulation.system(strategy=Strategy.REST_FOR_ONE) as system:
        ledger = await system.spawn(lambda: named("ledger", log, starting=slowly), "ledger")
        carts = await system.virtual(lambda key: named(key, log), "carts")
        await carts.ref("1").ask(Say("hello"))
        await carts.ref("2").ask(Say("hello"))

        ledger.tell(Fail(ValueError("boom")))
        await anyio.sleep(0.5)
        assert carts.cells == []
        assert await carts.ref("1").ask(Say("held")) == "held"
        assert await carts.ref("3").ask(Say("held")) == "held"

        assert sorted(log[4:6]) == ["-1", "-2"]
        assert log[6:] == ["+ledger", "+1", "+3"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_a_temporary_child_that_goes_down_with_the_others_does_not_come_back(
    simulation: Simulation[None],
) -> None:
    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a = await system.spawn(Scripted, "a")
        await system.spawn(Scripted, "temporary", restart=Restart.TEMPORARY)
        await system.spawn(Scripted, "transient", restart=Restart.TRANSIENT)

        with pytest.raises(ActorCrashed):
            await a.ask(Fail(ValueError("boom")))
        await a.ask(Say("again"))
        await turns()

        assert [child.path for child in system.tree().children] == ["simulated/a", "simulated/transient"]


@simulated
async def test_the_end_of_a_child_that_is_not_restarted_concerns_nobody(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        await system.spawn(lambda: named("a", log), "a")
        leaver = await system.spawn(Scripted, "leaver", restart=Restart.TRANSIENT)
        crasher = await system.spawn(Scripted, "crasher", restart=Restart.TEMPORARY)

        await leaver.ask(Quit())
        crasher.tell(Fail(ValueError("boom")))
        await turns()

        assert log == ["+a"]


@simulated
async def test_a_group_whose_member_does_not_start_again_is_tried_again_after_a_while(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    starts = 0

    async def fail_twice(_: Scripted) -> None:
        nonlocal starts
        starts += 1
        if starts in {2, 3}:
            raise ValueError("not yet")

    backoff = Backoff(initial=1.0)
    async with simulation.system(strategy=Strategy.REST_FOR_ONE, intensity=PATIENT, backoff=backoff) as system:
        a = await system.spawn(lambda: named("a", log), "a")
        await system.spawn(lambda: named("b", log, starting=fail_twice), "b")
        c = await system.spawn(lambda: named("c", log), "c")
        del log[:]

        with pytest.raises(ActorCrashed):
            await a.ask(Fail(ValueError("boom")))
        assert await c.ask(Say("again"), timeout=60) == "again"

    assert log == ["-a", "-c", "-b", "+a", "-b", "-b", "+b", "+c", "-c", "-b", "-a"]


@simulated
async def test_a_refusal_to_start_again_ends_a_transient_member_and_not_the_group(
    simulation: Simulation[None],
) -> None:
    starts = 0

    async def refuse_later(_: Scripted) -> None:
        nonlocal starts
        starts += 1
        if starts > 1:
            raise No("no more")

    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        await system.spawn(lambda: Scripted(starting=refuse_later), "b", restart=Restart.TRANSIENT)
        a = await system.spawn(Scripted, "a")

        with pytest.raises(ActorCrashed):
            await a.ask(Fail(ValueError("boom")))
        assert await a.ask(Say("again")) == "again"

        assert [child.path for child in system.tree().children] == ["simulated/a"]


@simulated
async def test_another_crash_while_a_group_is_restarted_begins_the_round_again(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    async with simulation.system(strategy=Strategy.ONE_FOR_ALL, backoff=Backoff(initial=0.001)) as system:
        a = await system.spawn(lambda: named("a", log), "a")
        b = await system.spawn(lambda: named("b", log, starting=slowly), "b")
        a.tell(Fail(ValueError("first")))
        await anyio.sleep(0.5)
        a.tell(Fail(ValueError("second")))

        assert await b.ask(Say("again")) == "again"
        assert await a.ask(Say("again")) == "again"
        await anyio.sleep(2)

        assert [node.restarts for node in system.tree().children] == [2, 2]
    assert_dead_letters(system, crashed=2)


@simulated
async def test_a_group_that_is_restarted_takes_no_new_children(simulation: Simulation[None]) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a = await system.spawn(lambda: Scripted(starting=slowly), "a")
        a.tell(Fail(ValueError("boom")))
        await turns()

        with pytest.raises(Unavailable, match="repairing"):
            await system.spawn(Scripted, "b")
        await a.ask(Say("again"))
        await turns()
        await system.spawn(Scripted, "b")


@simulated
async def test_each_member_has_its_own_time_to_end_before_it_is_cancelled(simulation: Simulation[None]) -> None:
    ended: dict[str, float] = {}

    async def note(actor: Scripted) -> None:
        ended[actor.key] = simulation.now

    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a = await system.spawn(Scripted, "a")
        for name, shutdown in (("default", None), ("short", 1.0), ("none", 0.0)):
            ref = await system.spawn(lambda: Scripted(ending=note), name, shutdown=shutdown)
            ref.tell(Hold(anyio.Event()))
        await turns()
        began = simulation.now
        a.tell(Fail(ValueError("boom")))
        await a.ask(Say("again"), timeout=20)

        assert {name: round(at - began, 1) for name, at in ended.items()} == {"none": 0.0, "short": 1.0, "default": 6.0}


@simulated
async def test_a_member_that_is_stuck_is_replaced_and_its_late_end_means_nothing(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def never_let_go(_: Scripted) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(60)

    async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
        a = await system.spawn(Scripted, "a")
        stuck = await system.spawn(lambda: Scripted(log), "stuck", shutdown=1.0)
        family = await system.virtual(lambda _: Scripted(log), "family")
        for ref in (stuck, family.ref("1")):
            ref.tell(Do(never_let_go))
            await turns()
            ref.tell(Say("waits"))
        a.tell(Fail(ValueError("boom")))

        assert await stuck.ask(Say("hello"), timeout=20) == "hello"
        assert await family.ref("1").ask(Say("hello"), timeout=20) == "hello"
        assert simulation.now < 20
        node = system.tree().children[1]
        assert (node.state, node.generation, node.restarts) == ("running", 2, 1)
        await anyio.sleep(100)  # the old ones have ended meanwhile
        assert await stuck.ask(Say("still there")) == "still there"
        assert await family.ref("1").ask(Say("still there")) == "still there"
        assert system.tree().children[1].generation == 2

    assert log.count("started") == 4
    assert log.count("waits") == 2
    assert_dead_letters(system, crashed=1)


@simulated
async def test_a_system_may_stop_while_a_group_is_restarted(simulation: Simulation[None]) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    for waited in (0.0, 0.5, 1.5, 2.5, 3.5):
        log: list[str] = []
        before = simulation.now
        async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
            group = await system.supervisor("group", strategy=Strategy.ONE_FOR_ALL)
            a = await group.spawn(lambda log=log: named("a", log), "a")  # type: ignore[misc]
            for name in "bc":
                await group.spawn(
                    lambda name=name, log=log: named(name, log, starting=slowly, ending=slowly),  # type: ignore[misc]
                    name,
                )
            a.tell(Fail(ValueError("boom")))
            await anyio.sleep(waited)

        starts, ends = (sum(line[0] == sign for line in log) for sign in "+-")
        assert starts in {ends, ends - 1}  # one that was stopped while it started has said farewell all the same
        assert simulation.now - before < 12


@simulated
async def test_a_drain_while_a_group_is_restarted_handles_what_was_accepted(simulation: Simulation[None]) -> None:
    async def slowly(_: Scripted) -> None:
        await anyio.sleep(1)

    for waited in (0.0, 0.5, 1.5):
        log: list[str] = []
        async with simulation.system(strategy=Strategy.ONE_FOR_ALL) as system:
            a = await system.spawn(Scripted, "a")
            b = await system.spawn(lambda log=log: Scripted(log, starting=slowly), "b")  # type: ignore[misc]
            b.tell(Do(slowly))
            await turns()
            b.tell(Say("accepted"))
            a.tell(Fail(ValueError("boom")))
            await anyio.sleep(waited)

            await system.stop(drain=True, grace=10)

        assert "accepted" in log
        assert_dead_letters(system, crashed=1)
