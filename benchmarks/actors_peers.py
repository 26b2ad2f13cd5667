"""Other actor libraries, doing the same things where they can: `python -m benchmarks.actors_peers pykka`.

Answers with one line of JSON: what each measure costs there, in seconds (memory: in bytes). An empty object when the library is
not installed (`uv sync --group bench-peers`, or pip). A measure that a library has no word for is missing.
"""

import asyncio
import importlib
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, TypeAlias

import msgspec

from benchmarks.actors_limits import BURST, CALLERS, FAN, resident

Numbers: TypeAlias = dict[str, float]

MESSAGES = 5_000
FLOW = 100_000
"""Messages told in bursts, and all at once."""
SPAWNED = 1_000


def _each(started: float, count: int) -> float:
    return (time.perf_counter() - started) / count


def pykka() -> Numbers:  # noqa: C901 - a list of measurements
    """pykka: a thread for each actor."""
    library: Any = importlib.import_module("pykka")

    class Member(library.ThreadingActor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ticks = 0
            self.following: Any = None

        def on_receive(self, message: Any) -> int:
            match message:
                case ("ring", 0, done):
                    done()
                case ("ring", left, done):
                    self.following.tell(("ring", left - 1, done))
                case ("follow", following):
                    self.following = following
                case "tick":
                    self.ticks += 1
                case Event():
                    self.ticks += 1
                    message.set()
            return self.ticks

    numbers: Numbers = {}
    actor = Member.start()
    # From another thread, as one does there: in bursts, all at once, and each when the one before has been handled.
    started = time.perf_counter()
    for _ in range(FLOW // BURST):
        for _ in range(BURST):
            actor.tell("tick")
        actor.ask("read")
    numbers["tell"] = _each(started, FLOW)
    started = time.perf_counter()
    for _ in range(FLOW):
        actor.tell("tick")
    numbers["tell_sent"] = _each(started, FLOW)
    actor.ask("read")
    numbers["tell_flow"] = _each(started, FLOW)
    handled = Event()
    started = time.perf_counter()
    for _ in range(MESSAGES):
        handled.clear()
        actor.tell(handled)
        handled.wait()
    numbers["tell_handled"] = _each(started, MESSAGES)
    started = time.perf_counter()
    for _ in range(MESSAGES):
        actor.ask("read", timeout=5)  # as ours: every ask has a deadline
    numbers["ask"] = _each(started, MESSAGES)
    callers = [
        Thread(target=lambda: [actor.ask("read", timeout=5) for _ in range(MESSAGES // CALLERS)])
        for _ in range(CALLERS)
    ]
    started = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    numbers["ask_crowd"] = _each(started, MESSAGES)
    before = resident()
    members = [Member.start() for _ in range(FAN)]
    numbers["bytes"] = (resident() - before) / FAN
    started = time.perf_counter()
    for member in members:
        member.tell("tick")
    for member in members:
        member.ask("read")
    numbers["fan_out"] = _each(started, FAN)
    for member, following in zip(members, [*members[1:], members[0]], strict=True):
        member.ask(("follow", following))
    arrived = library.ThreadingFuture()
    started = time.perf_counter()
    members[0].tell(("ring", MESSAGES, lambda: arrived.set(None)))
    arrived.get()
    numbers["ring"] = _each(started, MESSAGES)
    library.ActorRegistry.stop_all()
    started = time.perf_counter()
    for member in [Member.start() for _ in range(SPAWNED)]:
        member.stop()
    numbers["spawn_and_stop"] = _each(started, SPAWNED)
    return numbers


def xoscar() -> Numbers:
    """xoscar: actors in one asyncio process, spoken to through its pool."""
    return asyncio.run(_xoscar(importlib.import_module("xoscar")))


async def _xoscar(library: Any) -> Numbers:  # noqa: C901 - a list of measurements
    arrived = asyncio.Event()

    class Member(library.Actor):  # type: ignore[misc]
        def __init__(self) -> None:
            self.ticks = 0
            self.following: Any = None

        async def follow(self, uid: str) -> None:
            self.following = await library.actor_ref(address=self.address, uid=uid)

        async def tick(self) -> None:
            self.ticks += 1

        async def read(self) -> int:
            return self.ticks

        async def ring(self, left: int) -> None:
            if left:
                await self.following.ring.tell(left - 1)
            else:
                arrived.set()

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pool = await library.create_actor_pool(f"127.0.0.1:{port}", n_process=0)
    numbers: Numbers = {}

    async def spawn(uid: str) -> Any:
        return await library.create_actor(Member, address=pool.external_address, uid=uid)

    actor = await spawn("actor")
    before = resident()  # first of all: memory that was used and freed is used again
    members = [await spawn(f"member {number}") for number in range(FAN)]
    numbers["bytes"] = (resident() - before) / FAN
    started = time.perf_counter()
    for _ in range(MESSAGES):
        await actor.tick.tell()
    await actor.read()
    numbers["tell"] = _each(started, MESSAGES)
    numbers |= await _asks(actor.read)
    started = time.perf_counter()
    for member in members:
        await member.tick.tell()
    for member in members:
        await member.read()
    numbers["fan_out"] = _each(started, FAN)
    for number, member in enumerate(members):
        await member.follow(f"member {(number + 1) % FAN}")
    started = time.perf_counter()
    await members[0].ring.tell(MESSAGES)
    await arrived.wait()
    numbers["ring"] = _each(started, MESSAGES)
    started = time.perf_counter()
    for member in [await spawn(f"brief {number}") for number in range(SPAWNED)]:
        await library.destroy_actor(member)
    numbers["spawn_and_stop"] = _each(started, SPAWNED)
    await pool.stop()
    return numbers


def autogen_core() -> Numbers:
    """AutoGen core: its single-threaded runtime. Telling is publishing to the one who has subscribed."""
    return asyncio.run(_autogen(importlib.import_module("autogen_core")))


@dataclass
class Read:
    """Asks an AutoGen agent."""


@dataclass
class Tick:
    """Told to an AutoGen agent."""

    number: int


async def _autogen(library: Any) -> Numbers:
    class Member(library.RoutedAgent):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("member")
            self.ticks = 0

        @library.message_handler  # type: ignore[untyped-decorator]
        async def read(self, message: Read, ctx: Any) -> int:
            del message, ctx
            return self.ticks

        @library.message_handler  # type: ignore[untyped-decorator]
        async def tick(self, message: Tick, ctx: Any) -> None:
            del message, ctx
            self.ticks += 1

    runtime = library.SingleThreadedAgentRuntime()
    await Member.register(runtime, "member", Member)
    runtime.start()
    actor = library.AgentId("member", "one")
    numbers: Numbers = {}
    before = resident()
    started = time.perf_counter()
    for number in range(SPAWNED):
        await runtime.send_message(Read(), library.AgentId("member", str(number)))
    numbers["spawn_and_stop"] = _each(started, SPAWNED)  # it has no stopping of one agent
    numbers["bytes"] = (resident() - before) / SPAWNED
    numbers |= await _asks(lambda: runtime.send_message(Read(), actor))
    await runtime.add_subscription(library.TypeSubscription("member", "member"))
    started = time.perf_counter()
    for number in range(MESSAGES):
        await runtime.publish_message(Tick(number), library.TopicId("member", "one"))
    await runtime.stop_when_idle()
    numbers["tell"] = _each(started, MESSAGES)
    return numbers


async def _asks(read: Callable[[], Awaitable[int]]) -> Numbers:
    started = time.perf_counter()
    for _ in range(MESSAGES):
        await read()
    alone = _each(started, MESSAGES)

    async def call() -> None:
        for _ in range(MESSAGES // CALLERS):
            await read()

    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return {"ask": alone, "ask_crowd": _each(started, MESSAGES)}


def thespian() -> Numbers:
    """Thespian: in the calling thread (`simpleSystemBase`), the fastest that it has; its others are processes."""
    library: Any = importlib.import_module("thespian.actors")

    class Member(library.Actor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ticks = 0

        def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - Thespian's name for it
            if message == "read":
                self.send(sender, self.ticks)
            elif message == "tick":
                self.ticks += 1

    system = library.ActorSystem("simpleSystemBase")
    actor = system.createActor(Member)
    numbers: Numbers = {}
    started = time.perf_counter()
    for _ in range(MESSAGES):
        system.tell(actor, "tick")
    system.ask(actor, "read", 5)
    numbers["tell"] = _each(started, MESSAGES)
    started = time.perf_counter()
    for _ in range(MESSAGES):
        system.ask(actor, "read", 5)
    numbers["ask"] = _each(started, MESSAGES)
    started = time.perf_counter()
    for member in [system.createActor(Member) for _ in range(SPAWNED)]:
        system.tell(member, library.ActorExitRequest())
    numbers["spawn_and_stop"] = _each(started, SPAWNED)
    system.shutdown()
    return numbers


PEERS: dict[str, Callable[[], Numbers]] = {
    "pykka": pykka,
    "xoscar": xoscar,
    "thespian": thespian,
    "autogen_core": autogen_core,
}


if __name__ == "__main__":
    try:
        numbers_ = PEERS[sys.argv[1]]()
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != sys.argv[1]:
            raise
        numbers_ = {}
    print(msgspec.json.encode(numbers_).decode(), flush=True)
    os._exit(0)  # whatever threads and processes the library leaves
