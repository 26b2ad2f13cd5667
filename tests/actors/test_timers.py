"""Timers: messages to oneself, later, once or again and again, and only for as long as the instance lives."""

from contextlib import suppress
from typing import Any

import anyio
import pytest

from actors import Activation, Actor, ActorCrashed, Exit, Message, Restart, Timer, handles
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Hold, Quit, Say, Scripted
from tests.support.simulated import simulated


def _timers(actor: Scripted) -> dict[Any, Timer]:
    return actor._life.timers._by_key


@simulated
async def test_a_message_is_sent_once_after_its_time(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def set_timer(self: Scripted) -> None:
            self.send_after(2.0, Say("later"))

        await actor.ask(Do(set_timer))
        await anyio.sleep(1.9)
        before = list(log)
        await anyio.sleep(60)

        assert before == ["started"]
        assert log == ["started", "later"]
    assert_dead_letters(system)


@simulated
async def test_ticks_keep_to_their_first_moment_and_those_that_would_pile_up_are_left_out(
    simulation: Simulation[None],
) -> None:
    ticks: list[float] = []

    class Tick(Message["Clock", None], frozen=True):
        pass

    class Clock(Actor):
        async def started(self) -> None:
            self.every(1.0, Tick())

        @handles(Tick)
        async def tick(self, message: Tick) -> None:
            ticks.append(round(simulation.now - begun, 2))
            if len(ticks) == 2:
                await anyio.sleep(2.3)  # the ticks due at 3 and 4 come while it is busy

    begun = simulation.now
    async with simulation.system() as system:
        await system.spawn(Clock, "clock")

        await anyio.sleep(6.5)

    assert ticks == [1.0, 2.0, 5.0, 6.0]


@simulated
async def test_a_timer_with_a_key_replaces_the_one_before_and_is_cancelled_by_it(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def set_timers(self: Scripted) -> list[bool]:
            self.send_after(1.0, Say("first"), key="a")
            self.send_after(2.0, Say("second"), key="a")
            self.every(1.0, Say("never"), key="b")
            by_handle = self.send_after(1.0, Say("never"))
            by_handle.cancel()
            return [self.cancel_timer("b"), self.cancel_timer("b"), by_handle.active]

        results = await actor.ask(Do(set_timers))
        await anyio.sleep(10)
        left = len(await actor.ask(Do(_timers_of)))

    assert results == [True, False, False]
    assert log == ["started", "second", "stopping shutdown"]
    assert left == 0


async def _timers_of(self: Scripted) -> dict[Any, Timer]:
    return dict(_timers(self))


@simulated
async def test_a_cancelled_timer_takes_back_the_message_that_waits_already(simulation: Simulation[None]) -> None:
    log: list[str] = []
    timers: list[Timer] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def set_timer(self: Scripted) -> None:
            timers.append(self.send_after(1.0, Say("too late")))

        actor.tell(Do(set_timer))
        actor.tell(Hold(gate))
        await anyio.sleep(2)
        timers[0].cancel()
        gate.set()
        await actor.ask(Say("last"))

    assert log == ["started", "last", "stopping shutdown"]
    assert_dead_letters(system, abandoned=1)


@simulated
async def test_timers_end_with_the_instance_that_has_set_them(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")

        async def set_and_crash(self: Scripted) -> None:
            self.every(1.0, Say("old tick"))
            self.send_after(1.0, Say("old timer"), key="key")
            raise ValueError

        with suppress(ActorCrashed):
            await actor.ask(Do(set_and_crash))
        await anyio.sleep(30)

        assert log == ["started", "stopping crashed", "started"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_nothing_of_a_cancelled_timer_is_kept_until_it_would_have_been_due(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")

        async def set_many(self: Scripted) -> None:
            for number in range(1000):
                self.send_after(3600.0, Say(str(number)), key="the same")

        await actor.ask(Do(set_many))

        assert len(system._runtime.schedule._heap) < 300


@simulated
async def test_a_timer_keeps_nobody_from_going_to_sleep(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Scripted(log), "family", activation=Activation(idle_after=10))

        async def set_timer(self: Scripted) -> None:
            self.send_after(600.0, Say("in its sleep"))

        await family.ref("1").ask(Do(set_timer))
        await anyio.sleep(1000)

    assert log == ["started", "stopping passivated"]
    assert_dead_letters(system)


@simulated
async def test_a_timer_is_not_set_by_an_actor_that_is_stopping(simulation: Simulation[None]) -> None:
    errors: list[Exception] = []

    class Late(Scripted):
        async def stopping(self, why: Exit) -> None:
            try:
                self.send_after(1.0, Say("nobody is there"))
            except Exception as error:  # noqa: BLE001 - whatever it is
                errors.append(error)

    async with simulation.system() as system:
        actor = await system.spawn(Late, "actor", restart=Restart.TEMPORARY)
        await actor.ask(Quit())

    assert [type(error).__name__ for error in errors] == ["ActorStopped"]


@simulated
async def test_an_interval_must_be_positive(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")

        async def set_timer(self: Scripted) -> str:
            with pytest.raises(ValueError, match="more than 0"):
                self.every(0, Say("never"))
            return "refused"

        assert await actor.ask(Do(set_timer)) == "refused"
