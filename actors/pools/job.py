"""A job of a pool, and the worker's place where it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

import anyio

from actors.actor import Actor, Handler
from actors.backends import Slot
from actors.call import Answer, Call
from actors.cell import Cell, Signal, State
from actors.errors import CallerTimedOut, Refused
from actors.exits import CrashRecord
from actors.schedule import Appointment
from actors.streams import Channel

A = TypeVar("A", bound=Actor)
Method = Callable[[Any, Any], Awaitable[Any]]


class JobCancelled(Refused):
    """Stands for the end of a job that was cancelled at its deadline; nobody waits for it any more."""


class Job:
    """One message to a pool, from the moment it is accepted to its end.

    `call` is the caller's side. The worker gets a call of its own, `turn`, so that the pool knows which of the two has ended.
    """

    __slots__ = (
        "accepted_at",
        "begun_at",
        "call",
        "channel",
        "crashed",
        "deliver",
        "key",
        "over",
        "place",
        "scope",
        "turn",
        "waiting",
    )

    call: Call[Any, Any]
    turn: Call[Any, Any]

    def __init__(self, key: Hashable | None, accepted_at: float, deliver: Callable[[Answer[Any]], None]) -> None:
        self.key = key
        self.accepted_at = accepted_at
        self.deliver = deliver
        self.begun_at: float | None = None
        self.scope: anyio.CancelScope | None = None
        """Around the handler, while it runs."""
        self.channel: Channel[Any] | None = None
        """Where the values of a stream go; None for a job with one answer."""
        self.place: Place | None = None
        """Which worker has it."""
        self.crashed = False
        """Whether the worker goes down with it."""
        self.waiting = False
        """Whether it is in the backlog."""
        self.over = False
        """Whether it has been counted as done, failed, expired or abandoned. Its worker may be busy with it still."""


class Place:
    """One worker's place in a pool, across restarts and replacements: an actor at a time, a job at a time."""

    __slots__ = ("cell", "job", "last_key", "leaving", "number", "proven", "record", "retry", "starter", "up")

    cell: Cell[Any]

    def __init__(self, number: int, record: CrashRecord, starter: Slot) -> None:
        self.number = number
        self.record = record
        self.starter: Slot | None = starter
        """Who waits for a worker to start."""
        self.job: Job | None = None
        self.last_key: Hashable | None = None
        self.proven = False
        """Whether a worker has ever started here. The first one has one try, those after it as many as it takes."""
        self.retry: Appointment | None = None
        """When a worker that is down is to be started again."""
        self.up = False
        """Whether the worker has started and not ended."""
        self.leaving = False
        """Whether it was told to stop, and is not to be started again."""

    @property
    def can_work(self) -> bool:
        """Whether its worker can be given a job now."""
        if not self.up or self.job is not None or self.leaving or self.cell.closed:
            return False
        return self.cell.told is None or self.cell.told < Signal.DRAIN

    @property
    def down(self) -> bool:
        """Whether nothing runs here, for now."""
        return self.cell.state is State.RESTARTING

    def give(self, job: Job, turn: Call[Any, Any]) -> None:
        """Put a job before the worker."""
        job.place, job.turn, self.job, self.last_key = self, turn, job, job.key
        self.cell.put(turn)

    def take_away(self, job: Job) -> bool:
        """Take back a job with which the worker has not begun; False when it has."""
        calls = self.cell.queue.calls
        if job.begun_at is not None or job.turn not in calls:
            return False
        calls.remove(job.turn)
        self.let_go(job)
        return True

    @staticmethod
    def cancel(job: Job) -> None:
        """Have the worker end a job with which it has begun. Does not wait for that."""
        if job.scope is not None:
            job.scope.cancel()
        elif job.channel is not None:
            job.turn.abandon()

    def let_go(self, job: Job) -> None:
        """The job and the worker have nothing to do with each other any more."""
        job.turn.abandon()
        job.place = job.scope = self.job = None

    def guarding(self, factory: Callable[[], A]) -> Callable[[], A]:
        """The factory of workers whose jobs can be cancelled one by one: a cancelled job does not end its worker."""

        def make() -> A:
            actor = factory()
            # The instance's table comes before the class's.
            vars(actor)["_table"] = {
                kind: ((self._noting if how is not None and how.stream else self._guard)(method, self.cell, how), how)
                for kind, (method, how) in type(actor)._table.items()  # noqa: SLF001 - the runtime's half of the class
            }
            # A worker that turns jobs away at once would be idle at once, and draw them all: a pool has its backoff for that.
            vars(actor)["poison"] = None
            return actor

        return make

    def _noting(
        self, method: Callable[[Any, Any], Any], cell: Cell[Any], _: Handler | None
    ) -> Callable[[Any, Any], Any]:
        def note(actor: Any, message: Any) -> Any:
            job = self.job
            if job is not None and self.cell is cell and job.turn.message is message:
                job.begun_at = cell.runtime.clock()
            return method(actor, message)

        return note

    def _guard(self, method: Method, cell: Cell[Any], how: Handler | None) -> Method:
        batched = how is not None and how.batch > 0

        async def guard(actor: Any, given: Any) -> Any:
            job = self.job
            if (
                job is None
                or self.cell is not cell
                or not (job.turn in given if batched else job.turn.message is given)
            ):
                return await method(actor, given)  # a message of the worker's own
            job.begun_at = cell.runtime.clock()
            with anyio.CancelScope() as job.scope:
                try:
                    return await method(actor, given)
                except BaseException as error:
                    cancelled = job.scope.cancel_called and not isinstance(error, Exception)
                    job.crashed = not (cancelled or isinstance(error, Refused | CallerTimedOut))
                    raise
            raise JobCancelled

        return guard
