"""What a pool promises under every schedule: no job is lost or done twice, keys keep their order and limit, nobody starves."""

from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import pytest

from actors import Answer, AskFailed, Backoff, Pool, Refused
from actors.testing import BACKENDS, Simulation, simulate
from tests.support.jobs import Cling, Labourer, Work, Yard

UNTOUCHED = {"expired", "abandoned", "mailbox_full", "unavailable", "stopped"}
"""Why a job becomes a dead letter before a worker has begun with it; the others were being handled."""


class Book:
    def __init__(self) -> None:
        self.sent = 0
        self.requested = 0
        self.answered = 0


def _check(pool: Pool[Labourer]) -> None:
    now = pool.statistics()
    assert now.accepted == now.done + now.failed + now.expired + now.abandoned + now.queued + now.in_flight
    assert now.queued <= now.capacity
    assert now.idle + now.in_flight + now.cancelling <= now.workers
    assert not (now.idle and now.queued > 0 and pool._dispatch.backlog._turns), (
        "a worker idles beside a job that may begin"
    )


async def _send(simulation: Simulation[None], pool: Pool[Labourer], sender: int, book: Book) -> None:
    random = simulation.random

    def answered(_: object) -> None:
        book.answered += 1

    for number in range(30):
        what = random.choice(["done"] * 8 + ["declined", "crash", "quit"])
        work = Work(f"{sender}:{number}", random.choice([0.0, 0.01, 0.3, 0.3, 2.0]), what)
        timeout = random.choice([0.1, 1.0, 20.0, 20.0])
        book.sent += 1
        with suppress(AskFailed, Refused), anyio.move_on_after(random.choice([0.05, 1.0, 10.0])):
            if random.random() < 0.7:
                pool.request(work, answered, key=str(sender), timeout=timeout)
                book.requested += 1
            else:
                await pool.ask(work, key=str(sender), timeout=timeout)
        _check(pool)
        if random.random() < 0.3:
            await anyio.sleep(random.choice([0.0, 0.05, 1.0]))


async def _cling(simulation: Simulation[None], pool: Pool[Labourer], book: Book) -> None:
    gates: list[anyio.Event] = []
    for _ in range(simulation.random.randrange(3)):
        gates.append(anyio.Event())
        book.sent += 1
        with suppress(AskFailed):
            await pool.ask(Cling(gates[-1]), timeout=simulation.random.choice([0.1, 2.0]))
        _check(pool)
    await anyio.sleep(20)
    for gate in gates:
        gate.set()


async def _resize(simulation: Simulation[None], pool: Pool[Labourer]) -> None:
    for _ in range(6):
        await anyio.sleep(simulation.random.choice([0.0, 0.3, 2.0]))
        with anyio.move_on_after(simulation.random.choice([0.1, 100.0])), suppress(AskFailed):
            size = simulation.random.randrange(1, 6)
            await pool.resize(size)
            assert pool.statistics().workers <= size
        _check(pool)


async def _storm(simulation: Simulation[None]) -> None:
    random = simulation.random
    book, yard = Book(), Yard()
    per_key = random.choice([1, 1, 2])
    async with simulation.system() as system:
        pool = await system.pool(
            partial(Labourer, yard),
            "pool",
            size=random.randrange(1, 5),
            queue=random.choice([4, 20, 1000]),
            per_key=per_key,
            backoff=Backoff(initial=0.1, maximum=1.0),
            cancel_grace=0.5,
        )
        async with anyio.create_task_group() as group:
            for sender in range(4):
                group.start_soon(_send, simulation, pool, sender, book)
            group.start_soon(_cling, simulation, pool, book)
            group.start_soon(_resize, simulation, pool)
            if random.random() < 0.3:
                await anyio.sleep(random.choice([0.5, 5.0]))
                await pool.stop(drain=random.random() < 0.5, grace=random.choice([0.2, 30.0]))
                _check(pool)
        await pool.stop(drain=True, grace=200.0)

        _check(pool)
        statistics = pool.statistics()
        clings = book.sent - 120
    assert (statistics.queued, statistics.in_flight, statistics.workers, statistics.keys) == (0, 0, 0, 0)
    assert book.answered == book.requested
    assert max(yard.most_under_way.values(), default=0) <= per_key
    assert len(set(yard.log)) == len(yard.log), "done twice"
    untouched = sum(count for reason, count in system.dead_letters.counts.items() if reason in UNTOUCHED)
    assert book.sent - clings <= len(yard.log) + untouched <= book.sent
    if per_key == 1:
        for sender in range(4):
            numbers = [int(name.partition(":")[2]) for name in yard.log if name.startswith(f"{sender}:")]
            assert numbers == sorted(numbers)
    assert yard.under_way.total() == 0
    assert len(system._runtime.deadlines) == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("block", range(4))
