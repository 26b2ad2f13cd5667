"""What is measured of the actors. Each measure takes how many operations to do and gives what one costs, in seconds or bytes."""

import time
from contextlib import suppress

import anyio

from actors import Activation, Actor, ActorCrashed, ActorSystem, Backoff, Intensity, Mailbox, Message, Ref, handles
from benchmarks.actors_limits import BURST, CALLERS, FAN, RING, resident


class Tick(Message["Member", None], frozen=True, gc=False):
    """Handled, never answered."""

    number: int


class Read(Message["Member", int], frozen=True):
    """Asks how many ticks there have been."""


class Crash(Message["Member", None], frozen=True):
    """Makes the actor raise."""


class Token(Message["Member", None], frozen=True):
    """Goes round the ring."""

    left: int


class Note(Message["Idle", int], frozen=True):
    """Counted."""


class Board:
    """What the members of one measurement share."""

    def __init__(self) -> None:
        self.missing = 0
        self.done = anyio.Event()
        self.crashed = 0.0
        self.restarted = 0.0


class Member(Actor):
    """Counts; stands in the ring; crashes when told to."""

    mailbox = Mailbox(1024)
    poison = None  # or it would soon be spared the crashes

    def __init__(self, board: Board | None = None, following: list[Ref["Member"]] | None = None) -> None:
        self.ticks = 0
        self.board = board or Board()
        self.following = following or []

    async def started(self) -> None:
        """Note when."""
        self.board.restarted = time.perf_counter()

    @handles(Tick)
    async def tick(self, message: Tick) -> None:
        """Count it, here and for all."""
        self.ticks += 1
        board = self.board
        board.missing -= 1
        if not board.missing:
            board.done.set()

    @handles(Read)
    async def read(self, message: Read) -> int:
        """See `Read`."""
        return self.ticks

    @handles(Crash)
    async def crash(self, message: Crash) -> None:
        """See `Crash`."""
        self.board.crashed = time.perf_counter()
        raise ValueError

    @handles(Token)
    async def token(self, message: Token) -> None:
        """Pass it on."""
        if message.left:
            self.following[0].tell(Token(message.left - 1))
        else:
            self.board.done.set()


