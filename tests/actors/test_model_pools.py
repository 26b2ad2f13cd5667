"""A pool against a small reference model: any program of jobs, step by step.

After each step: at most `size` jobs under way and `per_key` of one key, no worker idle beside a job that may begin, order within a
key, turns between keys, and every job accepted in exactly one place of the accounts.
"""

from collections import Counter
from functools import partial
from typing import Any, TypeAlias

import anyio
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from actors import Actor, Answer, Message, Pool, handles
from actors.testing import BACKENDS, Simulation, simulate

KEYS = (None, "a", "b", "c")
TIMEOUT = 20.0

Step: TypeAlias = tuple[str, Any]
steps = st.lists(
    st.tuples(st.just("submit"), st.sampled_from(KEYS))
    | st.tuples(st.sampled_from(["end", "crash"]), st.integers(0, 9))
    | st.tuples(st.just("advance"), st.sampled_from([1.0, 8.0, 25.0]))
    | st.tuples(st.just("resize"), st.integers(1, 4)),
    max_size=40,
)


class Job(Message["Hand", int], frozen=True):
    key: Any
    number: int


class Yard:
    def __init__(self) -> None:
        self.begun: list[Job] = []
        self.gates: dict[int, tuple[Job, anyio.Event]] = {}
        self.crashing: set[int] = set()
        self.answers: dict[int, Answer[int]] = {}

    def answered(self, number: int, answer: Answer[int]) -> None:
        assert number not in self.answers, "answered twice"
        self.answers[number] = answer


class Hand(Actor):
    def __init__(self, yard: Yard) -> None:
        self.yard = yard

    @handles(Job)
    async def job(self, message: Job) -> int:
        yard = self.yard
        yard.begun.append(message)
        gate = anyio.Event()
        yard.gates[message.number] = message, gate
        try:
            await gate.wait()
        finally:
            del yard.gates[message.number]
        if message.number in yard.crashing:
            raise ValueError
        return message.number


class Model:
    """Which jobs wait, and who may be passed over how often."""

    def __init__(self, per_key: int) -> None:
        self.per_key = per_key
        self.waiting: dict[int, Job] = {}
        self.running: dict[int, Job] = {}
        self.passed_over: Counter[str | None] = Counter()

    def ready(self) -> set[str | None]:
        under_way = Counter(job.key for job in self.running.values())
        return {job.key for job in self.waiting.values() if job.key is None or under_way[job.key] < self.per_key}

    def begin(self, job: Job) -> None:
        ready = self.ready()
        assert job.key in ready, "more of one key than may be"
        assert job is next(each for each in self.waiting.values() if each.key == job.key), "out of order"
        for key in set(self.passed_over) - ready - {job.key}:
            del self.passed_over[key]
        for key in ready - {job.key}:
            self.passed_over[key] += 1
        del self.passed_over[job.key]
        assert all(times < len(KEYS) for times in self.passed_over.values()), "not in turns"
        self.running[job.number] = self.waiting.pop(job.number)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pool_does_what_its_model_says(backend: str) -> None:
    @settings(max_examples=120, print_blob=True)
    @given(program=steps, per_key=st.integers(1, 2), seed=st.none() | st.integers(0, 999))
    def check(program: list[Step], per_key: int, seed: int | None) -> None:
        simulate(lambda simulation: _follow(simulation, program, per_key), backend=backend, seed=seed)

    check()


async def _follow(simulation: Simulation[None], program: list[Step], per_key: int) -> None:
    yard = Yard()
    model = Model(per_key)
    numbers = iter(range(1000))
    async with simulation.system() as system:
        pool = await system.pool(partial(Hand, yard), "pool", size=2, per_key=per_key, queue=1000)
        for what, value in program:
            match what:
                case "submit":
                    job = Job(value, next(numbers))
                    model.waiting[job.number] = job
                    pool.request(job, partial(yard.answered, job.number), key=value, timeout=TIMEOUT)
                case "resize":
                    with anyio.move_on_after(0.0):
                        await pool.resize(value)
                case "advance":
                    await simulation.advance(value)
                case _ if yard.gates:
                    under_way = list(yard.gates.values())
                    job, gate = under_way[value % len(under_way)]
                    if what == "crash":
                        yard.crashing.add(job.number)
                    gate.set()
            await simulation.settle()
            _check(pool, yard, model)
        await system.stop(drain=True, grace=1000.0)
    accepted = next(numbers)
    assert set(yard.answers) == set(range(accepted))


def _check(pool: Pool[Hand], yard: Yard, model: Model) -> None:
    """Follow what has happened in the step, in its order."""
    ended = [number for number in model.running if number in yard.answers]
    for number in ended:
        del model.running[number]
    for number in [number for number in model.waiting if number in yard.answers and not _has_begun(yard, number)]:
        del model.waiting[number]
    for job in yard.begun:
        model.begin(job)
        if job.number in yard.answers:
            del model.running[job.number]
    yard.begun.clear()

    now = pool.statistics()
    assert set(model.running) == set(yard.gates)
    assert (now.in_flight, now.queued) == (len(model.running), len(model.waiting))
    assert now.in_flight <= max(now.workers, now.size)
    assert not (now.idle and model.ready()), "a worker is idle beside a job that may begin"
    assert now.accepted == now.done + now.failed + now.expired + now.abandoned + now.queued + now.in_flight
    answered = now.done + now.failed + now.expired
    assert answered == len(yard.answers)


def _has_begun(yard: Yard, number: int) -> bool:
    return any(job.number == number for job in yard.begun)
