"""Streams of an actor and of a pool against a small reference model: any program of opening, taking and leaving, step by step.

After each step: every stream has given its values once and in order, no generator is further ahead than its credit, and each has
ended exactly once, when its consumer has left or has had everything.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import anyio
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from actors import Actor, Refused, Stream, StreamMessage, handles
from actors.testing import BACKENDS, Simulation, assert_dead_letters, simulate

Step: TypeAlias = tuple[str, Any]
steps = st.lists(
    st.tuples(st.just("open"), st.tuples(st.integers(1, 5), st.integers(0, 12), st.booleans()))
    | st.tuples(st.just("take"), st.tuples(st.integers(0, 5), st.integers(1, 6)))
    | st.tuples(st.sampled_from(["leave", "cancel"]), st.tuples(st.integers(0, 5), st.just(0))),
    max_size=25,
)
TOGETHER = 6
"""How many streams at most are open at once: as many as the pool has workers."""


class Count(StreamMessage["Source", int], frozen=True):
    number: int
    to: int
    refuses: bool


class Source(Actor):
    def __init__(self, made: Counter[int], over: Counter[int]) -> None:
        self.made = made
        self.over = over

    @handles(Count, stream=True)
    async def count(self, message: Count) -> AsyncIterator[int]:
        try:
            for value in range(message.to):
                self.made[message.number] += 1
                yield value
            if message.refuses:
                raise Refused
        finally:
            self.over[message.number] += 1


class Open:
    """What the model knows of one open stream."""

    def __init__(self, stream: Stream[int], message: Count, credit: int) -> None:
        self.stream = stream
        self.message = message
        self.credit = credit
        self.taken = 0
        self.begun = False


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("served_by", ["actor", "pool"])
def test_streams_do_what_their_model_says(backend: str, served_by: str) -> None:
    @settings(max_examples=100, print_blob=True)
    @given(program=steps, seed=st.none() | st.integers(0, 999))
    def check(program: list[Step], seed: int | None) -> None:
        simulate(lambda simulation: _follow(simulation, program, served_by), backend=backend, seed=seed)

    check()


async def _follow(simulation: Simulation[None], program: list[Step], served_by: str) -> None:
    made, over, expected = Counter[int](), Counter[int](), Counter[int]()
    streams: list[Open] = []
    async with simulation.system() as system:
        factory = partial(Source, made, over)
        source: Any = (
            await system.spawn(factory, "source")
            if served_by == "actor"
            else await system.pool(factory, "pool", size=TOGETHER)
        )
        for number, (what, (which, much, *refuses)) in enumerate(program):
            if what == "open":
                if len(streams) < TOGETHER:
                    message = Count(number, much, refuses[0])
                    streams.append(Open(source.stream(message, credit=which), message, which))
                continue
            if not streams:
                continue
            stream = streams[which % len(streams)]
            if what == "take":
                ended = await _take(stream, much)
            else:
                if what == "cancel" and stream.begun:  # one that has not begun may be a dead letter, or not
                    with anyio.CancelScope() as scope, suppress(StopAsyncIteration, Refused):
                        scope.cancel()
                        await anext(stream.stream)
                stream.stream.close()  # one that has something to give gives it without waiting, and is not cancelled
                ended = True
            if ended:
                streams.remove(stream)
                expected[stream.message.number] += stream.begun
            await simulation.settle()

            finished = {each.message.number for each in streams if made[each.message.number] == each.message.to}
            assert all(times == 1 for times in over.values())
            assert set(+expected) <= set(over) <= set(+expected) | finished
            assert all(made[each.message.number] - each.taken <= each.credit for each in streams)
        for stream in streams:
            stream.stream.close()
            expected[stream.message.number] += stream.begun
        await simulation.settle()
        assert +over == +expected
        assert len(system._runtime.deadlines) == 0
        if served_by == "pool":
            now = source.statistics()
            assert (now.idle, now.stuck) == (TOGETHER, 0)
            assert now.accepted == now.done + now.failed + now.abandoned
    assert_dead_letters(system)


async def _take(stream: Open, much: int) -> bool:
    """Take so many values; whether the stream has ended with that."""
    message = stream.message
    for _ in range(much):
        stream.begun = True
        try:
            value = await anext(stream.stream)
        except StopAsyncIteration:
            assert (stream.taken, message.refuses) == (message.to, False)
            return True
        except Refused:
            assert (stream.taken, message.refuses) == (message.to, True)
            return True
        assert value == stream.taken
        stream.taken += 1
    return False
