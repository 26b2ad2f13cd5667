"""The booth of a timeline: decides what its readers need, has it translated, and has the timeline keep what comes of it.

    commits, readers, pages -> wishes -> (stored already?) -> translators -> the timeline's log
                                 ^                                |
                                 +------ looked through again ----+ (failed, and worth another try)

It is an actor beside the timeline, so that whatever a database or a provider does, the timeline does not notice. What it knows may
be lost with it at any time: what present readers lack is asked of the timeline when the booth starts, and whenever a reader comes.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

import structlog

from actors import (
    Actor,
    ActorStopped,
    Answer,
    AskFailed,
    Call,
    Exit,
    Mailbox,
    MailboxFull,
    Message,
    Ref,
    Unavailable,
    handles,
)
from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Translation
from engine.errors import Overtaken, StorageUnavailable, TimelineMoved, TryLater
from engine.interpreting.commands import Consider, Demand, Review, Waiter
from engine.interpreting.flights import Flight, Flights, Wish, wishes
from engine.interpreting.librarian import LookUp
from engine.interpreting.pace import EACH, company
from engine.interpreting.surroundings import Surroundings
from engine.storage.repositories import Known, Pair
from engine.timelines.translating import AddTranslations, Lacking, ReadLacking, Style
from engine.translation import Rendering, TranslationFailed, Work
from engine.translation.failures import WorkDropped

log = structlog.get_logger(__name__)

BATCH: Final = 64
"""The most commits, or readers, that are considered together."""
STORING: Final = 64
"""The most translations that the timeline is asked to keep at a time: its mailbox is for those who post."""
GATHER: Final = 0.02
"""Seconds until a commit is considered: whoever posted is answered first."""
GIVE_WAY: Final = 0.03
"""Seconds for which a booth gives way to those who post, at most."""
PATIENCE: Final = 0.2
"""Seconds for which those who post may come before commits that have begun; then one is made beside theirs."""
PREFERENCES: Final = 15.0
"""Seconds for which the languages that members prefer are remembered."""
RETRY: Final = 1.0
"""Seconds until what could not be stored, or looked up, is tried again."""
PAUSE: Final = 5.0
"""Seconds until what present readers lack is tried again after a failure; twice as long each time, up to `LONGEST_PAUSE`."""
LONGEST_PAUSE: Final = 300.0


_Unstored: TypeAlias = tuple[Flight, MessageId]
"""A text that has been translated, and a message that says it."""


class _ConsiderNow(Message["Booth", None], frozen=True):
    """Whoever posted has been answered."""


class _LookedUp(Message["Booth", None], frozen=True):
    """The librarian has said what is known of the texts of these flights."""

    flights: tuple[Flight, ...]
    answer: Answer[Mapping[Pair, Known]]


class _Arrived(Message["Booth", None], frozen=True):
    """Translators have answered."""


class _Stored(Message["Booth", None], frozen=True):
    """The timeline has answered about these messages' translations."""

    stored: tuple[_Unstored, ...]
    answer: Answer[tuple[Translation | None, ...]]


class _Seen(Message["Booth", None], frozen=True):
    """The timeline has said what its readers lack."""

    answer: Answer[Lacking | None]


class _Gathered(Message["Booth", None], frozen=True):
    """What has come has waited long enough for company."""


class _Store(Message["Booth", None], frozen=True):
    """It is this booth's turn, for so many translations."""

    number: int


class _StoreAgain(Message["Booth", None], frozen=True):
    """It is time to try to store again."""


class _LookAgain(Message["Booth", None], frozen=True):
    """It is time to look again for what present readers lack."""


class _ImpatientNow(Message["Booth", None], frozen=True):
    """Somebody has waited long enough."""

    waiter: Waiter


def _hurried_first(unstored: _Unstored) -> bool:
    """A key to sort by: what somebody who reads a page waits for, then the rest."""
    flight, _ = unstored
    return not flight.waiting


