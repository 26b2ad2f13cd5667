"""A simulated actor system that a test drives from outside, one step at a time."""

import queue
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import anyio
from anyio.abc import TaskGroup

from actors import (
    Activation,
    Actor,
    ActorSystem,
    AskFailed,
    Backoff,
    DropNewest,
    DropOldest,
    Mailbox,
    Message,
    Refused,
    Reject,
    Restart,
    RestartIntensityReached,
    VirtualActors,
    handles,
)
from actors.mailbox import Overflow
from actors.testing import Simulation, simulate
from tests.support.actor_model import ALLOWED, ALLOWED_TOGETHER, CAPACITY, KEYS, NAMES, REST

IDLE = 40.0
"""After how many seconds virtual actors go to sleep."""
POLICIES: dict[str, Overflow] = {"reject": Reject(), "oldest": DropOldest(), "newest": DropNewest()}
RESTARTS = {"permanent": Restart.PERMANENT, "transient": Restart.TRANSIENT, "temporary": Restart.TEMPORARY}


class Work(Message["Worker", int], frozen=True):
    number: int
    what: str


class Book:
    """What the workers of one run write down; it outlives them."""

    def __init__(self) -> None:
        self.handled: dict[str, list[int]] = {name: [] for name in (*KEYS, *NAMES)}
        self.alive: Counter[str] = Counter()
        self.most_alive = 0
        self.gates: dict[str, anyio.Event] = {}


class Worker(Actor):
    """Does as it is told, and notes it when it is done."""

    poison = None  # all of it is one type of message

    def __init__(self, name: str, book: Book) -> None:
        self.name = name
        self.book = book

    async def started(self) -> None:
        self.book.alive[self.name] += 1
        self.book.most_alive = max(self.book.most_alive, self.book.alive[self.name])

    async def stopping(self, why: object) -> None:
        self.book.alive[self.name] -= 1

    @handles(Work)
    async def work(self, message: Work) -> int:
        if message.what == "hold":
            gate = self.book.gates[self.name] = anyio.Event()
            await gate.wait()
        if message.what == "crash":
            raise ValueError
        self.book.handled[self.name].append(message.number)
        if message.what == "refuse":
            raise Refused
        if message.what == "quit":
            self.stop()
        return message.number


class World:
    """The system under test, with the asks that are under way."""

    def __init__(self, simulation: Simulation[None], system: ActorSystem, asking: TaskGroup, book: Book) -> None:
        self.simulation = simulation
        self.system = system
        self.book = book
        self.family: VirtualActors[Worker]
        self.refs: dict[str, Any] = {}
        self.outcomes: dict[int, type[BaseException] | int] = {}
        self.scopes: dict[int, anyio.CancelScope] = {}
        self._asking = asking

    async def spawn(self, name: str, restart: str, mailbox: Mailbox) -> None:
        self.refs[name] = await self.system.spawn(
            lambda: Worker(name, self.book), name, restart=RESTARTS[restart], mailbox=mailbox
        )

    def tell(self, name: str, work: Work) -> None:
        with suppress(AskFailed):
            self.refs[name].tell(work)

    def ask(self, name: str, work: Work, timeout: float) -> None:
        self._asking.start_soon(self._ask, name, work, timeout)

    async def _ask(self, name: str, work: Work, timeout: float) -> None:
        with anyio.CancelScope() as scope:
            self.scopes[work.number] = scope
            try:
                self.outcomes[work.number] = await self.refs[name].ask(work, timeout=timeout)
            except (AskFailed, Refused) as error:
                self.outcomes[work.number] = type(error)
        del self.scopes[work.number]


class Driver:
    """Runs a simulation in a thread of its own, one step at a time: between two steps its world stands still."""

    def __init__(self, backend: str, seed: int | None, overflow: str) -> None:
        self.error: BaseException | None = None
        self.world: World
        self._steps: queue.SimpleQueue[Callable[[World], Awaitable[None]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._mailbox = Mailbox(CAPACITY, POLICIES[overflow])
        self._thread = Thread(target=self._run, args=(backend, seed), daemon=True)
        self._thread.start()
        self._done.get()

    def do(self, step: Callable[[World], Awaitable[None]]) -> None:
        """Take a step and let everybody act on it. Returns as well when the system has failed."""
        self._steps.put(step)
        if error := self._done.get():
            raise error

    def end(self) -> None:
        self._steps.put(None)
        self._thread.join()

    @property
    def mailbox(self) -> Mailbox:
        return self._mailbox

    def _run(self, backend: str, seed: int | None) -> None:
        try:
            simulate(self._serve, backend=backend, seed=seed, limit=1e9)
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self._done.put(error)
        else:
            self._done.put(None)

    async def _serve(self, simulation: Simulation[None]) -> None:
        book = Book()
        system = simulation.system(intensity=ALLOWED_TOGETHER, backoff=Backoff(initial=0.0), stop_grace=5.0)
        async with anyio.create_task_group() as asking:
            self.world = World(simulation, system, asking, book)
            try:
                await self._live(system)
            except RestartIntensityReached as error:
                self.error = error

    async def _live(self, system: ActorSystem) -> None:
        async with system:
            book = self.world.book
            self.world.family = await system.virtual(
                lambda key: Worker(key, book),
                "family",
                mailbox=self._mailbox,
                activation=Activation(
                    idle_after=IDLE, intensity=ALLOWED, backoff=Backoff(initial=0.0), quarantine=REST
                ),
            )
            self.world.refs |= {key: self.world.family.ref(key) for key in KEYS}
            self._done.put(None)
            while (step := self._steps.get()) is not None:
                await step(self.world)
                await self.world.simulation.settle()
                self._done.put(None)