def test_jobs_are_conserved_and_keys_keep_order_and_limit_under_every_schedule(backend: str, block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        simulate(_storm, backend=backend, seed=seed)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nobody_starves_beside_a_key_that_always_has_jobs_waiting(backend: str) -> None:
    async def scenario(simulation: Simulation[float]) -> float:
        longest = 0.0
        async with simulation.system() as system:
            pool = await system.pool(partial(Labourer, Yard()), "pool", size=2, queue=100, per_key=2)

            async def flood() -> None:
                while True:
                    with suppress(AskFailed):
                        pool.request(Work("flood:1", 1.0), lambda _: None, key="flood", timeout=1000.0)
                    await anyio.sleep(0.1)

            async def visit(key: str) -> None:
                nonlocal longest
                for _ in range(20):
                    begun = simulation.now
                    await pool.ask(Work(f"{key}:1", 0.5), key=key, timeout=1000.0)
                    longest = max(longest, simulation.now - begun)
                    await anyio.sleep(simulation.random.random())

            async with anyio.create_task_group() as group:
                group.start_soon(flood)
                async with anyio.create_task_group() as visitors:
                    for key in "abc":
                        visitors.start_soon(visit, key)
                group.cancel_scope.cancel()
            assert pool.statistics().rejected > 0
        return longest

    for seed in range(10):
        longest = simulate(scenario, backend=backend, seed=seed).result

        assert longest is not None
        assert longest <= 3.5  # three turns of others, at most a second each, and its own half


@pytest.mark.parametrize("backend", BACKENDS)
def test_with_heavy_tailed_jobs_the_99th_percentile_is_far_below_that_of_round_robin(backend: str) -> None:
    workers, jobs, load, sigma = 8, 4000, 0.8, 1.5

    async def scenario(simulation: Simulation[tuple[float, float]], *, pooled: bool) -> tuple[float, float]:
        random = simulation.random
        times: list[float] = []

        def keep(begun: float, answer: Answer[Any]) -> None:
            answer.result()
            times.append(simulation.now - begun)

        async with simulation.system() as system:
            make = partial(Labourer, Yard())
            pool = await system.pool(make, "pool", size=workers, queue=jobs)
            refs = [await system.spawn(make, str(number)) for number in range(workers)]
            for number in range(jobs):
                work = Work("job", random.lognormvariate(-sigma * sigma / 2, sigma))
                kept = partial(keep, simulation.now)
                if pooled:
                    pool.request(work, kept, timeout=1e5)
                else:
                    refs[number % workers].request(work, kept, timeout=1e5)
                await anyio.sleep(random.expovariate(load * workers))
            await anyio.sleep(1000)
        assert len(times) == jobs
        times.sort()
        return times[jobs // 2], times[jobs * 99 // 100]

    pulled = simulate(partial(scenario, pooled=True), backend=backend).result
    dealt = simulate(partial(scenario, pooled=False), backend=backend).result

    assert pulled is not None
    assert dealt is not None
    assert dealt[1] > 3 * pulled[1]
    assert dealt[0] > pulled[0]
