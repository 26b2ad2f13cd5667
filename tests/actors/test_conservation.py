"""Nothing vanishes: whatever happens, every message sent is handled, a dead letter, or still waiting."""

from collections import Counter
from contextlib import suppress
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from actors import (
    Activation,
    Actor,
    AskFailed,
    Backoff,
    Block,
    Call,
    DropNewest,
    DropOldest,
    Intensity,
    Mailbox,
    Message,
    Ref,
    Refused,
    Reject,
    Restart,
    handles,
)
from actors.mailbox import Overflow
from actors.testing import BACKENDS, Simulation, simulate

POLICIES: tuple[Overflow, ...] = (Reject(), DropOldest(), DropNewest(), Block())


class Step(Message["Worker", int], frozen=True):
    sender: int
    number: int
    what: str
    seconds: float = 0.0


class Many(Message["Worker", int], frozen=True):
    sender: int
    number: int


class Book:
    """What all workers of one run write down together."""

    def __init__(self) -> None:
        self.alive: Counter[str] = Counter()
        self.seen: dict[tuple[str, int], int] = {}
        self.sent = 0
        self.handled = 0
        self.asked = 0
        self.answered = 0


class Worker(Actor):
    """Handles, refuses, crashes, sleeps or stops, as told; and watches over what it must never see."""

    def __init__(self, key: str, book: Book) -> None:
        self.name = key
        self.book = book
        self.at_work = False

    async def started(self) -> None:
        assert self.book.alive[self.name] == 0, "two activations of one key"
        self.book.alive[self.name] += 1
        await anyio.sleep(0.01)

    async def stopping(self, why: object) -> None:
        try:
            await anyio.sleep(0.01)
        finally:
            self.book.alive[self.name] = 0

    def _in_order(self, sender: int, number: int) -> None:
        assert number > self.book.seen.get((self.name, sender), -1), "out of order, or twice"
        self.book.seen[self.name, sender] = number

    @handles(Step)
    async def step(self, message: Step) -> int:
        assert not self.at_work, "two messages at once"
        self.at_work = True
        self._in_order(message.sender, message.number)
        if message.seconds:
            await anyio.sleep(message.seconds)
        self.at_work = False
        if message.what != "crash":
            self.book.handled += 1
        match message.what:
            case "refuse":
                raise Refused
            case "crash":
                raise ValueError
            case "quit":
                self.stop()
        return message.number

    @handles(Many, batch=3)
    async def many(self, calls: list[Call[Many, int]]) -> None:
        for call in calls:
            self._in_order(call.message.sender, call.message.number)
        await anyio.lowlevel.checkpoint()
        self.book.handled += len(calls)
        for call in calls[1:]:  # the first is never answered
            call.answer(call.message.number)


async def _send(simulation: Simulation[None], sender: int, refs: list[Ref[Worker]], book: Book) -> None:
    random = simulation.random

    def answered(_: object) -> None:
        book.answered += 1

    for number in range(15):
        what = random.choice(["work"] * 6 + ["refuse", "crash", "quit"])
        step = Step(sender, number, what, random.choice([0.0, 0.0, 0.02, 0.3]))
        message = step if random.random() < 0.7 else Many(sender, number)
        ref = random.choice(refs)
        book.sent += 1
        with suppress(AskFailed, Refused), anyio.move_on_after(random.choice([0.01, 0.2, 10.0])):
            match random.choice(["tell", "request", "ask", "ask"]):
                case "tell":
                    ref.tell(message)
                case "request":
                    ref.request(message, answered, timeout=random.choice([0.1, 5.0]))
                    book.asked += 1
                case _:
                    await ref.ask(message, timeout=random.choice([0.05, 1.0, 5.0]))
        if random.random() < 0.3:
            await anyio.sleep(random.choice([0.0, 0.05, 1.0]))


async def _storm(simulation: Simulation[None]) -> None:
    random = simulation.random
    book = Book()
    mailbox = Mailbox(random.choice([2, 8, 1024]), random.choice(POLICIES))
    options = Activation(
        idle_after=random.choice([0.5, 5.0]),
        max_active=random.choice([2, 3, 50]),
        intensity=Intensity(random.choice([1, 50]), 5.0),
        backoff=Backoff(initial=0.05, maximum=1.0),
        quarantine=1.0,
    )
    async with simulation.system(intensity=Intensity(10_000, 1.0), backoff=Backoff(initial=0.01)) as system:
        family = await system.virtual(lambda key: Worker(key, book), "family", mailbox=mailbox, activation=options)
        refs = [family.ref(key) for key in "abcd"]
        restart = random.choice([Restart.PERMANENT, Restart.TRANSIENT])
        refs += [
            await system.spawn(partial(Worker, name, book), name, mailbox=mailbox, restart=restart) for name in "xy"
        ]
        async with anyio.create_task_group() as group:
            for sender in range(4):
                group.start_soon(_send, simulation, sender, refs, book)
            if random.random() < 0.3:
                await anyio.sleep(0.5)
                await system.stop(drain=random.random() < 0.5, grace=random.choice([0.1, 5.0]))

    assert book.sent == book.handled + system.dead_letters.total
    assert book.answered == book.asked
    assert book.alive.total() == 0
    assert len(system._runtime.deadlines) == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("block", range(4))
def test_every_message_is_handled_or_a_dead_letter_under_every_schedule(backend: str, block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        simulate(_storm, backend=backend, seed=seed)
