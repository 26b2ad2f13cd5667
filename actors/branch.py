"""A supervisor as the runtime sees it: its units in order, and what it does when one of them ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import cast

import anyio
import structlog
from anyio import TaskHandle

from actors.child import SHUTDOWN
from actors.errors import RestartIntensityReached, StartFailed, Unavailable
from actors.exits import Backoff, CrashRecord, Exit, ExitKind, Intensity, Restart, Strategy
from actors.nursery import Nursery
from actors.runtime import Runtime
from actors.tree import Node
from actors.unit import Member, Unit

log = structlog.get_logger(__name__)

LEAST_GRACE = 1.0
"""What is left to each unit, in seconds, when those stopped before it have used up the time."""


class Phase(StrEnum):
    """What a supervisor is at."""

    RUNNING = "running"
    REPAIRING = "repairing"
    """It stops and starts several of its units, because one has ended."""
    FAILED = "failed"
    """It has seen more restarts than it allows, and stops its units before it tells its own supervisor."""
    HALTED = "restarting"
    """Its units are held, and itself with them."""
    RESUMING = "starting"
    """It starts its units again."""
    STOPPING = "stopping"


class Branch:
    """Keeps its units running. Itself a `Member` of the supervisor above it, and the `Parent` of those below.

    A unit that ends is restarted by the strategy, with its own backoff. More restarts than `intensity` allows, of all units
    together, make the supervisor fail: it stops its units in reverse order and is one crashed member of its parent. The root
    has no parent; there `failed` is told, and then has to stop the units.
    """

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        *,
        nursery: Nursery,
        strategy: Strategy,
        intensity: Intensity,
        backoff: Backoff,
        restart: Restart = Restart.PERMANENT,
        parent: Branch | None = None,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.runtime = runtime
        self.nursery = nursery
        self.name = name
        self.path: str = name if parent is None else f"{parent.path}/{name}"
        self._intensity = intensity
        self._backoff = backoff
        self.record = CrashRecord(intensity, backoff) if parent is None else parent.new_record()
        self.gone = False
        self.restarts = 0
        self._phase = Phase.RUNNING
        self._strategy = strategy
        self._restart_type = restart
        self._parent = parent
        self._failed = failed
        self._restarts_seen = self.new_record()
        self._units: dict[str, Unit] = {}
        self._job: TaskHandle[None] | None = None
        self._steps = anyio.CancelScope()
        self._error: RestartIntensityReached | None = None
        self._retry_at = 0.0

    def new_record(self) -> CrashRecord:
        """An empty record, held against what this supervisor allows."""
        return CrashRecord(self._intensity, self._backoff)

    # -- units -----------------------------------------------------------------------------------------------------------

    def adopt(self, name: str, unit: Unit) -> None:
        """Add a unit, as the last one.

        Raises `ValueError` when there is one of this name, and `Unavailable` while the supervisor restarts, stops or has failed.
        """
        if self._phase is not Phase.RUNNING:
            raise Unavailable(f"{self.path} is {self._phase}", retry_after=1.0)
        if name in self._units:
            raise ValueError(f"{self.path} has a child named {name} already")
        self._units[name] = unit

    def forget(self, member: Member) -> None:
        """See `Parent`."""
        if self._units.get(member.name) is member:
            del self._units[member.name]
            self._perhaps_gone()

    def __contains__(self, name: str) -> bool:
        return name in self._units

    async def stop_unit(self, name: str, *, drain: bool, grace: float) -> None:
        """Stop one unit for good."""
        unit = self._units[name]
        await unit.stop(drain=drain, grace=grace)
        if unit.gone and self._units.get(name) is unit:
            del self._units[name]

    def nodes(self, now: float) -> list[Node]:
        """The units, in the order in which they were started."""
        return [unit.node(now) for unit in self._units.values()]

    def node(self, now: float) -> Node:
        """See `Unit`."""
        return Node(path=self.path, state=self._phase, restarts=self.restarts, children=self.nodes(now))

    # -- when a unit ends ------------------------------------------------------------------------------------------------

    def ended(self, member: Member, exit_: Exit) -> None:
        """See `Parent`."""
        member.hold()
        if self._phase in {Phase.FAILED, Phase.HALTED}:
            return
        now = self.runtime.clock()
        if not self._restarts_seen.add(now):
            self._exceeded(member, exit_)
            return
        member.record.add(now)
        when = now + member.record.delay(self.runtime.random.random())
        if self._strategy is Strategy.ONE_FOR_ONE or self._phase is Phase.STOPPING:
            member.restart(
                when
            )  # while the supervisor stops, those that drain may need the ones that stand before them
        else:
            self._retry_at = max(self._retry_at, when)
            if self._phase is Phase.RUNNING:
                self._repair_soon()

    def _exceeded(self, member: Member, exit_: Exit) -> None:
        error = RestartIntensityReached(f"{member.path} ended once more than {self.path} allows")
        error.__cause__ = exit_.error
        log.error("supervisor.failed", path=self.path, exc_info=error)
        resuming = self._phase is Phase.RESUMING
        if self._phase is not Phase.STOPPING:
            self._phase = Phase.FAILED
        if self._failed is not None:
            self._failed(error)
        elif self._phase is Phase.FAILED:
            self._error = error
            if self._job is None and not resuming:
                self._begin(_nothing)
        self._steps.cancel()

    # -- work that takes time ----------------------------------------------------------------------------------------------

    def _begin(self, steps: Callable[[], Awaitable[Exit | None]]) -> None:
        self._steps = anyio.CancelScope()
        self._job = self.nursery.start(self._work, steps)

    async def _work(self, steps: Callable[[], Awaitable[Exit | None]]) -> None:
        job = self._job
        exit_ = None
        with self._steps:
            exit_ = await steps()
        if self._error is not None:
            await self._halt_units()
            exit_ = Exit(ExitKind.CRASHED, self._error)
        if self._job is job:  # the last step may have begun something else
            self._job = None
        if exit_ is None or self._parent is None:
            return
        if self._restart_type is Restart.TEMPORARY:
            await self.stop(drain=False, grace=SHUTDOWN)
        else:
            self._parent.ended(self, exit_)

    async def _interrupt(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
            await job.wait()

    def _repair_soon(self) -> None:
        self._phase = Phase.REPAIRING
        self._begin(self._repair)

    async def _repair(self) -> Exit | None:
        """Stop and start whom the strategy names, again and again until all of them run."""
        while (first := self._first_held()) is not None:
            units = list(self._units.values())[first:]
            log.warning("supervisor.restarting", path=self.path, strategy=self._strategy, units=len(units))
            for unit in reversed(units):
                await unit.halt()
            await anyio.sleep(max(0.0, self._retry_at - self.runtime.clock()))
            for number, unit in enumerate(units, start=1):
                if (exit_ := await unit.resume()) is not None:
                    self.ended(cast("Member", unit), exit_)  # of the units only members fail
                    if self._phase is Phase.FAILED:
                        return None
                if any(each.held for each in units[:number]):
                    break
        self._phase = Phase.RUNNING
        return None

    def _first_held(self) -> int | None:
        for place, unit in enumerate(self._units.values()):
            if unit.held:
                return 0 if self._strategy is Strategy.ONE_FOR_ALL else place
        return None

    # -- as a member of the supervisor above -----------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """See `Unit`."""
        return self._phase is Phase.HALTED

    def hold(self) -> None:
        """See `Member`."""
        self._phase = Phase.HALTED

    def restart(self, when: float) -> None:
        """See `Member`."""
        self._begin(partial(self._come_back, when))

    async def _come_back(self, when: float) -> Exit | None:
        await anyio.sleep(max(0.0, when - self.runtime.clock()))
        return await self.resume()

    async def resume(self) -> Exit | None:
        """See `Unit`."""
        if not self.held:
            return None
        self._phase = Phase.RESUMING
        self._error = None
        self._restarts_seen = self.new_record()
        self.restarts += 1
        log.info("supervisor.restarted", path=self.path, restarts=self.restarts)
        for unit in list(self._units.values()):
            exit_ = await unit.resume()
            if self._phase is Phase.STOPPING:
                return None
            if exit_ is not None or self._error is not None:
                return await self._not_resumed(exit_)
        self._phase = Phase.RUNNING
        if self._strategy is not Strategy.ONE_FOR_ONE and self._first_held() is not None:
            self._repair_soon()
        return None

    async def _not_resumed(self, exit_: Exit | None) -> Exit:
        await self._halt_units()
        self._phase = Phase.HALTED
        if exit_ is None:
            return Exit(ExitKind.CRASHED, self._error)
        error = StartFailed(f"{self.path} did not start")
        error.__cause__ = exit_.error
        return Exit(ExitKind.CRASHED, error)

    async def halt(self) -> None:
        """See `Unit`."""
        if self._restart_type is Restart.TEMPORARY:
            await self.stop(drain=False, grace=SHUTDOWN)
            return
        self._phase = Phase.HALTED
        await self._interrupt()
        await self._halt_units()

    async def _halt_units(self) -> None:
        for unit in reversed(list(self._units.values())):
            await unit.halt()

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Stop the units in reverse order of starting, within about `grace` seconds."""
        self._phase = Phase.STOPPING
        await self._interrupt()
        deadline = self.runtime.clock() + grace
        for name in reversed(list(self._units)):
            left = deadline - self.runtime.clock()
            if name in self._units:  # it may have ended by itself meanwhile
                await self.stop_unit(name, drain=drain, grace=max(left, min(grace, LEAST_GRACE)))
        self._perhaps_gone()

    def _perhaps_gone(self) -> None:
        if self._phase is Phase.STOPPING and not self._units and not self.gone:
            self.gone = True
            if self._parent is not None:
                self._parent.forget(self)


async def _nothing() -> Exit | None:
    return None