class Booth(Actor):
    """See the module."""

    mailbox = Mailbox(1024)
    poison = None  # it waits for what it tells itself: if that were kept from it for a while, it would wait for ever

    def __init__(self, channel: str, surroundings: Surroundings) -> None:
        self._channel = channel
        self._id = TimelineId(channel.partition(":")[2])
        self._memory = surroundings.memory
        self._translators = surroundings.translators
        self._surroundings = surroundings
        self._counts = surroundings.counts
        self._overheard = surroundings.overheard
        self._flights = Flights()
        self._fresh: list[Consider] = []
        self._arrived: deque[tuple[Flight, Answer[Rendering]]] = deque()
        self._nudged = False
        self._unstored: deque[_Unstored] = deque()
        self._storing = 0
        self._gathering = False
        self._has_turn = False
        self._patient_until: float | None = None
        """When it stops giving way to those who keep overtaking it."""
        self._reviewing = False
        self._review_again = False
        self._preferred: tuple[str, ...] = ()
        self._preferred_until = 0.0
        self._members = -1
        self._failures = 0
        self._retrying = False
        self._gone = False

    async def started(self) -> None:
        """Begin with what an instance before this one may have left."""
        self._overheard.discard(self._channel)
        self._look_through()

    async def stopping(self, why: Exit) -> None:
        """What arrives now is lost; whoever lacks it asks again."""
        self._gone = True

    def may_passivate(self) -> bool:
        """Not while anything is under way."""
        return not self._flights and not self._fresh and not self._retrying

    # -- what is wanted ------------------------------------------------------------------------------------------------

    @handles(Consider, batch=BATCH)
    async def consider(self, calls: list[Call[Consider, None]]) -> None:
        """Have new messages translated, for those who are here and those who will come: in a moment."""
        if not self._fresh:
            self.send_after(GATHER, _ConsiderNow())
        self._fresh += [call.message for call in calls]

    @handles(_ConsiderNow)
    async def consider_now(self, message: _ConsiderNow) -> None:
        """Find out whether it was translated before, together with other booths."""
        del message
        await self._surroundings.traffic.give_way(GIVE_WAY)
        fresh, self._fresh = self._fresh, []
        begun: list[Flight] = []
        for commit in fresh:
            preferred = await self._preferences(commit.members)
            begun += self._board(wishes(commit.originals, commit.languages, preferred), commit.style)
        if begun:
            look_up = LookUp(tuple(flight.pair for flight in begun))
            self.request(self._surroundings.librarian, look_up, partial(_LookedUp, tuple(begun)))
        self._take_arrived()

    @handles(_LookedUp)
    async def looked_up(self, message: _LookedUp) -> None:
        """Ask for what was not."""
        self._depart(message.flights, message.answer.result() if message.answer.error is None else {})

    @handles(Review, batch=BATCH)
    async def review(self, calls: list[Call[Review, None]]) -> None:
        """Look through what was posted before."""
        del calls
        self._look_through()

    @handles(_Seen)
    async def seen(self, message: _Seen) -> None:
        """Have translated what present readers lack."""
        self._reviewing = False
        error = message.answer.error
        if error is None:
            lacking = message.answer.result()
            if lacking is not None:
                wanted = [
                    Wish(original, wish.language, present=True)
                    for original, languages in lacking.originals
                    for wish in wishes([original], languages, ())
                ]
                await self._begin(self._board(wanted, lacking.style))
        elif isinstance(error, TryLater | AskFailed) and not isinstance(error, TimelineMoved):
            self._look_through_later(RETRY)
        if self._review_again:
            self._review_again = False
            self._look_through()

    @handles(Demand, batch=BATCH)
    async def demand(self, calls: list[Call[Demand, dict[MessageId, Translation]]]) -> None:
        """Have translated what is being read."""
        begun: list[Flight] = []
        for call in calls:
            asked, waiter = call.message, Waiter(call)
            wanted = [Wish(each, asked.language, present=True) for each in asked.originals]
            waiter.missing.update(each.message.id for each in asked.originals)
            begun += self._board(wanted, asked.style)
            for each in asked.originals:
                flight = self._flights.find(each.message, asked.language)
                assert flight is not None
                flight.waiting.setdefault(each.message.id, []).append(waiter.settled)
            self.send_after(asked.patience, _ImpatientNow(waiter))
        self._unstored = deque(sorted(self._unstored, key=_hurried_first))
        await self._begin(begun)

    @handles(_ImpatientNow)
    async def impatient(self, message: _ImpatientNow) -> None:
        """Answer with what there is."""
        message.waiter.answer()

    async def _preferences(self, members: int) -> Collection[str]:
        now = self._surroundings.time()
        if members != self._members or now >= self._preferred_until:
            try:
                self._preferred = tuple(await self._memory.languages(self._id))
            except StorageUnavailable:
                return self._preferred  # those who are not here read it on demand
            self._members, self._preferred_until = members, now + PREFERENCES
        return self._preferred

    @property
    def _timeline(self) -> Ref[Any]:
        ref = self._surroundings.timeline(self._channel)
        assert ref is not None  # booths are for timelines that are there
        return ref

    def _look_through(self) -> None:
        if self._reviewing:
            self._review_again = True
            return
        self._reviewing = True
        self.request(self._timeline, ReadLacking(), _Seen)

    def _look_through_later(self, seconds: float) -> None:
        if not self._retrying:
            self._retrying = True
            self.send_after(seconds, _LookAgain())

    @handles(_LookAgain)
    async def look_again(self, message: _LookAgain) -> None:
        """Look for what failed."""
        del message
        self._retrying = False
        self._look_through()

    # -- on its way ----------------------------------------------------------------------------------------------------

    def _board(self, wanted: Iterable[Wish], style: Style) -> list[Flight]:
        """Take wishes onto flights; gives the new ones."""
        begun: list[Flight] = []
        for wish in wanted:
            flight, joined = self._flights.board(wish, style)
            if joined and flight.rendering is not None:
                self._unstored.append((flight, wish.original.message.id))
            elif joined and len(flight.messages) == 1:
                begun.append(flight)
        return begun

    async def _begin(self, flights: Sequence[Flight]) -> None:
        """Send flights on their way for somebody who waits: what is known already is looked up at once."""
        known: Mapping[Pair, Known] = {}
        if flights:
            with suppress(StorageUnavailable):
                known = await self._memory.known([flight.pair for flight in flights])
        self._depart(flights, known)

    def _depart(self, flights: Iterable[Flight], known: Mapping[Pair, Known]) -> None:
        """Take what is known already, and ask for the rest."""
        for flight in flights:
            if (before := known.get(flight.pair)) is not None:
                self._counts["reused"] += 1
                rendering = Rendering(
                    text=before.text, source=before.source, target=flight.language, provider=before.provider
                )
                self._take(flight, rendering)
            else:
                self._ask(flight)
        self._take_arrived()

    def _ask(self, flight: Flight) -> None:
        self._counts["asked"] += 1
        original, style = flight.original, flight.style
        flight.hurried = flight.present
        flight.since = self._surroundings.time()
        work = Work(
            group=self._channel,
            text=original.message.text,
            source=original.message.language,
            target=flight.language,
            context=original.context,
            formality=style.formality,
            glossary=style.glossary,
            keep=original.names,
            present=flight.present,
        )
        self._translators.request(work, partial(self._came, flight))

    def _came(self, flight: Flight, answer: Answer[Rendering]) -> None:
        """Called from anywhere. What does not get through now is seen at the next message, of which the mailbox is full then."""
        self._arrived.append((flight, answer))
        goes_along = (self._gathering or self._has_turn) and answer.error is None and not flight.waiting
        if not (self._nudged or self._gone or goes_along):
            with suppress(MailboxFull, ActorStopped, Unavailable):
                self._surroundings.booth(self._channel).tell(_Arrived())
                self._nudged = True

    @handles(_Arrived)
    async def arrived(self, message: _Arrived) -> None:
        """Take what translators have answered."""
        del message
        self._nudged = False
        self._take_arrived()

    def _take_arrived(self) -> None:
        self._unload()
        self._store()

    def _unload(self) -> None:
        while self._arrived:
            flight, answer = self._arrived.popleft()
            if answer.error is None:
                self._failures = 0
                self._take(flight, answer.result())
            else:
                self._fail(flight, answer.error)

    def _take(self, flight: Flight, rendering: Rendering) -> None:
        flight.rendering = rendering
        for message_id in flight.messages:
            self._put(flight, message_id)

    def _put(self, flight: Flight, message_id: MessageId) -> None:
        """Let a translation wait to be kept: before others, if somebody who reads a page waits for it."""
        if flight.waiting:
            self._unstored.appendleft((flight, message_id))
        else:
            self._unstored.append((flight, message_id))

    def _fail(self, flight: Flight, error: Exception) -> None:
        """Those who wait read the original; those who are present may get the translation later."""
        if isinstance(error, WorkDropped) and flight.present and not flight.hurried:
            self._ask(flight)  # it was dropped as wanted by nobody who is here; by now somebody is
            return
        code = error.code if isinstance(error, TranslationFailed) else "failed"
        self._counts[code] += 1
        self._flights.cancel(flight)
        retry_after = error.retry_after if isinstance(error, TranslationFailed) else PAUSE
        if flight.present and retry_after is not None:
            pause = min(PAUSE * 2**self._failures, LONGEST_PAUSE)
            self._failures += not self._retrying
            self._look_through_later(max(retry_after, pause))

    # -- kept ----------------------------------------------------------------------------------------------------------

    def _store(self) -> None:
        """Have the timeline keep what has come, with company and in turn; at once what somebody who reads a page waits for."""
        if not self._unstored or self._storing >= STORING:
            return
        first = self._unstored[0][0]
        if first.waiting:
            self._has_turn = True
            self.send_after(0.0, _Store(EACH), key=_Store)
        elif self._has_turn:
            return
        elif len(self._unstored) >= EACH:
            self._take_turn()
        elif not self._gathering:
            self._gathering = True
            took = self._surroundings.time() - first.since
            self.send_after(company(took), _Gathered(), key=_Gathered)

    def _take_turn(self) -> None:
        turn = self._surroundings.pace.take()
        self._has_turn = True
        self.send_after(turn.wait, _Store(turn.number), key=_Store)

    @handles(_Gathered)
    async def gathered(self, message: _Gathered) -> None:
        """Go on with those that have come."""
        del message
        self._gathering = False
        self._unload()
        if self._unstored and not self._has_turn and self._storing < STORING:
            self._take_turn()

    @handles(_Store)
    async def store(self, message: _Store) -> None:
        """Have the timeline keep some of what has come."""
        is_free = await self._surroundings.traffic.give_way(GIVE_WAY)
        self._has_turn = False
        self._unload()
        patient = is_free and (self._patient_until is None or self._surroundings.time() < self._patient_until)
        number = min(message.number, STORING - self._storing, len(self._unstored))
        self._keep([self._unstored.popleft() for _ in range(number)], patient=patient)
        self._store()

    def _keep(self, unstored: Iterable[_Unstored], *, patient: bool) -> None:
        """Have the timeline keep those that are still wanted: in one turn there, and one commit."""
        wanted = tuple(
            (flight, each) for flight, each in unstored if flight.rendering is not None and each in flight.messages
        )
        if not wanted:
            return
        patient = patient and not any(flight.waiting for flight, _ in wanted)
        self._storing += len(wanted)
        additions = tuple(flight.addition(message_id) for flight, message_id in wanted)
        self.request(self._timeline, AddTranslations(additions, patient), partial(_Stored, wanted))

    @handles(_Stored)
    async def stored(self, message: _Stored) -> None:
        """See what has become of translations; they are not given up because the database is away for a while."""
        self._storing -= len(message.stored)
        error = message.answer.error
        if isinstance(error, Overtaken):
            if self._patient_until is None:
                self._patient_until = self._surroundings.time() + PATIENCE
            for flight, message_id in message.stored:
                self._put(flight, message_id)
        elif error is None:
            self._patient_until = None
            for (flight, message_id), translation in zip(message.stored, message.answer.result(), strict=True):
                self._counts["outdated" if translation is None else "stored"] += 1
                self._flights.leave(flight, message_id, translation)
        elif isinstance(error, TryLater | AskFailed) and not isinstance(error, TimelineMoved):
            self._unstored.extend(message.stored)
            self.send_after(RETRY, _StoreAgain(), key=_StoreAgain)
            return
        elif len(message.stored) > 1 and not isinstance(error, TimelineMoved):
            for each in message.stored:  # it may be only one of them that the database refuses
                self._keep([each], patient=False)
        else:
            log.warning("booth.not_stored", timeline=self._channel, error=str(error))
            self._counts["not_stored"] += len(message.stored)
            for flight, message_id in message.stored:
                self._flights.leave(flight, message_id, None)
        self._store()

    @handles(_StoreAgain)
    async def store_again(self, message: _StoreAgain) -> None:
        """Try again what could not be stored."""
        del message
        self._store()
