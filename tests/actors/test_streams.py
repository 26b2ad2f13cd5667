"""Streaming answers: order, demand, deadlines, errors, and the many ways in which a stream ends early."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from actors import (
    Activation,
    Actor,
    ActorCrashed,
    ActorStopped,
    AskCycle,
    AskTimeout,
    Exit,
    Message,
    Ref,
    Refused,
    Stream,
    StreamMessage,
    handles,
)
from actors.testing import BACKENDS, Simulation, assert_dead_letters, simulate
from tests.support.simulated import simulated, turns


class Count(StreamMessage["Counter", int], frozen=True):
    to: int
    pause: float = 0.0
    error: Any = None


class Scoped(StreamMessage["Counter", int], frozen=True):
    """Yields inside a cancel scope of its own."""

    limit: float


class Ping(Message["Counter", str], frozen=True):
    pass


class Crash(Message["Counter", None], frozen=True):
    pass


class Sum(Message["Counter", int], frozen=True):
    """Sums up the stream of another."""

    of: Ref[Any]
    message: Any


class No(Refused):
    pass


class Counter(Actor):
    poison = None

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def stopping(self, why: Exit) -> None:
        self.log.append(f"stopping {why.kind}")

    @handles(Count, stream=True)
    async def count(self, message: Count) -> AsyncIterator[int]:
        try:
            for number in range(message.to):
                if message.pause:
                    await anyio.sleep(message.pause)
                self.log.append(str(number))
                yield number
            if message.error is not None:
                raise message.error
        finally:
            self.log.append("over")

    @handles(Scoped, stream=True)
    async def scoped(self, message: Scoped) -> AsyncIterator[int]:
        with anyio.move_on_after(message.limit):
            for number in range(1000):
                yield number
        yield -1

    @handles(Ping)
    async def ping(self, message: Ping) -> str:
        return "pong"

    @handles(Crash)
    async def crash(self, message: Crash) -> None:
        raise ValueError

    @handles(Sum)
    async def sum(self, message: Sum) -> int:
        return sum([number async for number in message.of.stream(message.message)])


async def _take(stream: Stream[int], into: list[int]) -> None:
    async for number in stream:
        into.append(number)  # noqa: PERF401 - what came before an error counts


@simulated
async def test_the_values_come_in_order_and_the_actor_serves_others_meanwhile(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        numbers = []
        async for number in counter.stream(Count(50, pause=1.0)):
            numbers.append(number)
            assert await counter.ask(Ping()) == "pong"

        assert numbers == list(range(50))
        await turns()
        assert not counter._find().busy
        assert len(system._runtime.deadlines) == 0
    assert_dead_letters(system)


@simulated
async def test_the_generator_is_never_further_ahead_than_the_credit(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        ahead = []
        taken = 0
        async for _ in counter.stream(Count(100), credit=8):
            taken += 1
            await turns()
            ahead.append(len(log) - ("over" in log) - taken)

    assert taken == 100
    assert max(ahead) <= 8
    assert ahead[0] >= 7


@simulated
async def test_leaving_the_loop_ends_the_generator(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        async for number in counter.stream(Count(1000), credit=2):
            if number == 3:
                break
        await turns()

        assert log[-1] == "over"
        assert not counter._find().busy
        assert await counter.ask(Ping()) == "pong"
    assert_dead_letters(system)


@simulated
async def test_a_stream_in_a_variable_is_closed_by_its_block(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")
        stream = counter.stream(Count(1000), credit=2)

        async with stream as numbers:
            assert await anext(numbers) == 0
        await turns()

        assert log[-1] == "over"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert_dead_letters(system)


@simulated
async def test_cancelling_the_consumer_ends_the_generator(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        with anyio.move_on_after(3.5) as scope:
            async for _ in counter.stream(Count(1000, pause=1.0)):
                pass
        await turns()

    assert scope.cancelled_caught
    assert log == ["0", "1", "2", "over", "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_a_stream_ends_at_its_deadline(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        numbers: list[int] = []
        with pytest.raises(AskTimeout):
            await _take(counter.stream(Count(1000, pause=1.0), timeout=2.5), numbers)
        await turns()

        assert numbers == [0, 1]
        assert log == ["0", "1", "over"]
    assert_dead_letters(system)


@simulated
async def test_a_caller_may_become_more_and_less_patient_as_values_come(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")
        came: list[int] = []

        async def read() -> None:
            stream = counter.stream(Count(1000, pause=2.0), first=3.0, idle=1.0)
            async for number in stream:
                came.append(number)
                stream.wait_at_most(5.0 if number < 3 else 1.0)

        with pytest.raises(AskTimeout):
            await read()

        assert came == [0, 1, 2, 3]


@pytest.mark.parametrize(("first", "idle"), [(1.0, 30.0), (3.0, 1.0)])
def test_a_value_that_does_not_come_in_time_ends_the_stream(first: float, idle: float) -> None:
    @simulated
    async def scenario(simulation: Simulation[None]) -> None:
        log: list[str] = []
        async with simulation.system() as system:
            counter = await system.spawn(lambda: Counter(log), "counter")

            with pytest.raises(AskTimeout, match="no value of Count in time"):
                await _take(counter.stream(Count(1000, pause=2.0), first=first, idle=idle), [])
            await turns()

            assert log[-1] == "over"
        assert_dead_letters(system)

    for kind in ("asyncio", "trio"):
        with pytest.MonkeyPatch.context() as patch:
            scenario(kind, patch)


@simulated
async def test_a_consumer_that_takes_nothing_for_too_long_loses_the_stream(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        family = await system.virtual(lambda _: Counter(log), "family", activation=Activation(idle_after=60))
        stream = family.ref("1").stream(Count(1000), credit=2, idle=5.0)

        assert await anext(stream) == 0
        await anyio.sleep(20)
        over = log[-1]
        await anyio.sleep(200)

        assert over == "over"
        assert log[-1] == "stopping passivated"
        assert await anext(stream) == 1  # it was on its way
        with pytest.raises(AskTimeout, match="nobody took a value"):
            await _take(stream, [])


@simulated
async def test_a_refusal_comes_after_the_values_before_it(simulation: Simulation[None]) -> None:
    log: list[str] = []
    numbers: list[int] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        with pytest.raises(No):
            await _take(counter.stream(Count(20, error=No("enough"))), numbers)

        assert numbers == list(range(20))
        assert await counter.ask(Ping()) == "pong"
    assert log[-1] == "stopping shutdown"
    assert_dead_letters(system)


@simulated
async def test_any_other_error_crashes_the_actor_and_fails_the_consumer(simulation: Simulation[None]) -> None:
    log: list[str] = []
    numbers: list[int] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")

        with pytest.raises(ActorCrashed, match="lost it"):
            await _take(counter.stream(Count(3, error=ValueError("lost it"))), numbers)
        await turns()

        assert numbers == [0, 1, 2]
        assert log == ["0", "1", "2", "over", "stopping crashed"]
        assert await counter.ask(Ping()) == "pong"
    assert_dead_letters(system, crashed=1)


@simulated
async def test_the_end_of_the_actor_ends_its_streams(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter(log), "counter")
        stream = counter.stream(Count(1000, pause=1.0))
        assert await anext(stream) == 0

        with suppress(ActorCrashed):
            await counter.ask(Crash())

        with pytest.raises(ActorCrashed):
            await anext(stream)
        await turns()
        assert log == ["0", "over", "stopping crashed"]
        stream = counter.stream(Count(1000, pause=1.0))
        assert await anext(stream) == 0
        await system.stop(drain=False, grace=5)
        with pytest.raises(ActorStopped):
            await anext(stream)


@simulated
async def test_a_generator_may_hold_a_cancel_scope_over_its_values(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter([]), "counter")

        numbers = []
        async for number in counter.stream(Scoped(limit=1.0), credit=1):
            numbers.append(number)
            if number == 5:
                await anyio.sleep(2.0)

    assert numbers[:6] == [0, 1, 2, 3, 4, 5]
    assert numbers[-1] == -1
    assert len(numbers) <= 8
    assert_dead_letters(system)


@simulated
async def test_a_cycle_through_a_stream_is_found(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        counter = await system.spawn(lambda: Counter([]), "counter")

        async def ask_itself() -> None:
            await counter.ask(Sum(counter, Count(3)))

        with pytest.raises(ActorCrashed) as caught:
            await ask_itself()

    assert isinstance(caught.value.__cause__, AskCycle)


@simulated
async def test_an_actor_may_consume_the_stream_of_another(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        one = await system.spawn(lambda: Counter([]), "one")
        other = await system.spawn(lambda: Counter([]), "other")

        assert await one.ask(Sum(other, Count(5))) == 10

        with pytest.raises(AskTimeout):
            await one.ask(Sum(other, Count(50, pause=1.0)), timeout=3.0)
        await turns()
        assert await one.ask(Ping()) == "pong"
        assert one._find().generation == 1
        assert not other._find().busy
    assert_dead_letters(system)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("turn", range(1, 60, 2))
def test_a_consumer_cancelled_at_any_point_leaves_the_actor_free(backend: str, turn: int) -> None:
    log: list[str] = []

    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            counter = await system.spawn(lambda: Counter(log), "counter")
            try:
                async for _ in counter.stream(Count(6, pause=0.1), credit=2):
                    await anyio.lowlevel.checkpoint()
            finally:
                with anyio.CancelScope(shield=True):
                    await turns(50)
                    assert not counter._find().busy
                    assert await counter.ask(Ping()) == "pong"
                    assert len(system._runtime.deadlines) == 0

    simulate(scenario, backend=backend, cancel_at=turn)
    assert log.count("over") <= 1


@simulated
async def test_a_stream_message_that_is_asked_is_refused(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        counter: Ref[Any] = await system.spawn(lambda: Counter([]), "counter")

        with pytest.raises(ActorCrashed, match=r"Ref\.stream"):
            await counter.ask(Count(1))

        assert counter._find().generation == 1
    assert_dead_letters(system, unhandled=1)
