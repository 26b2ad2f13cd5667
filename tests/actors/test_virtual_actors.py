"""Virtual actors: there when a message comes, asleep when none does, and never two of one key."""

import anyio
import pytest

from actors import Activation, ActorCrashed, AskTimeout, Backoff, Intensity, Unavailable
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fail, Fetch, Hold, No, Put, Quit, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_many_first_messages_activate_an_actor_once(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def load(_: Scripted) -> None:
        await anyio.sleep(1)

    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log, starting=load), "family")

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(family.ref("a").ask, Say(str(number)))
        assert len(family.cells) == 1

    assert log.count("started") == 1
    assert len(log) == 22
    assert_dead_letters(system)


@simulated
async def test_a_family_wakes_nobody_while_none_of_it_is_active(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted([]), "family", activation=Activation(idle_after=60))
        before = len(family._runtime.schedule._heap)
        await family.ref("a").ask(Say("one"))
        looks_for_idle_ones = family._sweeping is not None

        await anyio.sleep(600)

        assert looks_for_idle_ones
        assert (before, len(family._runtime.schedule._heap)) == (0, 0)


@simulated
async def test_an_idle_actor_is_passivated_and_comes_back_with_the_next_message(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family", activation=Activation(idle_after=60))
        actor = family.ref("a")
        await actor.ask(Say("one"))

        await anyio.sleep(50)
        assert len(family.cells) == 1
        await anyio.sleep(30)
        assert family.cells == []
        await actor.ask(Say("two"))

    assert log == ["started", "one", "stopping passivated", "started", "two", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_what_comes_while_an_actor_goes_to_sleep_is_held_and_handled_by_the_next_activation(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []

    going = anyio.Event()

    async def save(_: Scripted) -> None:
        going.set()
        await anyio.sleep(2)
        log.append("saved")

    async with simulation.system() as system:
        family = await system.virtual(
            lambda _: Scripted(log, ending=save), "family", activation=Activation(idle_after=60)
        )
        actor = family.ref("a")
        await actor.ask(Say("one"))
        await going.wait()

        answers = [await actor.ask(Say("two")), await actor.ask(Say("three"))]

    assert answers == ["two", "three"]
    assert log[:7] == ["started", "one", "stopping passivated", "saved", "started", "two", "three"]
    assert_dead_letters(system)


@simulated
async def test_an_actor_says_whether_it_may_sleep(simulation: Simulation[None]) -> None:
    async def stay_awake(actor: Scripted) -> None:
        actor.passivates = False

    async def allow_sleep(actor: Scripted) -> None:
        actor.passivates = True

    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(idle_after=10))
        await family.ref("a").ask(Do(stay_awake))

        await anyio.sleep(100)
        assert len(family.cells) == 1
        await family.ref("a").ask(Do(allow_sleep))
        await anyio.sleep(20)
        assert family.cells == []


@simulated
async def test_an_actor_with_work_under_way_does_not_sleep(simulation: Simulation[None]) -> None:
    gate = anyio.Event()

    async def keep(actor: Scripted, calls: object) -> None:
        pass

    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source")
        source.tell(Hold(gate))
        family = await system.virtual(lambda _: Scripted(batched=keep), "family", activation=Activation(idle_after=10))
        family.ref("handling").tell(Hold(gate))
        family.ref("requesting").tell(Fetch(source, Say("late"), timeout=1000))
        family.ref("owing").request(Put(1), lambda _: None, timeout=500)

        await anyio.sleep(200)
        assert {cell.name for cell in family.cells} == {"handling", "requesting", "owing"}
        gate.set()
        await anyio.sleep(100)
        assert {cell.name for cell in family.cells} == {"owing"}
        await anyio.sleep(300)
        assert family.cells == []


@simulated
async def test_above_the_cap_those_idle_longest_go_to_sleep(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(max_active=3))
        for key in "abc":
            await family.ref(key).ask(Say(key))
            await anyio.sleep(1)
        await family.ref("a").ask(Say("again"))

        await family.ref("d").ask(Say("d"))
        await turns()

        assert {cell.name for cell in family.cells} == {"a", "c", "d"}


@simulated
async def test_an_actor_that_gets_a_message_while_it_is_told_to_sleep_stays_awake(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family", activation=Activation(max_active=1))
        await family.ref("a").ask(Say("one"))

        family.ref("b").tell(Say("its activation puts the other to sleep"))
        assert await family.ref("a").ask(Say("two")) == "two"

        assert "stopping passivated" not in log
        assert {cell.name: cell.generation for cell in family.cells} == {"a": 1, "b": 1}


@simulated
async def test_when_nobody_above_the_cap_is_idle_new_keys_are_unavailable(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(max_active=2))
        for key in "ab":
            family.ref(key).tell(Hold(gate))
        await turns()

        with pytest.raises(Unavailable):
            await family.ref("c").ask(Say("no room"))
        with pytest.raises(Unavailable):
            family.ref("c").tell(Say("no room"))
        gate.set()
        await turns()
        assert await family.ref("c").ask(Say("room")) == "room"

    assert_dead_letters(system, unavailable=2)


@simulated
async def test_far_more_keys_than_the_cap_pass_through_without_exceeding_it_much(simulation: Simulation[None]) -> None:
    most = 0
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(max_active=40))
        for number in range(400):
            await family.ref(str(number)).ask(Say("hello"))
            most = max(most, len(family.cells))

    assert most <= 42
    assert_dead_letters(system)


@simulated
async def test_a_refused_activation_refuses_those_who_wait_and_leaves_nothing(simulation: Simulation[None]) -> None:
    async def refuse(_: Scripted) -> None:
        await anyio.sleep(1)
        raise No("there is no such room")

    refused: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(starting=refuse), "family")

        async def ask() -> None:
            with pytest.raises(No, match="no such room"):
                await family.ref("a").ask(Say("hello"))
            refused.append("refused")

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask)

        assert len(refused) == 3
        assert family.cells == []
    assert_dead_letters(system, refused=3)


