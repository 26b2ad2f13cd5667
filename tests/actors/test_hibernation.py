"""Hibernation: an idle actor has no task, and nobody can tell."""

import anyio
import pytest

from actors import Activation, Answer, AskTimeout
from actors.cell import Cell
from actors.hibernation import LOOKS, Asleep, Hibernation
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Hold, Quit, Say, Scripted
from tests.support.simulated import simulated, turns

LONG = 15.0


def _asleep(cell: Cell[Scripted]) -> bool:
    return isinstance(cell.waiter, Asleep) and cell.life is not None and cell.life.carrier is None


@simulated
async def test_an_idle_actor_gives_back_its_task_and_keeps_its_instance(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        await actor.ask(Say("one"))
        cell = actor._find()

        await anyio.sleep(LONG)
        asleep = _asleep(cell)
        for number in range(5):
            actor.tell(Say(str(number)))
        await actor.ask(Say("two"))
        awake = not _asleep(cell)
        await anyio.sleep(LONG)

        assert asleep
        assert awake
        assert _asleep(cell)
        assert cell.generation == 1
        assert len(system._runtime.hibernation._awake) == 0
    assert log == ["started", "one", "0", "1", "2", "3", "4", "two", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_it_wakes_to_stop_to_drain_and_to_go_to_sleep(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family", activation=Activation(idle_after=60))
        await family.ref("1").ask(Say("hello"))
        await anyio.sleep(120)
        await family.ref("2").ask(Say("again"))
        await anyio.sleep(LONG)

        await system.stop(drain=True, grace=5)

    assert log == ["started", "hello", "stopping passivated", "started", "again", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_a_busy_actor_does_not_hibernate(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(gate))
        await anyio.sleep(LONG)
        cell = actor._find()

        assert not _asleep(cell)

        async def own(self: Scripted) -> None:
            self.spawn(anyio.sleep, 100)

        gate.set()
        await actor.ask(Do(own))
        await anyio.sleep(LONG)
        assert not _asleep(cell)
        await anyio.sleep(100)
        assert _asleep(cell)


@simulated
async def test_a_timer_wakes_a_hibernating_actor(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def set_timer(self: Scripted) -> None:
            self.send_after(100, Say("wake up"))

        await actor.ask(Do(set_timer))
        await anyio.sleep(101)

        assert log == ["started", "wake up"]


@simulated
async def test_it_crashes_and_quits_after_hibernation_like_before(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        await anyio.sleep(LONG)

        async def crash(_: Scripted) -> None:
            raise ValueError

        actor.tell(Do(crash))
        await actor.ask(Say("next"))
        await anyio.sleep(LONG)
        await actor.ask(Quit())
        await actor.ask(Say("the one after"))

    assert log == [
        *("started", "stopping crashed"),
        *("started", "next", "stopping normal"),
        *("started", "the one after", "stopping shutdown"),
    ]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_the_caller_that_wakes_it_may_leave_at_once(simulation: Simulation[None]) -> None:
    answers: list[Answer[str]] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        await anyio.sleep(LONG)

        with anyio.CancelScope() as scope:
            scope.cancel()
            await actor.ask(Say("gone"))
        actor.request(Say("here"), answers.append)
        await turns()
        with pytest.raises(AskTimeout):
            await actor.ask(Hold(anyio.Event()), timeout=1)

    assert [answer.result() for answer in answers] == ["here"]


@simulated
async def test_a_hibernating_actor_is_cancelled_when_it_is_woken_and_does_not_stop(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    async with simulation.system(stop_grace=1.0) as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        await anyio.sleep(LONG)
        actor.tell(Hold(anyio.Event()))
        await turns()

    assert log == ["started", "stopping killed"]
    assert_dead_letters(system, killed=1)


@simulated
async def test_however_many_actors_there_are_it_wakes_up_a_few_times_to_look_at_them(
    simulation: Simulation[None],
) -> None:
    looks = 0
    look = Hibernation._look

    def counted(self: Hibernation) -> None:
        nonlocal looks
        looks += 1
        look(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hibernation, "_look", counted)
        async with simulation.system(hibernate_after=1.0) as system:
            actors = [await system.spawn(Scripted, str(number)) for number in range(100)]
            for actor in actors:
                await actor.ask(Say("hello"))
                await anyio.sleep(0.01)
            awake = [actor for actor in actors if not _asleep(actor._find())]
            await anyio.sleep(2.2)

            assert len(awake) > 90
            assert all(_asleep(actor._find()) for actor in actors)
    assert 0 < looks <= 3.2 * LOOKS
