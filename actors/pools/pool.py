"""Pools: many workers, one queue. An idle worker pulls the next job, so that one long job delays nobody but itself.

    class Translator(Actor):
        @handles(Translate)
        async def translate(self, message: Translate) -> str: ...

    translators = await system.pool(Translator, "translators", size=8, queue=1000)
    text = await translators.ask(Translate("Bonjour", to="en"), key=room_id, timeout=30.0)

Jobs with a tail (model calls) make every scheme that chooses a worker beforehand wait behind the unlucky choice: with lognormal
times at 80 % load the 99th percentile of round robin is many times that of the shared queue.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

import anyio

from actors.actor import Actor
from actors.call import NEVER, Answer
from actors.cell import Cell, running
from actors.errors import AskCycle, AskTimeout, CallerTimedOut
from actors.exits import Exit
from actors.message import Message
from actors.pools.dispatch import Dispatch
from actors.pools.statistics import PoolStatistics
from actors.runtime import Runtime
from actors.streams import Stream, StreamCall, StreamMessage
from actors.tree import Node, node_of

A = TypeVar("A", bound=Actor)
R = TypeVar("R")
T = TypeVar("T")

SHUTDOWN = 5.0
"""How long jobs under way may take to end when the pool is restarted with its siblings, in seconds (OTP: 5 s)."""


class Pool(Generic[A]):
    """Workers of one kind behind one bounded queue.

    A job's `key` (a room, a customer) stands for whoever it is for: keys take turns, whatever each has waiting, and of one key at
    most `per_key` jobs are under way; with 1 they are handled in order. When several workers are idle, a job goes to the one that
    had its key last. Jobs without a key have a turn together and no limit.

    Every job has a deadline. One that waits when it passes is skipped; one that runs is cancelled, which its worker survives. A
    worker that has not let go of it `cancel_grace` seconds later is reported as stuck and replaced: what it still does is no
    longer counted against its key. A worker that crashes fails its job with `ActorCrashed` and is restarted with backoff,
    however often: a pool never fails, it gets slow. A worker that asks its own pool gets `AskCycle`: all of them doing so would
    wait for each other.
    """

    def __init__(self, dispatch: Dispatch[A], runtime: Runtime) -> None:
        self._dispatch = dispatch
        self._runtime = runtime

    @property
    def path(self) -> str:
        """Where it stands in the tree."""
        return self._dispatch.path

    # -- callers ---------------------------------------------------------------------------------------------------------

    async def ask(self, message: Message[A, R], /, *, key: Hashable | None = None, timeout: float = 5.0) -> R:
        """Have a job done and wait for its answer, at most `timeout` seconds.

        Raises what the worker refuses with, or an `AskFailed`: `AskTimeout`, `ActorCrashed`, `MailboxFull` when the queue has no
        room for this key, `Unavailable` when the pool is stopping, `ActorStopped` when it has stopped meanwhile, `AskCycle`.
        Asked by an actor whose own caller gives up earlier, it ends then, with `CallerTimedOut`. Cancelling the caller takes a
        waiting job out of the queue; one that is being done goes on, until its deadline.
        """
        slot = self._runtime.backend.slot()
        due = self._runtime.clock() + timeout
        chain, deadline = self._on_behalf(message, due)
        job = self._dispatch.submit(message, slot.settle, key, deadline, chain=chain)
        try:
            answer = await slot.wait()
        except BaseException:
            self._dispatch.abandon(job)
            raise
        del slot  # as in Ref.ask
        if deadline < due and type(answer.error) is AskTimeout:
            raise _caller_timed_out(message)
        try:
            result: R = answer.result()
        finally:
            del answer
        return result

    def _on_behalf(self, message: Message[Any, Any], due: float) -> tuple[tuple[Cell[Any], ...], float]:
        """Who waits for what is asked now, and when they give up, at the latest at `due`."""
        asker = running.get()
        if asker is None:
            return (), due
        chain = asker.chain
        if not self._dispatch.crew.cells.isdisjoint(chain):
            raise AskCycle(" -> ".join([*(each.path for each in chain), self.path]))
        deadline = min(due, asker.deadline)
        if deadline <= self._runtime.clock():
            raise _caller_timed_out(message)
        return chain, deadline

    def stream(
        self,
        message: StreamMessage[A, T],
        /,
        *,
        key: Hashable | None = None,
        credit: int = 16,
        timeout: float = NEVER,
        first: float = 30.0,
        idle: float = 30.0,
    ) -> Stream[T]:
        """Have a job done whose answer comes value by value: `async for` over them, as with `Ref.stream`.

        The worker is taken until its generator has ended. Leaving the loop, or cancelling the consumer, ends the generator and
        frees the worker; one that does not let go within `cancel_grace` is replaced. `timeout`, in seconds, is the job's
        deadline, and `first`, to the first value, includes the wait for a worker. Nothing is sent before the iteration begins;
        it raises like `ask`, after the values that came before.
        """
        begin = partial(self._begin, key)
        return Stream(begin, self._runtime, message, credit=credit, timeout=timeout, first=first, idle=idle)

    async def _begin(self, key: Hashable | None, call: StreamCall) -> None:
        chain, call.deadline = self._on_behalf(call.message, call.deadline)
        job = self._dispatch.submit(call.message, call.settle, key, call.deadline, chain=chain, channel=call.channel)
        if not job.over:
            call.ended = partial(self._dispatch.leave, job)

    def request(
        self,
        message: Message[A, R],
        callback: Callable[[Answer[R]], None],
        /,
        *,
        key: Hashable | None = None,
        timeout: float = 5.0,
    ) -> None:
        """Have a job done; `callback` gets the answer, exactly once, within `timeout` seconds.

        No task and no waiting; the callback must neither block nor raise. Raises `MailboxFull` and `Unavailable` at once; the
        callback is then not called.
        """
        self._dispatch.submit(message, callback, key, self._runtime.clock() + timeout)

    def keyed(self, key: Hashable | None) -> KeyedPool[A]:
        """This pool for the jobs of one key: what `Actor.request` takes in the place of a reference."""
        return KeyedPool(self, key)

    # -- owners ----------------------------------------------------------------------------------------------------------

    async def resize(self, size: int) -> None:
        """Have `size` workers, at least 1. Returns when new ones have started, or the last of the superfluous has ended its job.

        Idle workers go first; none is interrupted. Raises `StartFailed` when a new worker did not start (the others stay), and
        `Unavailable` when the pool is stopping. Cancelled, what has been decided still happens.
        """
        if size < 1:
            raise ValueError(f"a pool has at least 1 worker, not {size}")
        if self._dispatch.closing or self._dispatch.held:
            raise self._dispatch.unavailable()
        await self._dispatch.crew.resize(size, self._dispatch.idle)

    async def stop(self, *, drain: bool, grace: float) -> None:
        """Take no more jobs and stop the workers, within about `grace` seconds; with `drain` after every accepted job has ended.

        Without, jobs that are under way may end within the time; those that wait get `ActorStopped`. Shielded from cancellation.
        """
        self._dispatch.closing = True
        deadline = self._runtime.clock() + grace
        with anyio.CancelScope(shield=True):
            if drain:
                with anyio.move_on_after(grace):
                    while len(self._dispatch.backlog) or self._dispatch.crew.in_flight:
                        await self._dispatch.crew.changed()
            self._dispatch.fail_waiting()
            await self._dispatch.crew.stop(grace=max(0.0, deadline - self._runtime.clock()))
        self._dispatch.fail_waiting()  # those that a worker has left untouched
        for place in self._dispatch.crew.places:
            if (job := place.job) is not None and not job.over:
                self._dispatch.fail(job)

    @property
    def gone(self) -> bool:
        """See `Unit`."""
        return self._dispatch.closing and not self._dispatch.crew.places

    @property
    def held(self) -> bool:
        """See `Unit`."""
        return self._dispatch.held and not self._dispatch.closing

    async def halt(self) -> None:
        """See `Unit`. The queue stays, and takes new jobs; of those under way the ones that do not end in time are failed."""
        self._dispatch.held = True
        await self._dispatch.crew.halt(grace=SHUTDOWN)

    async def resume(self) -> Exit | None:
        """See `Unit`. A worker that does not start is tried again with backoff; the pool as such does not fail."""
        if self.held:
            self._dispatch.held = False
            await self._dispatch.crew.resume()
        return None

    def statistics(self) -> PoolStatistics:
        """How it is doing, now."""
        return self._dispatch.statistics()

    def node(self, now: float) -> Node:
        """The pool with its workers, at the moment `now`."""
        statistics = self.statistics()
        return Node(
            path=self.path,
            state="stopping" if self._dispatch.closing else "restarting" if self._dispatch.held else "running",
            depth=statistics.queued,
            capacity=statistics.capacity,
            high_water=statistics.high_water,
            oldest_for=statistics.oldest_wait,
            pool=statistics,
            children=[
                *(node_of(place.cell, now) for place in self._dispatch.crew.places),
                *(node_of(cell, now) for cell in self._dispatch.crew.stuck),
            ],
        )


class KeyedPool(Generic[A]):
    """A pool as seen by one key; made by `Pool.keyed`."""

    __slots__ = ("_key", "_pool")

    def __init__(self, pool: Pool[A], key: Hashable | None) -> None:
        self._pool = pool
        self._key = key

    async def ask(self, message: Message[A, R], /, *, timeout: float = 5.0) -> R:
        """See `Pool.ask`."""
        return await self._pool.ask(message, key=self._key, timeout=timeout)

    def stream(
        self,
        message: StreamMessage[A, T],
        /,
        *,
        credit: int = 16,
        timeout: float = NEVER,
        first: float = 30.0,
        idle: float = 30.0,
    ) -> Stream[T]:
        """See `Pool.stream`."""
        return self._pool.stream(message, key=self._key, credit=credit, timeout=timeout, first=first, idle=idle)

    def request(
        self, message: Message[A, R], callback: Callable[[Answer[R]], None], /, *, timeout: float = 5.0
    ) -> None:
        """See `Pool.request`."""
        self._pool.request(message, callback, key=self._key, timeout=timeout)


def _caller_timed_out(message: Message[Any, Any]) -> CallerTimedOut:
    return CallerTimedOut(f"no answer to {type(message).__name__} before the deadline of the call that it was for")