@simulated
async def test_a_crashing_activation_fails_those_who_wait_and_is_tried_again(simulation: Simulation[None]) -> None:
    attempts: list[int] = []

    async def crash_once(_: Scripted) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("the database is away")

    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(starting=crash_once), "family")

        with pytest.raises(ActorCrashed) as caught:
            await family.ref("a").ask(Say("hello"))
        assert await family.ref("a").ask(Say("later")) == "later"

    assert isinstance(caught.value.__cause__, ValueError)


@simulated
async def test_an_actor_that_keeps_crashing_is_quarantined_alone_and_released(simulation: Simulation[None]) -> None:
    options = Activation(intensity=Intensity(2, 60.0), quarantine=30.0, backoff=Backoff(initial=0.001))
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=options)
        bad, good = family.ref("bad"), family.ref("good")
        await good.ask(Say("fine"))

        for _ in range(3):
            with pytest.raises(ActorCrashed):
                await bad.ask(Fail(ValueError("boom")))
        await turns()
        with pytest.raises(Unavailable) as caught:
            await bad.ask(Say("hello?"))

        assert 29.0 <= caught.value.retry_after <= 30.0
        assert await good.ask(Say("still fine")) == "still fine"
        assert {node.path[-4:]: node.state for node in system.tree().children[0].children} == {
            "/bad": "quarantined",
            "good": "running",
        }
        await anyio.sleep(30.1)
        assert await bad.ask(Say("rested")) == "rested"
        with pytest.raises(ActorCrashed):  # the past is forgotten: one crash is one crash again
            await bad.ask(Fail(ValueError("boom")))
        assert await bad.ask(Say("restarted")) == "restarted"

    assert_dead_letters(system, crashed=4, quarantined=1)


@simulated
async def test_those_who_wait_for_an_actor_that_is_quarantined_are_told(simulation: Simulation[None]) -> None:
    options = Activation(intensity=Intensity(1, 60.0))
    errors: list[Exception | None] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=options)
        family.ref("bad").tell(Hold(gate))
        for _ in range(2):
            family.ref("bad").tell(Fail(ValueError("boom")))
        family.ref("bad").request(Say("waits"), lambda answer: errors.append(answer.error))

        gate.set()
        await anyio.sleep(1)

    assert [type(error) for error in errors] == [Unavailable]
    assert_dead_letters(system, crashed=2, quarantined=1)


