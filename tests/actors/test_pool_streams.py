"""Streams served by a pool: a worker for as long as its generator runs, demand, deadlines, and every way of leaving."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from actors import (
    Actor,
    ActorCrashed,
    ActorStopped,
    AskCycle,
    AskTimeout,
    MailboxFull,
    Message,
    Pool,
    Refused,
    Stream,
    StreamMessage,
    handles,
)
from actors.testing import BACKENDS, Simulation, assert_dead_letters, simulate
from tests.support.simulated import simulated, turns


class Generate(StreamMessage["Writer", int], frozen=True):
    to: int
    pause: float = 0.0
    error: Any = None


class Cling(StreamMessage["Writer", int], frozen=True):
    """Does not let go before the gate opens."""

    gate: anyio.Event


class Again(StreamMessage["Writer", int], frozen=True):
    """Streams from the worker's own pool."""

    pool: Any


class Ping(Message["Writer", str], frozen=True):
    pass


class No(Refused):
    pass


class Writer(Actor):
    def __init__(self, log: list[str]) -> None:
        self.log = log

    @handles(Generate, stream=True)
    async def generate(self, message: Generate) -> AsyncIterator[int]:
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

    @handles(Cling, stream=True)
    async def cling(self, message: Cling) -> AsyncIterator[int]:
        yield 0
        with anyio.CancelScope(shield=True):
            await message.gate.wait()

    @handles(Again, stream=True)
    async def again(self, message: Again) -> AsyncIterator[int]:
        async for number in message.pool.stream(Generate(3)):
            yield number

    @handles(Ping)
    async def ping(self, message: Ping) -> str:
        return "pong"


async def _take(stream: Stream[int], into: list[int]) -> None:
    async for number in stream:
        into.append(number)  # noqa: PERF401 - what came before an error counts


def _balance(pool: Pool[Any]) -> None:
    now = pool.statistics()
    assert now.accepted == now.done + now.failed + now.expired + now.abandoned + now.queued + now.in_flight


@simulated
async def test_values_come_in_order_and_the_worker_is_taken_until_the_end(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, log), "pool", size=1)
        answers: list[str] = []

        async def ask() -> None:
            answers.append(await pool.ask(Ping(), timeout=100))

        numbers = []
        async with anyio.create_task_group() as group:
            async for number in pool.stream(Generate(5, pause=1.0)):
                numbers.append(number)
                if number == 0:
                    group.start_soon(ask)
                assert answers == []

        assert numbers == [0, 1, 2, 3, 4]
        assert answers == ["pong"]
        assert (pool.statistics().done, pool.statistics().idle) == (2, 1)
        _balance(pool)
    assert_dead_letters(system)


@simulated
async def test_the_worker_is_never_further_ahead_than_the_credit(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, log), "pool", size=2)
        ahead = []
        taken = 0
        async for _ in pool.stream(Generate(100), credit=8):
            taken += 1
            await turns()
            ahead.append(len(log) - ("over" in log) - taken)

    assert taken == 100
    assert max(ahead) <= 8


@pytest.mark.parametrize("way", ["break", "cancel", "close"])
def test_a_consumer_that_leaves_ends_the_generator_and_frees_the_worker_at_once(way: str) -> None:
    @simulated
    async def scenario(simulation: Simulation[None]) -> None:
        log: list[str] = []
        async with simulation.system() as system:
            pool = await system.pool(partial(Writer, log), "pool", size=1)
            match way:
                case "break":
                    async for number in pool.stream(Generate(1000), credit=2):
                        if number == 3:
                            break
                case "cancel":
                    with anyio.move_on_after(3.5):
                        async for _ in pool.stream(Generate(1000, pause=1.0)):
                            pass
                case _:
                    async with pool.stream(Generate(1000), credit=2) as numbers:
                        assert await anext(numbers) == 0
            before = simulation.now

            assert await pool.ask(Ping()) == "pong"
            assert simulation.now == before
            assert log[-1] == "over"
            assert (pool.statistics().abandoned, pool.statistics().stuck, pool.statistics().idle) == (1, 0, 1)
            _balance(pool)
            assert len(system._runtime.deadlines) == 0
        assert_dead_letters(system)

    for kind in ("asyncio", "trio"):
        with pytest.MonkeyPatch.context() as patch:
            scenario(kind, patch)