async def tell(count: int) -> float:
    """Messages to one actor, in bursts that it handles before the next."""
    async with ActorSystem("benchmark") as system:
        actor = await system.spawn(Member, "actor")
        bursts = max(1, count // BURST)
        started = time.perf_counter()
        for _ in range(bursts):
            for number in range(BURST):
                actor.tell(Tick(number))
            await actor.ask(Read())
        return (time.perf_counter() - started) / (bursts * BURST)
    raise AssertionError


async def tell_flow(count: int) -> float:
    """Messages to one actor, all told at once, until the last is handled."""
    async with ActorSystem("benchmark") as system:
        actor = await system.spawn(Member, "actor", mailbox=Mailbox(count + 1))
        started = time.perf_counter()
        for number in range(count):
            actor.tell(Tick(number))
        await actor.ask(Read(), timeout=60)
        return (time.perf_counter() - started) / count
    raise AssertionError


async def tell_sent(count: int) -> float:
    """What the sender of those spends on each."""
    async with ActorSystem("benchmark") as system:
        actor = await system.spawn(Member, "actor", mailbox=Mailbox(count + 1))
        started = time.perf_counter()
        for number in range(count):
            actor.tell(Tick(number))
        elapsed = time.perf_counter() - started
        await actor.ask(Read(), timeout=60)
        return elapsed / count
    raise AssertionError


async def tell_handled(count: int) -> float:
    """Messages to one actor that is idle, each told when the one before has been handled."""
    board = Board()
    async with ActorSystem("benchmark") as system:
        actor = await system.spawn(lambda: Member(board), "actor")
        started = time.perf_counter()
        for number in range(count):
            board.missing, board.done = 1, anyio.Event()
            actor.tell(Tick(number))
            await board.done.wait()
        return (time.perf_counter() - started) / count
    raise AssertionError


async def ask(count: int, callers: int = 1) -> float:
    """Questions with a deadline, one after another from each caller."""

    async def call(actor: Ref[Member]) -> None:
        for _ in range(count // callers):
            await actor.ask(Read())

    async with ActorSystem("benchmark") as system:
        actor = await system.spawn(Member, "actor")
        started = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(callers):
                group.start_soon(call, actor)
        return (time.perf_counter() - started) / (count // callers * callers)
    raise AssertionError


async def ask_crowd(count: int) -> float:
    """The same from many callers at once."""
    return await ask(count, CALLERS)


async def fan_out(count: int) -> float:
    """Each message to a thousand actors that were idle."""
    board = Board()
    async with ActorSystem("benchmark") as system:
        family = await system.virtual(lambda _: Member(board), "family", activation=Activation(idle_after=3600))
        members = [family.ref(str(number)) for number in range(FAN)]
        await _wake(members)
        started = time.perf_counter()
        for number in range(max(1, count // FAN)):
            board.missing, board.done = FAN, anyio.Event()
            for member in members:
                member.tell(Tick(number))
            await board.done.wait()
        return (time.perf_counter() - started) / (max(1, count // FAN) * FAN)
    raise AssertionError


async def ring(count: int) -> float:
    """One message that goes round a thousand actors."""
    board = Board()
    async with ActorSystem("benchmark") as system:
        family = await system.virtual(
            lambda key: Member(board, [family.ref(str((int(key) + 1) % RING))]),
            "family",
            activation=Activation(idle_after=3600),
        )
        await _wake([family.ref(str(number)) for number in range(RING)])
        started = time.perf_counter()
        family.ref("0").tell(Token(count))
        await board.done.wait()
        return (time.perf_counter() - started) / count
    raise AssertionError


async def spawn_and_stop(count: int) -> float:
    """Actors with names, started one after another and stopped in reverse order."""
    started = time.perf_counter()
    async with ActorSystem("benchmark", stop_grace=60) as system:
        for number in range(count):
            await system.spawn(Member, str(number))
    return (time.perf_counter() - started) / count


async def activate_and_stop(count: int) -> float:
    """Virtual actors, each activated by a message, and stopped together."""
    started = time.perf_counter()
    async with ActorSystem("benchmark", stop_grace=60) as system:
        family = await system.virtual(lambda _: Member(), "family")
        await _wake([family.ref(str(number)) for number in range(count)])
    return (time.perf_counter() - started) / count


async def restart(count: int) -> float:
    """From the exception in a handler to the end of the next instance's `started`, without backoff; the median."""
    board = Board()
    times: list[float] = []
    async with ActorSystem("benchmark", intensity=Intensity(count + 1, 60), backoff=Backoff(initial=0.0)) as system:
        actor = await system.spawn(lambda: Member(board), "actor")
        for _ in range(count):
            with suppress(ActorCrashed):
                await actor.ask(Crash())
            await actor.ask(Read())
            times.append(board.restarted - board.crashed)
    return sorted(times)[len(times) // 2]


class Idle(Actor):
    """Holds a number."""

    def __init__(self) -> None:
        self.ticks = 0

    @handles(Note)
    async def note(self, message: Note) -> int:
        """See `Note`."""
        self.ticks += 1
        return self.ticks


async def started_bytes(count: int) -> float:
    """The memory of an actor with a name that has started, and had no message yet."""
    async with ActorSystem("benchmark", stop_grace=60) as system:
        before = 0
        for number in range(count + count // 10):
            if number == count // 10:
                before = resident()
            await system.spawn(Idle, str(number))
        return (resident() - before) / count
    raise AssertionError


async def awake_bytes(count: int) -> float:
    """The memory of an actor with a name that has handled a message just now, and keeps its task for the next."""
    return await _bytes(count, spawned=True, asleep=False)


async def spawned_bytes(count: int) -> float:
    """The memory of an actor with a name that has been idle for a while."""
    return await _bytes(count, spawned=True, asleep=True)


async def virtual_bytes(count: int) -> float:
    """The memory of a virtual actor that has handled a message, and then been idle for a while."""
    return await _bytes(count, spawned=False, asleep=True)


async def _bytes(count: int, *, spawned: bool, asleep: bool) -> float:
    """Of actors that come group after group, as they do. The first group pays for what all groups use."""
    pause = 0.1 if asleep else 3600.0
    async with ActorSystem("benchmark", stop_grace=60, hibernate_after=pause) as system:
        family = await system.virtual(lambda _: Idle(), "family", activation=Activation(idle_after=3600))
        before = 0
        for group in range(11):
            for number in range(count // 10):
                name = f"{group}-{number}"
                ref = await system.spawn(Idle, name) if spawned else family.ref(name)
                await ref.ask(Note())
            if asleep:
                await anyio.sleep(3 * pause)
            if not group:
                before = resident()
        return (resident() - before) / (count // 10 * 10)
    raise AssertionError


async def _wake(members: list[Ref[Member]]) -> None:
    for member in members:
        member.tell(Tick(0))
    await members[-1].ask(Read())
