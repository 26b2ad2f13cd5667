"""One scenario under virtual time and a scheduler that a seed decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import anyio

from actors.system import ActorSystem
from actors.testing.asyncio_scheduler import AsyncioScheduler
from actors.testing.fault_points import Faults
from actors.testing.trio_scheduler import TrioScheduler

R = TypeVar("R")

BACKENDS = ("asyncio", "trio")
"""The event loops that can be simulated."""
LIMIT = 86_400.0
"""After how much virtual time a scenario counts as stuck, in seconds: a day."""


class Simulation(Generic[R]):
    """One run of a scenario. `seed` None means first come, first served, as in production."""

    def __init__(self, backend: str, seed: int | None, faults: Faults, settle: Callable[[], Awaitable[None]]) -> None:
        self.backend = backend
        self.seed = seed
        self.random = Random(seed or 0)
        """Randomness for the scenario itself, apart from the scheduler's; the same in every run without a seed."""
        self.faults = faults
        """Where the scenario may be made to fail."""
        self.cancelled = False
        """Whether the run, or its victim, was cut short by `cancel_at`."""
        self.result: R | None = None
        self._settle = settle
        self._victim: anyio.CancelScope | None = None

    def system(self, name: str = "simulated", **options: Any) -> ActorSystem:
        """An actor system whose jitter is seeded; its clock is the virtual one anyway."""
        return ActorSystem(name, seed=self.seed or 0, **options)

    @property
    def now(self) -> float:
        """Virtual time, in seconds."""
        return anyio.current_time()

    async def settle(self) -> None:
        """Wait until nobody else can go on without time passing. No time passes."""
        await self._settle()

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everybody do what is due by then."""
        await anyio.sleep(seconds)
        await self._settle()

    @contextmanager
    def victim(self) -> Iterator[None]:
        """The part of the scenario that `cancel_at` cancels, instead of the whole: a caller, say, whose actors live on.

        Only in runs with `victims=True`, and once in a run; elsewhere it does nothing.
        """
        if self._victim is None:
            yield
            return
        with self._victim:
            yield


class Scheduler(Protocol):
    """An event loop under simulation, from the moment it is entered."""

    options: dict[str, Any]
    """What anyio is to run it with."""

    def after_turns(self, turns: int, action: Callable[[], object]) -> None:
        """Call `action` when the running loop has turned so many times more."""
        ...

    async def settle(self) -> None:
        """Wait until every other task is blocked, without letting time pass."""
        ...

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


Scenario: TypeAlias = Callable[[Simulation[R]], Awaitable[R]]


def simulate(
    scenario: Scenario[R],
    *,
    backend: str = "asyncio",
    seed: int | None = None,
    limit: float = LIMIT,
    cancel_at: int | None = None,
    victims: bool = False,
    faults: Faults | None = None,
) -> Simulation[R]:
    """Run a scenario to its end, in virtual time; returns the run, with its `result`.

    `seed` decides the interleaving of tasks, None runs them first come, first served. `cancel_at` cancels the scenario at that
    turn of the event loop; with `victims` only what runs inside `Simulation.victim`. `faults` says which of the scenario's
    fault points fail. Raises what the scenario raises, with a note that says how to repeat it, and `TimeoutError` when the
    scenario has not ended after `limit` seconds of virtual time.
    """
    scheduler = _scheduler(backend, seed)
    faults = faults or Faults()
    simulation: Simulation[R] = Simulation(backend, seed, faults, scheduler.settle)

    async def main() -> None:
        whole = anyio.CancelScope()
        cut = whole
        if victims:
            cut = simulation._victim = anyio.CancelScope()
        with anyio.fail_after(limit), whole:
            if cancel_at is not None:
                scheduler.after_turns(cancel_at, cut.cancel)
            simulation.result = await scenario(simulation)
        simulation.cancelled = cut.cancelled_caught

    try:
        with scheduler:
            anyio.run(main, backend=backend, backend_options=scheduler.options)
    except BaseException as error:
        error.add_note(f"simulated with backend={backend!r}, seed={seed!r}, cancel_at={cancel_at!r}{faults}")
        raise
    return simulation


def explore(
    scenario: Scenario[Any],
    *,
    seeds: Iterable[int | None] = range(20),
    backends: Iterable[str] = BACKENDS,
    limit: float = LIMIT,
) -> None:
    """Run a scenario first come, first served, then under each seed, on each event loop. The first failure ends it."""
    schedules = [None, *seeds]
    for backend in backends:
        for seed in schedules:
            simulate(scenario, backend=backend, seed=seed, limit=limit)


def _scheduler(backend: str, seed: int | None) -> Scheduler:
    match backend:
        case "asyncio":
            return AsyncioScheduler(seed)
        case "trio":
            return TrioScheduler(seed)
        case _:
            msg = f"there is no simulation of {backend!r}, only of {', '.join(BACKENDS)}"
            raise ValueError(msg)
