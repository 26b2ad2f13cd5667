"""Which job goes to which worker, and what becomes of it: the accounts of a pool."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

from actors.actor import Actor
from actors.call import Answer, Call, nobody
from actors.cell import Cell, Limits
from actors.dead_letters import DeadLetter
from actors.deadlines import expire
from actors.errors import ActorStopped, AskTimeout, MailboxFull, Unavailable
from actors.exits import Backoff
from actors.message import Message
from actors.nursery import Nursery
from actors.pools.backlog import Backlog
from actors.pools.crew import Crew
from actors.pools.job import Job, Place
from actors.pools.statistics import Counts, PoolStatistics
from actors.runtime import Runtime
from actors.streams import Channel, StreamCall

A = TypeVar("A", bound=Actor)


class Dispatch(Generic[A]):
    """Brings the jobs that wait and the workers that are idle together. Whatever happens, every job accepted ends once.

    Invariant: no worker is idle beside a job that may begin.
    """

    def __init__(
        self,
        runtime: Runtime,
        path: str,
        *,
        nursery: Nursery,
        factory: Callable[[], A],
        queue: int,
        per_key: int,
        backoff: Backoff,
        cancel_grace: float,
        limits: Limits,
    ) -> None:
        self.path = path
        self._runtime = runtime
        self._cancel_grace = cancel_grace
        self.backlog = Backlog(queue, per_key)
        self._counts = Counts()
        self.idle: OrderedDict[Place, None] = OrderedDict()
        self.closing = False
        self.held = False
        self.crew: Crew[A] = Crew(
            runtime,
            path,
            nursery=nursery,
            factory=factory,
            backoff=backoff,
            limits=limits,
            free=self._free,
            lost=self._lost,
        )

    def submit(
        self,
        message: Message[Any, Any],
        deliver: Callable[[Answer[Any]], None],
        key: Hashable | None,
        deadline: float,
        *,
        chain: tuple[Cell[Any], ...] = (),
        channel: Channel[Any] | None = None,
    ) -> Job:
        """Accept a job. Raises `Unavailable` and `MailboxFull`; the job is a dead letter then."""
        job = Job(key, self._runtime.clock(), deliver)
        job.channel = channel
        job.call = Call(message, partial(self._settled, job), deadline, job.accepted_at, chain)
        if self.closing:
            unavailable = self.unavailable()
            self._bury(job, "unavailable", unavailable)
            raise unavailable
        at_once = bool(self.idle) and self.backlog.may_begin(key)
        if not at_once and not self.backlog.admits(key):
            self._counts.rejected += 1
            self._bury(job, "mailbox_full")
            raise MailboxFull(f"{self.path} has {len(self.backlog)} jobs waiting, and no room for one more of this key")
        self._counts.accepted += 1
        self.backlog.add(job)
        self._runtime.deadlines.add(job.call)
        self._dispatch()
        self._counts.high_water = max(self._counts.high_water, len(self.backlog))
        return job

    def _dispatch(self) -> None:
        while self.idle and (job := self.backlog.take()) is not None:
            if job.call.deadline <= self._runtime.clock():
                self.backlog.release(job.key)
                expire(job.call)
                continue
            place = self._choose(job.key)
            del self.idle[place]
            place.give(job, self._turn(place, job))

    def _turn(self, place: Place, job: Job) -> Call[Any, Any]:
        """The worker's side of a job."""
        call = job.call
        handled = partial(self._handled, place, job)
        if job.channel is None:
            return Call(call.message, handled, call.deadline, job.accepted_at, call.chain)
        over = partial(self._stream_over, place, job)
        chain = (*call.chain, place.cell)  # unlike other actors, it serves nobody else meanwhile
        return StreamCall(call.message, handled, call.deadline, job.accepted_at, chain, channel=job.channel, over=over)

    def _choose(self, key: Hashable | None) -> Place:
        """The idle worker that had this key last, else the one that has been idle longest."""
        if key is not None:
            for place in self.idle:
                if place.last_key == key:
                    return place
        return next(iter(self.idle))

    def _free(self, place: Place) -> None:
        """A worker may be able to work."""
        if self.crew.releases(place):
            self.idle.pop(place, None)
        elif place.can_work:
            self.idle[place] = None
        self._dispatch()

    def _lost(self, place: Place) -> None:
        """A worker has ended. The job that lay before it untouched goes back to the queue."""
        self.idle.pop(place, None)
        job = place.job
        if job is not None and place.take_away(job):
            if job.over:
                self.backlog.release(job.key)
            else:
                self.backlog.put_back(job)
            self._dispatch()
        elif job is not None:  # a stream that nobody waited for any more
            self._release(place, job)
            self._dispatch()

    def _stream_over(self, place: Place, job: Job) -> None:
        """Nothing runs any more of a stream whose consumer has left, or whose deadline has passed."""
        if job.over and place.job is job:
            self._release(place, job)
            self._free(place)

    def _release(self, place: Place, job: Job) -> None:
        place.let_go(job)
        self.backlog.release(job.key)
        self.crew.change()

    def _handled(self, place: Place, job: Job, answer: Answer[Any]) -> None:
        """The worker's side of a job has ended."""
        place.let_go(job)
        self.backlog.release(job.key)
        late, job.over = job.over, True
        if not late:
            now = self._runtime.clock()
            if job.begun_at is not None:
                self._counts.wait.add(job.begun_at - job.accepted_at)
                self._counts.run.add(now - job.begun_at)
            if answer.error is None:
                self._counts.done += 1
            elif job.begun_at is None and isinstance(answer.error, AskTimeout):  # too late when the worker came to it
                self._counts.expired += 1
            else:
                self._counts.failed += 1
        if job.crashed:
            place.up = False
        self._free(place)
        self.crew.change()
        if not late:
            job.call.settle(answer)

    def _settled(self, job: Job, answer: Answer[Any]) -> None:
        """The caller's side of a job has ended. If the worker's has not, the deadline has passed."""
        if not job.over:
            self._expire(job)
        job.deliver(answer)

    def _expire(self, job: Job) -> None:
        self._counts.expired += 1
        self._withdraw(job, "expired")

    def _withdraw(self, job: Job, reason: str) -> None:
        """Nobody waits for a job any more: it leaves the queue, or its worker has to end it."""
        job.over = True
        place = job.place
        if job.waiting:
            self.backlog.remove(job)
        if place is None:
            self._bury(job, reason)
        elif place.take_away(job):
            self.backlog.release(job.key)
            self._bury(job, reason)
            self._free(place)
        else:
            place.cancel(job)
            when = self._runtime.clock() + self._cancel_grace
            self._runtime.schedule.at(when, partial(self._let_go_of, place, job))
        self.crew.change()

    def _let_go_of(self, place: Place, job: Job) -> None:
        """The time is over in which a worker had to end a job that was cancelled."""
        if place.job is job:
            self._counts.stuck += 1
            self.backlog.release(job.key)
            self.crew.replace(place, self._cancel_grace)
            self.crew.change()
            self._dispatch()

    def abandon(self, job: Job) -> None:
        """The caller has left. A job that is under way keeps its deadline, which frees the worker."""
        if job.waiting:
            self.leave(job)
        else:
            job.deliver = nobody

    def leave(self, job: Job) -> None:
        """The caller has left, and the job ends with that, waiting or under way. Does nothing when it is over."""
        if not job.over:
            self._counts.abandoned += 1
            job.call.abandon()
            self._withdraw(job, "abandoned")

    def fail_waiting(self) -> None:
        """End every job that waits: the pool has stopped."""
        for job in list(self.backlog):
            self.backlog.remove(job)
            self._bury(job, "stopped")
            self.fail(job)

    def fail(self, job: Job) -> None:
        """End a job that the pool leaves behind."""
        job.over = True
        self._counts.failed += 1
        job.call.refuse(ActorStopped(self.path))

    def _bury(self, job: Job, reason: str, error: Exception | None = None) -> None:
        self._runtime.dead_letters.add(DeadLetter(self.path, job.call.message, reason, error))

    def unavailable(self) -> Unavailable:
        """The answer to those who come while it stops or restarts."""
        return Unavailable(f"{self.path} is {'stopping' if self.closing else 'restarting'}", retry_after=1.0)

    def statistics(self) -> PoolStatistics:
        """How it is doing, now."""
        counts, places = self._counts, self.crew.places
        oldest = self.backlog.oldest
        return PoolStatistics(
            size=self.crew.size,
            workers=len(places),
            idle=len(self.idle),
            in_flight=sum(place.job is not None and not place.job.over for place in places),
            cancelling=sum(place.job is not None and place.job.over for place in places),
            queued=len(self.backlog),
            capacity=self.backlog.capacity,
            high_water=counts.high_water,
            keys=self.backlog.keys,
            oldest_wait=None if oldest is None else self._runtime.clock() - oldest,
            accepted=counts.accepted,
            done=counts.done,
            failed=counts.failed,
            expired=counts.expired,
            abandoned=counts.abandoned,
            rejected=counts.rejected,
            stuck=counts.stuck,
            wait=counts.wait.quantiles(),
            run=counts.run.quantiles(),
        )
