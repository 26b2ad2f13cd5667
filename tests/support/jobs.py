"""A pool's worker for tests: it writes down what it does, and does as it is told."""

from collections import Counter
from functools import partial
from typing import Any

import anyio

from actors import Actor, Answer, Call, Message, Pool, Refused, handles


class Declined(Refused):
    """What the worker refuses with."""


class Work(Message["Labourer", str], frozen=True):
    """Takes `seconds`, then ends as `what` says: done, declined, crash, quit."""

    name: str
    seconds: float = 0.0
    what: str = "done"


class Cling(Message["Labourer", None], frozen=True):
    """Does not let go, whatever cancels it, before the gate opens."""

    gate: anyio.Event


class Late(Message["Labourer", str], frozen=True):
    """Answered by whoever finds it in `Yard.open`."""

    name: str


class Yard:
    """What all workers of a pool write down together."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.under_way: Counter[str] = Counter()
        self.most_under_way: Counter[str] = Counter()
        self.begun = 0
        self.open: list[Call[Late, str]] = []
        self.starts = 0
        self.failing_starts = 0


class Labourer(Actor):
    """Jobs are named `key:number`."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard

    async def started(self) -> None:
        self.yard.starts += 1
        if self.yard.failing_starts:
            self.yard.failing_starts -= 1
            raise ValueError("cannot start")

    @handles(Work)
    async def work(self, message: Work) -> str:
        yard = self.yard
        key = message.name.partition(":")[0]
        yard.begun += 1
        yard.under_way[key] += 1
        yard.most_under_way[key] = max(yard.most_under_way[key], yard.under_way[key])
        yard.log.append(message.name)
        try:
            await anyio.sleep(message.seconds)
        finally:
            yard.under_way[key] -= 1
        match message.what:
            case "declined":
                raise Declined
            case "crash":
                raise ValueError(message.name)
            case "quit":
                self.stop()
        return f"{message.name} by {self.key}"

    @handles(Cling)
    async def cling(self, message: Cling) -> None:
        with anyio.CancelScope(shield=True):
            await message.gate.wait()

    @handles(Late, batch=4)
    async def late(self, calls: list[Call[Late, str]]) -> None:
        self.yard.open += calls


class Caller:
    """Asks without waiting, and keeps the answers by name."""

    def __init__(self, pool: Pool[Labourer]) -> None:
        self.pool = pool
        self.answers: dict[str, Answer[Any]] = {}

    def __call__(self, name: str, seconds: float = 0.0, what: str = "done", timeout: float = 60.0) -> None:
        key = name.partition(":")[0] or None
        self.pool.request(Work(name, seconds, what), partial(self._keep, name), key=key, timeout=timeout)

    def _keep(self, name: str, answer: Answer[Any]) -> None:
        assert name not in self.answers, "answered twice"
        self.answers[name] = answer

    def error(self, name: str) -> Exception | None:
        return self.answers[name].error