@simulated
async def test_an_actor_that_stops_itself_is_activated_by_the_next_message(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family")
        actor = family.ref("a")
        actor.tell(Hold(gate))
        actor.tell(Quit())
        actor.tell(Say("waited"))

        gate.set()
        await actor.ask(Say("new"))

    assert log == ["started", "stopping normal", "started", "waited", "new", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_an_actor_knows_its_key_and_its_path(simulation: Simulation[None]) -> None:
    async def tell(actor: Scripted) -> tuple[str, str]:
        return actor.key, actor.path

    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family")

        assert await family.ref("42").ask(Do(tell)) == ("42", "simulated/family/42")
        assert family.ref("42") == family.ref("42")
        assert family.ref("42") != family.ref("43")
        assert repr(family.ref("42")) == "Ref(simulated/family/42)"


@pytest.mark.parametrize("options", [{"idle_after": 0}, {"max_active": 0}])
def test_an_activation_that_makes_no_sense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="max_active"):
        Activation(**options)  # type: ignore[arg-type]


@simulated
async def test_those_who_come_while_an_activation_backs_off_wait_for_the_next_try(simulation: Simulation[None]) -> None:
    attempts: list[float] = []

    async def crash_twice(_: Scripted) -> None:
        attempts.append(simulation.now)
        if len(attempts) <= 2:
            raise ValueError("the database is away")

    options = Activation(backoff=Backoff(initial=1000.0, maximum=1000.0))
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(starting=crash_twice), "family", activation=options)
        for _ in range(2):
            with pytest.raises(ActorCrashed):
                await family.ref("a").ask(Say("hello"))
        failed_at = simulation.now

        with pytest.raises(AskTimeout):
            await family.ref("a").ask(Say("impatient"), timeout=0.01)
        assert await family.ref("a").ask(Say("patient"), timeout=1000.0) == "patient"

        assert len(attempts) == 3
        assert simulation.now > failed_at
    assert_dead_letters(system, crashed=2, expired=1)


@simulated
async def test_an_activation_that_failed_is_not_tried_again_for_nobody_and_is_not_forgiven_for_that(
    simulation: Simulation[None],
) -> None:
    attempts: list[float] = []

    async def crash(_: Scripted) -> None:
        attempts.append(simulation.now)
        raise ValueError("the database is away")

    options = Activation(idle_after=4.0, intensity=Intensity(2, 60.0), quarantine=30.0, backoff=Backoff(initial=1.0))
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(starting=crash), "family", activation=options)
        for number in (1, 2, 3):
            with pytest.raises(ActorCrashed):
                await family.ref("a").ask(Say("hello"))
            await anyio.sleep(5)
            assert len(attempts) == number

        with pytest.raises(Unavailable):
            await family.ref("a").ask(Say("hello"))
        await anyio.sleep(100)
        assert len(attempts) == 3
        assert family.cells == []
        assert family._records == {}
    assert_dead_letters(system, crashed=3, quarantined=1)


@simulated
async def test_crashes_are_forgotten_after_the_stable_time_with_all_that_reminds_of_them(
    simulation: Simulation[None],
) -> None:
    options = Activation(idle_after=4.0, backoff=Backoff(stable=60.0))
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=options)
        family.ref("a").tell(Fail(ValueError("boom")))
        await anyio.sleep(30)
        assert family.cells == []
        assert list(family._records) == ["a"]

        await anyio.sleep(40)

        assert family._records == {}
        assert family._retries == {}


@simulated
async def test_a_family_that_is_stopped_leaves_no_timer_behind(simulation: Simulation[None]) -> None:
    options = Activation(intensity=Intensity(0, 60.0))
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=options)
        family.ref("quarantined").tell(Fail(ValueError("boom")))
        await family.ref("well").ask(Say("hello"))

        await system.stop_child("family")

        assert (family.cells, family._records, family._retries) == ([], {}, {})
        assert family._sweeping is None
