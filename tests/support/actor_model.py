"""What an actor system promises, as a model that a test can hold it against: no tasks, no event loop, no time but its own."""

from collections import Counter, deque

from actors import ActorCrashed, ActorStopped, AskTimeout, Intensity, MailboxFull, Refused, Unavailable

CAPACITY = 3
ALLOWED = Intensity(restarts=2, period=10.0)
"""Of one virtual actor before it rests."""
ALLOWED_TOGETHER = Intensity(restarts=6, period=10.0)
"""Of the actors with names before the system fails."""
REST = 20.0
KEYS = ("k1", "k2")
"""Virtual actors."""
NAMES = ("n1", "n2")
"""Actors under the root."""


class Sent:
    """A message on its way."""

    def __init__(self, number: int, what: str, deadline: float | None) -> None:
        self.number = number
        self.what = what
        self.deadline = deadline
        self.outcome: object = None
        """How the ask ended: the answer, or the type of the error, or several that are as good; None while it is open."""

    @property
    def asked(self) -> bool:
        return self.deadline is not None

    def end(self, outcome: object) -> None:
        if self.asked and self.outcome is None:
            self.outcome = outcome


class ModelActor:
    """One actor: whether it is there, what it holds, and what it has done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.restart: str | None = None
        """None for a virtual actor."""
        self.state = "absent"
        self.waiting: deque[Sent] = deque()
        self.held: Sent | None = None
        self.handled: list[int] = []
        self.restarts = 0
        self.crashes: list[float] = []
        self.rests_until = 0.0


class Model:
    """What an actor system promises, in a hundred lines."""

    def __init__(self, overflow: str) -> None:
        self.overflow = overflow
        self.now = 0.0
        self.actors = {name: ModelActor(name) for name in (*KEYS, *NAMES)}
        self.dead: Counter[str] = Counter()
        self.sent: list[Sent] = []
        self.restarts: list[float] = []
        self.failed = False

    def spawn(self, name: str, restart: str) -> None:
        actor = self.actors[name]
        actor.restart, actor.state, actor.restarts = restart, "running", 0

    def put(self, name: str, sent: Sent) -> None:
        """A message comes; nobody acts yet."""
        actor = self.actors[name]
        self.sent.append(sent)
        if actor.state == "quarantined":
            self.bury(sent, "quarantined", Unavailable)
            return
        if actor.state == "absent" and name in NAMES:
            self.bury(sent, "stopped", ActorStopped)
            return
        if actor.state == "absent":
            actor.state, actor.restarts = "running", 0
        if len(actor.waiting) < CAPACITY:
            actor.waiting.append(sent)
        elif self.overflow == "oldest":
            self.bury(actor.waiting.popleft(), "dropped_oldest", MailboxFull)
            actor.waiting.append(sent)
        elif self.overflow == "newest":
            self.bury(sent, "dropped_newest", MailboxFull)
        else:
            self.bury(sent, "mailbox_full", MailboxFull)

    def bury(self, sent: Sent, reason: str, error: object) -> None:
        self.dead[reason] += 1
        sent.end(error)

    def settle(self, name: str) -> None:
        """The actor does what it can."""
        actor = self.actors[name]
        while actor.state == "running" and actor.held is None and actor.waiting and not self.failed:
            sent = actor.waiting.popleft()
            if sent.deadline is not None and sent.deadline <= self.now:
                self.bury(sent, "expired", AskTimeout)
            elif sent.asked and sent.outcome is not None:
                self.bury(sent, "abandoned", AskTimeout)
            elif sent.what == "hold":
                actor.held = sent
            else:
                self.handle(actor, sent)

    def handle(self, actor: ModelActor, sent: Sent) -> None:
        if sent.what == "crash":
            self.bury(sent, "crashed", ActorCrashed)
            self.ended(actor, crashed=True)
            return
        actor.handled.append(sent.number)
        sent.end(Refused if sent.what == "refuse" else sent.number)
        if sent.what == "quit":
            self.ended(actor, crashed=False)

    def ended(self, actor: ModelActor, *, crashed: bool) -> None:
        if actor.restart is None:
            self.virtual_ended(actor, crashed=crashed)
            return
        if actor.restart == "permanent" or (actor.restart == "transient" and crashed):
            self.restarts = [*(at for at in self.restarts if self.now - at < ALLOWED_TOGETHER.period), self.now]
            if len(self.restarts) > ALLOWED_TOGETHER.restarts:
                self.fail()
            else:
                actor.restarts += 1
        else:
            self.gone(actor)

    def virtual_ended(self, actor: ModelActor, *, crashed: bool) -> None:
        if not crashed:
            if not actor.waiting:
                actor.state = "absent"
            return
        actor.crashes = [*(at for at in actor.crashes if self.now - at < ALLOWED.period), self.now]
        if len(actor.crashes) <= ALLOWED.restarts:
            actor.restarts += 1
            return
        actor.state, actor.rests_until = "quarantined", self.now + REST
        while actor.waiting:
            self.bury(actor.waiting.popleft(), "quarantined", Unavailable)

    def gone(self, actor: ModelActor, error: object = ActorStopped) -> None:
        actor.state = "absent"
        while actor.waiting:
            self.bury(actor.waiting.popleft(), "stopped", error)

    def fail(self) -> None:
        """The system has failed: it stops everybody."""
        self.failed = True
        self.end()

    def end(self) -> None:
        """Everybody stops; what is being handled is cut off when the grace is over, unless its caller gives up before."""
        for actor in self.actors.values():
            late = (ActorStopped, AskTimeout) if actor.held is not None else ActorStopped
            if actor.held is not None:
                self.bury(actor.held, "killed", late)
                actor.held = None
            self.gone(actor, late)

    def release(self, name: str) -> None:
        actor = self.actors[name]
        sent, actor.held = actor.held, None
        assert sent is not None
        actor.handled.append(sent.number)
        sent.end(sent.number)
        self.settle(name)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for sent in self.sent:
            if sent.deadline is not None and sent.deadline <= self.now:
                sent.end(AskTimeout)
        for actor in self.actors.values():
            if actor.state == "quarantined" and actor.rests_until <= self.now:
                actor.state, actor.crashes = "absent", []