@simulated
async def test_a_stream_that_waits_for_a_worker_is_a_dead_letter_when_its_consumer_leaves(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, log), "pool", size=1)
        async with pool.stream(Generate(10, pause=1.0)) as first:
            assert await anext(first) == 0
            with anyio.move_on_after(2):
                await anext(pool.stream(Generate(1)))
            assert (pool.statistics().queued, pool.statistics().abandoned) == (0, 1)
    assert_dead_letters(system, abandoned=1)


@simulated
async def test_a_stream_ends_at_its_deadline_waiting_or_running(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, log), "pool", size=1)
        running = pool.stream(Generate(1000, pause=1.0), timeout=3.5)
        assert await anext(running) == 0
        with pytest.raises(AskTimeout):
            await anext(pool.stream(Generate(1), timeout=1.0))
        with pytest.raises(AskTimeout):
            assert [number async for number in running] == []
        await turns()

        assert simulation.now == pytest.approx(3.5, abs=0.02)
        assert log == ["0", "1", "2", "over"]
        assert (pool.statistics().expired, pool.statistics().idle) == (2, 1)
        _balance(pool)
    assert_dead_letters(system, expired=1)


@simulated
async def test_refusals_and_crashes_come_after_the_values_before_them(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, log), "pool", size=1)
        for error, raised in ((No("enough"), No), (ValueError("lost it"), ActorCrashed)):
            numbers: list[int] = []
            with pytest.raises(raised):
                await _take(pool.stream(Generate(3, error=error)), numbers)
            assert numbers == [0, 1, 2]
            assert await pool.ask(Ping(), timeout=100) == "pong"
        assert pool.statistics().failed == 2
        _balance(pool)
    assert_dead_letters(system, crashed=1)


@simulated
async def test_a_generator_that_does_not_let_go_has_its_worker_replaced(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, []), "pool", size=1, cancel_grace=2.0)
        async with pool.stream(Cling(gate), credit=2) as numbers:
            assert await anext(numbers) == 0
            await turns()
        before = simulation.now

        assert await pool.ask(Ping(), timeout=100) == "pong"
        assert simulation.now == pytest.approx(before + 2.0, abs=0.02)
        children = system.tree().children[0].children
        gate.set()
        assert [each.state for each in children] == ["running", "stuck"]
        await simulation.advance(10)
        assert [each.state for each in system.tree().children[0].children] == ["running"]
        assert pool.statistics().stuck == 1
        _balance(pool)


@simulated
async def test_the_end_of_the_pool_ends_its_streams(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, []), "pool", size=1)
        stream = pool.keyed("a").stream(Generate(1000, pause=1.0))
        assert await anext(stream) == 0
        await system.stop_child("pool", grace=1.0)
        with pytest.raises(ActorStopped):
            await _take(stream, [])
    assert_dead_letters(system)


@simulated
async def test_a_full_queue_rejects_and_a_worker_may_not_stream_from_its_own_pool(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        pool = await system.pool(partial(Writer, []), "pool", size=1, queue=1)
        with pytest.raises(ActorCrashed) as caught:
            await anext(pool.stream(Again(pool)))
        assert isinstance(caught.value.__cause__, AskCycle)
        async with pool.stream(Generate(10, pause=1.0)) as one:
            assert await anext(one) == 0
            pool.request(Ping(), lambda _: None, timeout=100)
            with pytest.raises(MailboxFull):
                await anext(pool.stream(Generate(1)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("turn", range(1, 60, 2))
def test_a_consumer_cancelled_at_any_point_leaves_the_worker_free(backend: str, turn: int) -> None:
    log: list[str] = []

    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            pool = await system.pool(partial(Writer, log), "pool", size=1)
            try:
                async for _ in pool.stream(Generate(6, pause=0.1), credit=2):
                    await anyio.lowlevel.checkpoint()
            finally:
                with anyio.CancelScope(shield=True):
                    await turns(50)
                    assert await pool.ask(Ping()) == "pong"
                    assert (pool.statistics().idle, pool.statistics().stuck) == (1, 0)
                    _balance(pool)
                    assert len(system._runtime.deadlines) == 0

    simulate(scenario, backend=backend, cancel_at=turn)
    assert log.count("over") <= 1
