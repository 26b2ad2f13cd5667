"""The booths of all timelines, and what they share: in this process, or behind the same Protocol in one of their own."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, Self

from actors import (
    Activation,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    Limits,
    MailboxFull,
    Ref,
    Unavailable,
    VirtualActors,
)
from engine.domain.fields import MessageId
from engine.domain.messages import Translation
from engine.interpreting.booth import Booth
from engine.interpreting.commands import Consider, Demand, Review
from engine.interpreting.librarian import Librarian
from engine.interpreting.memory import TranslationMemory
from engine.interpreting.pace import Pace
from engine.interpreting.status import InterpretingStatus, TranslationReport
from engine.interpreting.surroundings import Surroundings
from engine.traffic import Traffic
from engine.translation import Translators

BOOTHS: Final = "booths"
LIBRARIAN: Final = "librarian"
IDLE_AFTER: Final = 60.0
"""Seconds until a booth in which nothing happens is left."""
REMINDERS: Final = 5.0
"""Seconds between two times at which whoever has booths should `remind` them."""


class Booths(Protocol):
    """One for each timeline in which there is something to translate."""

    def consider(self, channel: str, commit: Callable[[], Consider]) -> None:
        """Let the booth of a timeline know of a commit, without waiting. Never raises: what is lost is looked for later.

        `commit` may be called in a moment, when whoever posted has been answered.
        """
        ...

    def review(self, channel: str) -> None:
        """Have the booth of a timeline look for what its readers lack, likewise."""
        ...

    async def demand(self, channel: str, demand: Demand) -> Mapping[MessageId, Translation]:
        """What there is of what somebody reads, after the patience that they have. Raises `AskFailed`."""
        ...

    async def ready(self) -> None:
        """Be there, or wait for it a moment."""
        ...

    async def remind(self) -> None:
        """Have the booths that missed something look for themselves: readers who stay do not ask again."""
        ...

    async def status(self) -> TranslationReport:
        """How they, and the translators, are doing. Raises `TryLater`."""
        ...

    async def close(self) -> None:
        """End what is under way at providers: a server that stops waits for nobody's translation."""
        ...


class LocalBooths:
    """Made by `start`, as actors of a system."""

    def __init__(self, translators: Translators) -> None:
        self._translators = translators
        self._booths: VirtualActors[Booth]
        self._counts: Counter[str] = Counter()
        self._overheard: set[str] = set()

    @classmethod
    async def start(
        cls,
        system: ActorSystem,
        memory: TranslationMemory,
        translators: Translators,
        traffic: Traffic,
        *,
        timeline: Callable[[str], Ref[Any] | None],
        start_limit: float,
    ) -> Self:
        """Start the booths' family, and their librarian.

        `timeline` finds by its channel what answers `ReadLacking` and `AddTranslation`.
        """
        booths = cls(translators)
        librarian = await system.spawn(lambda: Librarian(memory, traffic), LIBRARIAN, mailbox=Librarian.mailbox)
        surroundings = Surroundings(
            memory=memory,
            librarian=librarian,
            translators=translators,
            timeline=timeline,
            booth=booths._booth,
            time=system.clock,
            pace=Pace(system.clock),
            traffic=traffic,
            counts=booths._counts,
            overheard=booths._overheard,
        )
        activation = Activation(idle_after=IDLE_AFTER, limits=Limits(start=start_limit))
        booths._booths = await system.virtual(
            lambda channel: Booth(channel, surroundings), BOOTHS, mailbox=Booth.mailbox, activation=activation
        )
        system.dead_letters.subscribe(booths._lost)
        return booths

    def _booth(self, channel: str) -> Ref[Booth]:
        return self._booths.ref(channel)

    def consider(self, channel: str, commit: Callable[[], Consider]) -> None:
        """See `Booths`."""
        self.tell(channel, commit())

    def review(self, channel: str) -> None:
        """See `Booths`."""
        self.tell(channel, Review())

    def tell(self, channel: str, message: Consider | Review) -> None:
        """Tell a booth."""
        with suppress(MailboxFull, ActorStopped, Unavailable):  # a dead letter then, see `_lost`
            self._booth(channel).tell(message)

    def _lost(self, letter: DeadLetter) -> None:
        """A booth has not handled something: one that crashes again and again forgets what it knew, and is not started by itself."""
        family, _, channel = letter.path.rpartition("/")
        if family.endswith(f"/{BOOTHS}"):
            self._overheard.add(channel)

    async def ready(self) -> None:
        """See `Booths`."""

    async def remind(self) -> None:
        """See `Booths`."""
        for channel in tuple(self._overheard):
            self._overheard.discard(channel)
            self.review(channel)

    async def demand(self, channel: str, demand: Demand) -> Mapping[MessageId, Translation]:
        """See `Booths`."""
        return await self._booth(channel).ask(demand)

    async def status(self) -> TranslationReport:
        """See `Booths`."""
        counts = dict(self._counts)
        named = {name: counts.pop(name, 0) for name in ("asked", "reused", "stored", "outdated")}
        booths = sum(1 for _ in self._booths.cells)
        return TranslationReport(
            translators=self._translators.status(),
            interpreting=InterpretingStatus(booths=booths, failed=counts, **named),
        )

    async def close(self) -> None:
        """See `Booths`."""
        await self._translators.close()
