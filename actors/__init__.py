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
from actors.dead_letters import DeadLetter, DeadLetters
from actors.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    AskCycle,
    AskFailed,
    AskTimeout,
    DeclarationError,
    MailboxFull,
    Refused,
    RestartIntensityReached,
    StartFailed,
    Unavailable,
)
from actors.exits import Backoff, Exit, ExitKind, Intensity, Restart
from actors.mailbox import Block, Coalesce, DropNewest, DropOldest, Mailbox, Reject
from actors.message import Message
from actors.ref import Ref
from actors.system import ActorSystem
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
    "Coalesce",
    "DeadLetter",
    "DeadLetters",
    "DeclarationError",
    "DropNewest",
    "DropOldest",
    "Exit",
    "ExitKind",
    "Intensity",
    "Mailbox",
    "MailboxFull",
    "Message",
    "Node",
    "Ref",
    "Refused",
    "Reject",
    "Restart",
    "RestartIntensityReached",
    "StartFailed",
    "Unavailable",
    "VirtualActors",
    "handles",
]
