"""Deadlines that travel from ask to ask, callers that leave, and handlers that leave with them."""

from typing import Any

import anyio
import pytest

from actors import Actor, ActorCrashed, AskTimeout, CallerTimedOut, Exit, Message, Ref, Unavailable, handles
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Hold, Relay, Say, Scripted
from tests.support.simulated import simulated, turns


class Think(Message["Thinker", str], frozen=True):
    seconds: float
    error: Any = None


class Thinker(Actor):
    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def stopping(self, why: Exit) -> None:
        self.log.append(f"stopping {why.kind}")

    @handles(Think, cancel_with_caller=True)
    async def think(self, message: Think) -> str:
        try:
            await anyio.sleep(message.seconds)
        except BaseException as error:
            self.log.append(f"interrupted {isinstance(error, anyio.get_cancelled_exc_class())}")
            raise
        if message.error is not None:
            raise message.error
        self.log.append("thought")
        return "thought"


@simulated
async def test_a_nested_ask_waits_no_longer_than_the_first_caller(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        slow = await system.spawn(Scripted, "slow")
        middle = await system.spawn(lambda: Scripted(log), "middle")
        front = await system.spawn(lambda: Scripted(log), "front")
        slow.tell(Hold(gate))
        begun = simulation.now

        with pytest.raises(AskTimeout):
            await front.ask(Relay(middle, Relay(slow, Say("never"))), timeout=1.0)
        assert simulation.now - begun < 1.05
        assert await middle.ask(Say("middle is free"), timeout=0.1) == "middle is free"
        assert await front.ask(Say("front is free"), timeout=0.1) == "front is free"
        gate.set()
        await slow.ask(Say("slow is free"))

    assert "stopping crashed" not in log
    assert_dead_letters(system, expired=1)


@simulated
async def test_its_own_time_limit_is_a_timeout_like_any_other(simulation: Simulation[None]) -> None:
    errors: list[Exception] = []
    async with simulation.system() as system:
        slow = await system.spawn(Scripted, "slow")
        front = await system.spawn(Scripted, "front")
        slow.tell(Hold(anyio.Event()))

        async def ask(_: Scripted) -> None:
            try:
                await slow.ask(Say("never"), timeout=1.0)
            except AskTimeout as error:
                errors.append(error)

        await front.ask(Do(ask), timeout=60)

    assert [type(error) for error in errors] == [AskTimeout]


@simulated
async def test_a_handler_may_catch_that_its_caller_is_gone(simulation: Simulation[None]) -> None:
    errors: list[type[Exception]] = []
    async with simulation.system() as system:
        slow = await system.spawn(Scripted, "slow")
        front = await system.spawn(Scripted, "front")
        slow.tell(Hold(anyio.Event()))

        async def ask(_: Scripted) -> None:
            for _attempt in range(2):
                try:
                    await slow.ask(Say("never"), timeout=10.0)
                except AskTimeout as error:
                    errors.append(type(error))

        with pytest.raises(AskTimeout):
            await front.ask(Do(ask), timeout=1.0)
        await turns()

        assert errors == [CallerTimedOut, CallerTimedOut]  # the second one at once
        assert await front.ask(Say("alive")) == "alive"


@simulated
async def test_what_is_told_has_no_deadline_to_pass_on(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        slow = await system.spawn(lambda: Scripted(log), "slow")
        front = await system.spawn(Scripted, "front")
        slow.tell(Hold(gate))
        front.tell(Relay(slow, Say("late, but in time")))

        await anyio.sleep(4.9)
        gate.set()
        await turns()

        assert log == ["started", "late, but in time"]


@simulated
async def test_a_handler_is_cancelled_with_its_caller(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        thinker = await system.spawn(lambda: Thinker(log), "thinker")

        with anyio.move_on_after(1.0):
            await thinker.ask(Think(100))
        assert await thinker.ask(Think(0.1)) == "thought"
        with pytest.raises(AskTimeout):
            await thinker.ask(Think(100), timeout=1.0)
        assert await thinker.ask(Think(0.1)) == "thought"

    assert log == ["interrupted True", "thought", "interrupted True", "thought", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_a_handler_that_may_be_cancelled_crashes_and_is_stopped_like_any_other(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    async with simulation.system(stop_grace=1.0) as system:
        thinker = await system.spawn(lambda: Thinker(log), "thinker")

        with pytest.raises(ActorCrashed):
            await thinker.ask(Think(0.0, ValueError()))
        thinker.tell(Think(1000))
        await turns()

    assert log == ["stopping crashed", "interrupted True", "stopping killed"]
    assert_dead_letters(system, crashed=1, killed=1)


class Bad(Message["Fragile", None], frozen=True):
    error: Any = None


class Good(Message["Fragile", str], frozen=True):
    pass


class Fragile(Actor):
    @handles(Bad)
    async def bad(self, message: Bad) -> None:
        if message.error is not None:
            raise message.error

    @handles(Good)
    async def good(self, message: Good) -> str:
        return "good"


async def _crash(fragile: Ref[Fragile], times: int) -> None:
    for _ in range(times):
        with pytest.raises(ActorCrashed):
            await fragile.ask(Bad(ValueError()))


@simulated
async def test_a_message_that_crashes_its_actor_again_and_again_is_kept_from_it(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        fragile = await system.spawn(Fragile, "fragile")

        await _crash(fragile, 3)
        with pytest.raises(Unavailable) as caught:
            await fragile.ask(Bad(ValueError()))
        assert await fragile.ask(Good()) == "good"
        generation = fragile._find().generation

        assert 29.0 < caught.value.retry_after <= 30.0
        await anyio.sleep(31)
        await fragile.ask(Bad())  # it has rested
        await fragile.ask(Bad())
        assert generation == fragile._find().generation == 4
    assert_dead_letters(system, crashed=3, quarantined=1)


@simulated
async def test_those_that_wait_already_are_refused_too_and_crashes_of_long_ago_do_not_count(
    simulation: Simulation[None],
) -> None:
    async with simulation.system() as system:
        fragile = await system.spawn(Fragile, "fragile")
        await _crash(fragile, 2)
        await anyio.sleep(61)

        for _ in range(10):
            fragile.tell(Bad(ValueError()))
        await fragile.ask(Good(), timeout=60)

    assert_dead_letters(system, crashed=5, quarantined=7)
