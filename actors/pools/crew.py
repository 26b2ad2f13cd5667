"""The workers of a pool: hired, restarted after a crash, replaced when stuck, let go when there are too many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
import structlog

from actors.actor import Actor
from actors.call import Answer
from actors.cell import Cell, Limits, Signal, State
from actors.errors import ActorStopped, StartFailed
from actors.exits import Backoff, CrashRecord, Exit, Intensity
from actors.mailbox import Mailbox
from actors.nursery import Nursery, stop_cells
from actors.pools.job import Place
from actors.runtime import Runtime

A = TypeVar("A", bound=Actor)

log = structlog.get_logger(__name__)


class Crew(Generic[A]):
    """As many workers as `size` says. `free` is told of a place whose worker can take a job, `lost` of one whose worker has ended."""

    def __init__(
        self,
        runtime: Runtime,
        path: str,
        *,
        nursery: Nursery,
        factory: Callable[[], A],
        backoff: Backoff,
        limits: Limits,
        free: Callable[[Place], None],
        lost: Callable[[Place], None],
    ) -> None:
        self.path = path
        self.size = 0
        self.cells: set[Cell[Any]] = set()
        """Those that work, for looking up; in `places` they are in order."""
        self.stuck: dict[Cell[Any], None] = {}
        """Those that were replaced and have not ended."""
        self._runtime = runtime
        self._nursery = nursery
        self._factory = factory
        self._backoff = backoff
        self._limits = limits
        self._free = free
        self._lost = lost
        self._places: dict[int, Place] = {}
        self._changed = anyio.Event()
        self._all_down = anyio.Event()
        self._closing = False
        self._halting = False

    @property
    def places(self) -> list[Place]:
        """All that have a worker, or will have one again."""
        return list(self._places.values())

    @property
    def in_flight(self) -> bool:
        """Whether a worker holds a job."""
        return any(place.job is not None for place in self._places.values())

    async def changed(self) -> None:
        """Wait until a job has ended, or a worker has gone."""
        await self._changed.wait()

    def change(self) -> None:
        """Wake those who wait for a change."""
        self._changed.set()
        self._changed = anyio.Event()

    async def resize(self, size: int, idle: Iterable[Place]) -> None:
        """See `Pool.resize`."""
        self.size = size
        starting = [self._hire() for _ in range(size - self._staying)]
        for place in [*(each for each in self.places if not each.up), *idle]:
            self._free(place)
        self.change()
        answers = [await starter.wait() for starter in starting]
        for answer in answers:
            answer.result()
        while len(self._places) > self.size:
            await self.changed()

    def releases(self, place: Place) -> bool:
        """Let a worker without a job go if there are too many."""
        if place.leaving or place.job is not None or self._staying <= self.size:
            return place.leaving
        self._dismiss(place)
        return True

    def replace(self, place: Place, seconds: float) -> None:
        """Give the place of a worker that does not let go of its job to another one, of the next generation."""
        stuck, job = place.cell, place.job
        log.error("pool.worker_stuck", path=stuck.path, generation=stuck.generation, seconds=seconds)
        if job is not None:
            place.let_go(job)
        self._replace(place)
        self._next(place)

    async def halt(self, *, grace: float) -> None:
        """Stop them all, to be started again by `resume`. Those that do not end are replaced."""
        self._halting = True
        for place in self.places:
            self._cancel_retry(place)
        for cell in await self._go_down(grace):
            place = next(each for each in self.places if each.cell is cell)
            if (job := place.job) is not None:
                job.turn.refuse(ActorStopped(cell.path))
            self._replace(place)

    async def resume(self) -> None:
        """Start them all again, and wait until each has started, or has failed to and is tried again later."""
        self._halting = False
        places = [place for place in self.places if place.down]
        starters = [self._runtime.backend.slot() for _ in places]
        for place, starter in zip(places, starters, strict=True):
            place.starter = starter
            self._run(place)
        for starter in starters:
            await starter.wait()

    async def stop(self, *, grace: float) -> None:
        """Stop them all for good; one that does not end is reported as stuck, and stays until it does."""
        self._closing = True
        for place in self.places:
            if place.down:
                self._forget(place)
        for cell in await self._go_down(grace):
            cell.close(State.STUCK, ActorStopped(cell.path), "stopped")

    async def _go_down(self, grace: float) -> list[Cell[Any]]:
        self._all_down = anyio.Event()
        return await stop_cells(self._running_cells, lambda: self._all_down, drain=False, grace=grace)

    def _running_cells(self) -> list[Cell[Any]]:
        return [place.cell for place in self._places.values() if not place.down]

    # -- one place ---------------------------------------------------------------------------------------------------------

    @property
    def _staying(self) -> int:
        return sum(not place.leaving for place in self._places.values())

    def _hire(self) -> Any:
        number = next(number for number in range(len(self._places) + 1) if number not in self._places)
        starter = self._runtime.backend.slot()
        place = Place(number, CrashRecord(Intensity(), self._backoff), starter)
        place.cell = self._cell(place)
        self._places[number] = place
        self._run(place)
        return starter

    def _cell(self, place: Place) -> Cell[A]:
        return Cell(
            self._runtime,
            self.path,
            str(place.number),
            factory=place.guarding(self._factory),
            mailbox=Mailbox(),
            limits=self._limits,
        )

    def _run(self, place: Place) -> None:
        self._cancel_retry(place)
        self.cells.add(place.cell)
        place.cell.announce = partial(self._started, place, place.cell)
        self._nursery.run(place.cell, partial(self._exited, place))

    def _started(self, place: Place, cell: Cell[Any], _: Answer[None]) -> None:
        if place.cell is cell:
            place.up = place.proven = True
            self._announce(place, Answer(None))
            self._free(place)

    def _exited(self, place: Place, cell: Cell[Any], exit_: Exit) -> None:
        if place.cell is not cell:  # the late end of one that was replaced
            self.stuck.pop(cell, None)
            return
        place.up = False
        self._lost(place)
        if place.proven:
            self._next(place)
            self._announce(place, Answer(None))  # whoever resumes it need not wait for the next try
            return
        error = StartFailed(f"{cell.path} did not start")
        error.__cause__ = exit_.error
        self._forget(place)
        self.size = min(self.size, self._staying)
        self._announce(place, Answer.failed(error))

    @staticmethod
    def _announce(place: Place, answer: Answer[None]) -> None:
        starter, place.starter = place.starter, None
        if starter is not None:
            starter.settle(answer)

    def _replace(self, place: Place) -> None:
        stuck = place.cell
        stuck.tell(Signal.STOP)
        self.cells.discard(stuck)
        self.stuck[stuck] = None
        place.cell = stuck.replaced()
        place.cell.state = State.RESTARTING
        place.up = False

    def _next(self, place: Place) -> None:
        """What follows the end of a worker."""
        if self._closing or place.leaving or self._staying > self.size:
            self._forget(place)
        elif self._halting:
            self._hold(place)
        else:
            self._restart(place)

    def _hold(self, place: Place) -> None:
        place.cell.state = State.RESTARTING
        place.cell.told = None
        self._perhaps_all_down()

    def _restart(self, place: Place) -> None:
        self._hold(place)
        cell, runtime = place.cell, self._runtime
        now = runtime.clock()
        place.record.add(now)
        cell.retry_at = now + place.record.delay(runtime.random.random())
        if cell.retry_at <= now:
            self._run(place)
        else:
            place.retry = runtime.schedule.at(cell.retry_at, partial(self._run, place))

    def _dismiss(self, place: Place) -> None:
        place.leaving = True
        if place.down:
            self._forget(place)
        else:
            place.cell.tell(Signal.STOP)

    @staticmethod
    def _cancel_retry(place: Place) -> None:
        retry, place.retry = place.retry, None
        if retry is not None:
            retry.cancel()

    def _forget(self, place: Place) -> None:
        self._cancel_retry(place)
        self.cells.discard(place.cell)
        place.cell.close(State.STOPPED, ActorStopped(place.cell.path), "stopped")
        self._places.pop(place.number, None)
        self.change()
        self._perhaps_all_down()

    def _perhaps_all_down(self) -> None:
        if not self._running_cells():
            self._all_down.set()
