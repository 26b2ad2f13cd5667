"""Supervisors: whoever starts an actor under one has said what is to happen when it crashes (OTP: supervisor).

async with ActorSystem("shop") as system:
    orders = await system.supervisor("orders", strategy=Strategy.REST_FOR_ONE, intensity=Intensity(5, 10.0))
    ledger = await orders.spawn(Ledger, "ledger")
    billing = await orders.spawn(lambda: Billing(ledger), "billing", shutdown=2.0)    # restarted when the ledger is
    carts = await orders.virtual(Cart, "carts")                                       # and so are these
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio

from actors.actor import Actor, check_handlers
from actors.branch import Branch
from actors.cell import Cell, Limits
from actors.child import SHUTDOWN, Child
from actors.exits import Backoff, Intensity, Restart, Strategy
from actors.mailbox import Mailbox
from actors.pools.dispatch import Dispatch
from actors.pools.pool import Pool
from actors.ref import Ref
from actors.virtual import Activation, VirtualActors

A = TypeVar("A", bound=Actor)


class Supervisor:
    """Where actors are started: the system is one, and has others under it.

    Its children are started in the order of the calls and stopped in reverse. What has been started here comes back when the
    supervisor itself is restarted, in the same order and with what waits in its mailboxes; references stay good. What has ended
    for good (a temporary child, a transient one that stopped by itself) does not: its name is free.

    `strategy` says who is restarted with a child that crashes. More restarts than `intensity` allows make the supervisor fail: it
    stops its children in reverse order and counts as one crashed child of the supervisor above, up to the system itself, which
    ends with `RestartIntensityReached`, chained down to the first cause.

    While a supervisor restarts several children it takes no new ones: `Unavailable`.
    """

    _branch: Branch

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    @property
    def path(self) -> str:
        """Where it stands in the tree."""
        return self._branch.path

    async def spawn(
        self,
        factory: Callable[[], A],
        name: str,
        *,
        restart: Restart = Restart.PERMANENT,
        shutdown: float | None = None,
        mailbox: Mailbox | None = None,
        limits: Limits = Limits(),
    ) -> Ref[A]:
        """Start an actor and wait until it has started (OTP `start_link`).

        `shutdown`: how many seconds it may take to end when it is told to, before it is cancelled; None: 5 s when it is to be
        restarted with others, and as long as the whole stop may take otherwise. Raises `StartFailed`, `ValueError` when the name
        is taken, `Unavailable` when the supervisor cannot start anything now. Cancelled, it stops the actor again.
        """
        if isinstance(factory, type):
            check_handlers(factory)
        branch = self._branch
        cell = Cell(
            branch.runtime, branch.path, name, factory=factory, mailbox=mailbox or mailbox_of(factory), limits=limits
        )
        child = Child(
            cell,
            restart=restart,
            shutdown=shutdown,
            record=branch.new_record(),
            nursery=branch.nursery,
            parent=branch,
        )
        branch.adopt(name, child)
        await child.start()
        return child.ref()

    async def virtual(
        self,
        factory: Callable[[str], A],
        name: str,
        *,
        mailbox: Mailbox | None = None,
        activation: Activation = Activation(),
    ) -> VirtualActors[A]:
        """Add a family of virtual actors; `factory` makes the one for a key. Raises `ValueError` and `Unavailable` as `spawn`."""
        if isinstance(factory, type):
            check_handlers(factory)
        branch = self._branch
        family = VirtualActors(
            branch.runtime,
            f"{branch.path}/{name}",
            nursery=branch.nursery,
            factory=factory,
            mailbox=mailbox or mailbox_of(factory),
            options=activation,
        )
        branch.adopt(name, family)
        return family

    async def pool(
        self,
        factory: Callable[[], A],
        name: str,
        *,
        size: int,
        queue: int = 1000,
        per_key: int = 1,
        backoff: Backoff = Backoff(),
        cancel_grace: float = 1.0,
        limits: Limits = Limits(),
    ) -> Pool[A]:
        """Add a pool of `size` workers behind a queue of at most `queue` jobs, and wait until they have started.

        Of one key at most `per_key` jobs are under way at a time; with 1 they keep their order. See `Pool` for the rest. Raises
        `StartFailed` when a worker does not start, `ValueError` and `Unavailable` as `spawn`. Cancelled, it stops the pool again.
        """
        if isinstance(factory, type):
            check_handlers(factory)
        branch = self._branch
        dispatch = Dispatch(
            branch.runtime,
            f"{branch.path}/{name}",
            nursery=branch.nursery,
            factory=factory,
            queue=queue,
            per_key=per_key,
            backoff=backoff,
            cancel_grace=cancel_grace,
            limits=limits,
        )
        pool = Pool(dispatch, branch.runtime)
        branch.adopt(name, pool)
        try:
            await pool.resize(size)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await branch.stop_unit(name, drain=False, grace=0.0)
            raise
        return pool

    async def supervisor(
        self,
        name: str,
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity = Intensity(),
        backoff: Backoff = Backoff(),
        restart: Restart = Restart.PERMANENT,
    ) -> Supervisor:
        """Add a supervisor under this one. Raises `ValueError` and `Unavailable` as `spawn`.

        `restart`: a temporary one that fails is gone with its children; any other is restarted by this one's strategy.
        """
        branch = self._branch
        below = Branch(
            branch.runtime,
            name,
            nursery=branch.nursery,
            strategy=strategy,
            intensity=intensity,
            backoff=backoff,
            restart=restart,
            parent=branch,
        )
        branch.adopt(name, below)
        return Supervisor(below)

    async def stop_child(self, name: str, *, drain: bool = False, grace: float = SHUTDOWN) -> bool:
        """Stop one child for good, within `grace` seconds or its own `shutdown` if that is less; then it is cancelled.

        Whether there was one of this name. With `drain` it first handles what it has accepted. The name is free afterwards, unless
        the child is stuck. Shielded from cancellation. An actor must not stop itself so: see `Actor.stop`.
        """
        if name not in self._branch:
            return False
        with anyio.CancelScope(shield=True):
            await self._branch.stop_unit(name, drain=drain, grace=grace)
        return True


def mailbox_of(factory: Callable[..., Any]) -> Mailbox:
    """The mailbox that an actor class declares; the default one for a factory that is not a class."""
    mailbox: Mailbox = getattr(factory, "mailbox", Actor.mailbox)
    return mailbox
