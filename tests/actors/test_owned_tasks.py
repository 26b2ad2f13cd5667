"""Owned tasks: what runs beside an actor's turns, comes back as a message, and ends with the instance."""

from typing import Any

import anyio
import pytest

from actors import Activation, Actor, Answer, Exit, Message, OwnedTask, handles
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fetched, Hold, No, Say, Scripted
from tests.support.simulated import simulated, turns


def _fetched(answer: Answer[Any]) -> Fetched:
    return Fetched(answer)


async def _wait(gate: anyio.Event, result: str = "done") -> str:
    await gate.wait()
    return result


@simulated
async def test_the_result_comes_back_as_a_message_and_the_actor_goes_on_meanwhile(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def start(self: Scripted) -> None:
            self.spawn(_wait, gate, "the result", then=_fetched)

        await actor.ask(Do(start))
        await actor.ask(Say("meanwhile"))
        gate.set()
        await turns()
        await actor.ask(Say("last"))

    assert log == ["started", "meanwhile", "fetched the result", "last", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_an_error_comes_back_as_a_message_too(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def fail() -> None:
            raise No("not today")

        async def start(self: Scripted) -> None:
            self.spawn(fail, then=_fetched)

        await actor.ask(Do(start))
        await turns()

        assert log == ["started", "fetched No('not today')"]
    assert_dead_letters(system)


@simulated
async def test_an_error_that_nobody_looks_at_crashes_the_actor(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def fail() -> None:
            raise ValueError

        async def start(self: Scripted) -> None:
            self.spawn(fail)

        await actor.ask(Do(start))
        await turns()

        assert log == ["started", "stopping crashed", "started"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_an_actor_with_a_task_is_not_put_to_sleep_and_a_draining_one_waits_for_it(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family", activation=Activation(idle_after=1))

        async def slowly() -> str:
            await anyio.sleep(30)
            return "slept"

        async def start(self: Scripted) -> None:
            self.spawn(slowly, then=_fetched)

        await family.ref("1").ask(Do(start))
        await anyio.sleep(20)
        before = list(log)
        await system.stop(drain=True, grace=60)

    assert before == ["started"]
    assert log == ["started", "fetched slept", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_tasks_are_cancelled_and_waited_for_before_the_farewell(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def endless() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)
            log.append("task cleaned up")

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def start(self: Scripted) -> None:
            self.spawn(endless)

        await actor.ask(Do(start))
        await turns()

    assert log == ["started", "task cleaned up", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_a_task_that_does_not_let_go_delays_the_end_within_its_limit(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def stubborn() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(100)

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def start(self: Scripted) -> None:
            self.spawn(stubborn)

        async def crash(_: Scripted) -> None:
            raise ValueError

        await actor.ask(Do(start))
        await turns()
        begun = simulation.now
        actor.tell(Do(crash))
        await actor.ask(Say("the next instance"), timeout=60)

        assert simulation.now - begun < 6.0  # the limit of a stop is 5
        await anyio.sleep(100)
    assert log == ["started", "stopping crashed", "started", "the next instance", "stopping shutdown"]


@simulated
async def test_a_task_that_its_actor_cancels_brings_nothing_back(simulation: Simulation[None]) -> None:
    log: list[str] = []
    tasks: list[OwnedTask] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def start(self: Scripted) -> None:
            tasks.append(self.spawn(anyio.sleep_forever, then=_fetched))
            tasks.append(self.spawn(anyio.sleep, 0.0, then=_fetched))
            tasks[1].cancel()  # before it has begun

        await actor.ask(Do(start))
        await turns()
        tasks[0].cancel()
        await turns()
        await actor.ask(Say("last"))

        assert log == ["started", "last"]
        assert not (await actor.ask(Do(_busy)))
    assert_dead_letters(system)


async def _busy(self: Scripted) -> bool:
    return bool(self._life._tasks)


@simulated
async def test_a_task_may_ask_its_own_actor(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def ask() -> str:
            return await actor.ask(Say("from the task"))

        async def start(self: Scripted) -> None:
            self.spawn(ask, then=_fetched)

        await actor.ask(Do(start))
        await turns(40)

        assert log == ["started", "from the task", "fetched from the task"]


class Read(Message["Library", str], frozen=True):
    name: str


class Slow(Message["Library", str], frozen=True):
    gate: anyio.Event


class Library(Actor):
    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def stopping(self, why: Exit) -> None:
        self.log.append(f"stopping {why.kind}")

    @handles(Read)
    async def read(self, message: Read) -> str:
        return message.name

    @handles(Slow, interleave=True)
    async def slow(self, message: Slow) -> str:
        self.log.append("begun")
        await message.gate.wait()
        return "slow"


@simulated
async def test_an_interleaved_handler_lets_others_run(simulation: Simulation[None]) -> None:
    log: list[str] = []
    answers: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        library = await system.spawn(lambda: Library(log), "library")

        async def ask() -> None:
            answers.append(await library.ask(Slow(gate)))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(ask)
            await turns()
            answers.append(await library.ask(Read("at once")))
            gate.set()

    assert answers == ["at once", "slow", "slow"]
    assert_dead_letters(system)


@simulated
async def test_an_interleaved_handler_ends_with_its_caller(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        library = await system.spawn(lambda: Library(log), "library")

        with anyio.move_on_after(1):
            await library.ask(Slow(anyio.Event()))
        await turns()

        cell = library._find()
        assert log == ["begun"]
        assert not cell.busy
    assert_dead_letters(system)


@simulated
async def test_tasks_of_an_actor_that_is_over_are_refused(simulation: Simulation[None]) -> None:
    class Late(Scripted):
        async def stopping(self, why: Exit) -> None:
            with pytest.raises(Exception, match="late"):
                self.spawn(anyio.sleep, 1)
            self.log.append("refused")

    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Late(log), "late")
        actor.tell(Hold(anyio.Event()))

    assert log[-1] == "refused"


@simulated
async def test_a_cancellation_that_no_scope_asked_for_comes_back_as_an_error(simulation: Simulation[None]) -> None:
    if simulation.backend == "trio":
        return  # trio.Cancelled cannot be raised by hand

    async def raise_cancelled() -> None:
        raise anyio.get_cancelled_exc_class()

    async def start(self: Scripted) -> None:
        self.spawn(raise_cancelled, then=_fetched)

    log: list[str] = []
    async with simulation.system() as system:
        sibling = await system.spawn(Scripted, "sibling")
        actor = await system.spawn(lambda: Scripted(log), "actor")

        await actor.ask(Do(start))
        await turns()

        assert await sibling.ask(Say("alive")) == "alive"
    assert log[1].startswith("fetched RuntimeError(")
    assert "cancelled by foreign code" in log[1]
