"""Ask, tell and request: who gets which answer, and when nobody waits any more."""

import anyio
import pytest

from actors import ActorCrashed, ActorStopped, Answer, AskCycle, AskTimeout, Restart
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fail, Fetch, Hold, No, Quit, Relay, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_an_ask_brings_the_answer_back(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")

        answer = await actor.ask(Say("hello"))

    assert answer == "hello"
    assert_dead_letters(system)


@simulated
async def test_what_is_told_is_handled_in_the_order_of_telling(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        for number in range(200):
            actor.tell(Say(str(number)))
        await actor.ask(Say("last"))

    assert log == ["started", *map(str, range(200)), "last", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_a_refusal_reaches_the_caller_and_the_actor_lives(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        for _ in range(10):  # far more than the intensity allows crashes
            with pytest.raises(No):
                await actor.ask(Fail(No("not you")))
        actor.tell(Fail(No("nobody hears it")))
        await actor.ask(Say("alive"))

    assert log == ["started", "alive", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_an_ask_fails_at_its_deadline_and_the_answer_that_comes_later_is_dropped(
    simulation: Simulation[None],
) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        begun = simulation.now

        with pytest.raises(AskTimeout):
            await actor.ask(Hold(gate), timeout=2.0)

        assert begun + 2.0 <= simulation.now <= begun + 2.03
        gate.set()
        assert await actor.ask(Say("next")) == "next"
    assert_dead_letters(system)  # it had begun with the message, and finished it


@simulated
async def test_an_ask_that_expires_while_it_waits_is_never_executed(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(gate))

        with pytest.raises(AskTimeout):
            await actor.ask(Say("too late"), timeout=1.0)
        gate.set()
        await actor.ask(Say("in time"))

    assert log == ["started", "in time", "stopping shutdown"]
    assert_dead_letters(system, expired=1)


@simulated
async def test_an_ask_that_expires_while_nobody_can_tell_its_caller_is_never_executed(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    late = 0.0

    async def compute(_: Scripted) -> None:
        nonlocal late
        late = 2.0  # the event loop stands still, so that no deadline is swept meanwhile

    async with simulation.system(clock=lambda: anyio.current_time() + late) as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Do(compute))

        with pytest.raises(AskTimeout):
            await actor.ask(Say("too late"), timeout=1.0)

    assert log == ["started", "stopping shutdown"]
    assert_dead_letters(system, expired=1)


@simulated
async def test_an_ask_whose_caller_has_left_is_never_executed(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(gate))

        with anyio.move_on_after(1.0) as scope:
            await actor.ask(Say("nobody listens"))
        gate.set()
        await actor.ask(Say("here"))

    assert scope.cancelled_caught
    assert log == ["started", "here", "stopping shutdown"]
    assert_dead_letters(system, abandoned=1)


@simulated
async def test_a_caller_that_leaves_while_it_is_being_served_leaves_the_actor_untouched(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    gate = anyio.Event()

    async def hold(actor: Scripted) -> None:
        await gate.wait()
        actor.log.append("finished")

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        with anyio.move_on_after(1.0):
            await actor.ask(Do(hold))
        gate.set()
        await actor.ask(Say("next"))

    assert log == ["started", "finished", "next", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_an_actor_that_asks_itself_is_told_so_at_once(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")

        async def ask_myself(_: Scripted) -> str:
            try:
                return await actor.ask(Say("echo"))
            except AskCycle as cycle:
                return str(cycle)

        answer = await actor.ask(Do(ask_myself))

    assert answer == "simulated/actor -> simulated/actor"
    assert_dead_letters(system)


@simulated
async def test_a_circle_of_asks_is_found_however_long_it_is(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family")
        a, b, c = family.ref("a"), family.ref("b"), family.ref("c")

        with pytest.raises(ActorCrashed) as caught:
            await a.ask(Relay(b, Relay(c, Relay(a, Say("never")))))

    causes = []
    cause: BaseException | None = caught.value
    while cause is not None:
        causes.append(type(cause))
        cause = cause.__cause__
    assert causes[-1] is AskCycle
    assert simulation.now < 1.0


@simulated
async def test_two_actors_may_ask_a_third_without_a_circle(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(), "family")
        c = family.ref("c")
        answers: list[str] = []

        async def ask(key: str) -> None:
            answers.append(await family.ref(key).ask(Relay(c, Say(key))))

        async with anyio.create_task_group() as group:
            group.start_soon(ask, "a")
            group.start_soon(ask, "b")

    assert sorted(answers) == ["a", "b"]
    assert_dead_letters(system)


@simulated
async def test_a_request_calls_back_exactly_once_with_the_answer(simulation: Simulation[None]) -> None:
    answers: list[Answer[str]] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")

        actor.request(Say("hello"), answers.append)
        await anyio.sleep(60)

    assert [answer.result() for answer in answers] == ["hello"]


@simulated
async def test_a_request_calls_back_at_its_deadline(simulation: Simulation[None]) -> None:
    answers: list[Answer[None]] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        actor.request(Hold(gate), answers.append, timeout=1.0)

        await anyio.sleep(1.1)
        gate.set()
        await anyio.sleep(1)

    assert [type(answer.error) for answer in answers] == [AskTimeout]


@simulated
async def test_a_callback_that_raises_harms_neither_the_actor_nor_the_sweeper(simulation: Simulation[None]) -> None:
    def broken(_: Answer[object]) -> None:
        raise RuntimeError

    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.request(Say("first"), broken)
        actor.request(Hold(gate), broken, timeout=1.0)

        await anyio.sleep(2)
        gate.set()
        await actor.ask(Say("second"))

    assert log == ["started", "first", "second", "stopping shutdown"]


@simulated
async def test_an_actors_request_is_answered_with_a_message(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source")
        actor = await system.spawn(lambda: Scripted(log), "actor")

        await actor.ask(Fetch(source, Say("water")))
        await anyio.sleep(1)

    assert log == ["started", "fetched water", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_an_actors_request_that_is_refused_at_once_is_answered_like_any_other(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source", restart=Restart.TEMPORARY)
        await source.ask(Quit())
        await turns()
        actor = await system.spawn(lambda: Scripted(log), "actor")

        await actor.ask(Fetch(source, Say("water")))
        await anyio.sleep(1)

    assert log == ["started", "fetched ActorStopped('simulated/source')", "stopping shutdown"]
    assert_dead_letters(system, stopped=1)


@simulated
async def test_an_answer_that_cannot_become_a_message_crashes_the_one_who_asked(simulation: Simulation[None]) -> None:
    asked: list[str] = []
    asking: list[str] = []

    async def request(actor: Scripted) -> None:
        def broken(_: Answer[object]) -> Say:
            raise KeyError("then")

        actor.request(source, Say("water"), broken)

    async with simulation.system() as system:
        source = await system.spawn(lambda: Scripted(asked), "source")
        actor = await system.spawn(lambda: Scripted(asking), "actor")

        await actor.ask(Do(request))
        await anyio.sleep(1)

    assert asked == ["started", "water", "stopping shutdown"]
    assert asking == ["started", "stopping crashed", "started", "stopping shutdown"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_a_stopped_actor_refuses(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", restart=Restart.TRANSIENT)
        await actor.ask(Quit())
        await turns()

        with pytest.raises(ActorStopped):
            await actor.ask(Say("anyone?"))
        with pytest.raises(ActorStopped):
            actor.tell(Say("anyone?"))
        assert system.tree().children == []

    assert_dead_letters(system, stopped=2)


@simulated
async def test_the_same_refusal_for_many_callers_keeps_their_tracebacks_apart(simulation: Simulation[None]) -> None:
    depths: list[int] = []

    async def refuse(_: Scripted) -> None:
        raise No

    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(starting=refuse), "family")

        async def ask() -> None:
            try:
                await family.ref("a").ask(Say("hello"))
            except No as error:
                depth, frame = 0, error.__traceback__
                while frame is not None:
                    depth, frame = depth + 1, frame.tb_next
                depths.append(depth)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask)

    assert len(depths) == 20
    assert len(set(depths)) == 1
