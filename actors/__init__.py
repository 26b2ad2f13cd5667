"""Typed, supervised actors on anyio: mailboxes, references, supervision, virtual actors; on asyncio and trio alike.

What a message is, what answers it, and how one asks:

    class Add(Message["Counter", int], frozen=True):
        amount: int

    class Counter(Actor):
        def __init__(self) -> None:
            self.count = 0

        @handles(Add)
        async def add(self, message: Add) -> int:
            self.count += message.amount
            return self.count

    async with ActorSystem("example") as system:
        counter = await system.spawn(Counter, "counter")
        assert await counter.ask(Add(2)) == 2
"""

from actors.actor import Actor, handles
from actors.call import Answer, Call
from actors.cell import Limits
from actors.dead_letters import DeadLetter, DeadLetters
from actors.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    AskCycle,
    AskFailed,
    AskTimeout,
    CallerTimedOut,
    DeclarationError,
    LinkBroken,
    MailboxFull,
    Refused,
    RestartIntensityReached,
    StartFailed,
    Unavailable,
)
from actors.exits import Backoff, Exit, ExitKind, Intensity, Restart, Strategy
from actors.hooks import Hooks, NoHooks
from actors.mailbox import Block, Coalesce, DropNewest, DropOldest, Mailbox, Reject
from actors.message import Message
from actors.owned import OwnedTask
from actors.poison import Poison
from actors.pools.pool import KeyedPool, Pool
from actors.pools.statistics import PoolStatistics, Quantiles
from actors.ref import Ref
from actors.streams import Stream, StreamMessage
from actors.supervisor import Supervisor
from actors.system import ActorSystem
from actors.timers import Timer
from actors.tree import Node
from actors.virtual import Activation, VirtualActors

__all__ = [
    "Activation",
    "Actor",
    "ActorCrashed",
    "ActorError",
    "ActorStopped",
    "ActorSystem",
    "Answer",
    "AskCycle",
    "AskFailed",
    "AskTimeout",
    "Backoff",
    "Block",
    "Call",
    "CallerTimedOut",
    "Coalesce",
    "DeadLetter",
    "DeadLetters",
    "DeclarationError",
    "DropNewest",
    "DropOldest",
    "Exit",
    "ExitKind",
    "Hooks",
    "Intensity",
    "KeyedPool",
    "Limits",
    "LinkBroken",
    "Mailbox",
    "MailboxFull",
    "Message",
    "NoHooks",
    "Node",
    "OwnedTask",
    "Poison",
    "Pool",
    "PoolStatistics",
    "Quantiles",
    "Ref",
    "Refused",
    "Reject",
    "Restart",
    "RestartIntensityReached",
    "StartFailed",
    "Strategy",
    "Stream",
    "StreamMessage",
    "Supervisor",
    "Timer",
    "Unavailable",
    "VirtualActors",
    "handles",
]
