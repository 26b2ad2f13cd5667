"""The desk: where every text that is wanted arrives, waits, and is given to a provider; and where what has become of it is told.

What is the same shares a flight, whoever wants it. A flight waits in the lane of one provider, the first that takes its languages
and may be asked; what fails there goes on to the next one, or comes back while there is time. Callers' deadlines are the runtime's: a
flight for which nobody waits any more leaves its lane. So every call ends once, whatever happens here: a desk that crashes leaves its
calls to the runtime.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import structlog

from actors import Actor, Answer, Call, Mailbox, Message, handles
from engine.traffic import Courtesy, Traffic
from engine.translation.cache import Cache
from engine.translation.failures import (
    LanguageUnsupported,
    RenderingDamaged,
    TextRefused,
    TranslationFailed,
    WorkDropped,
)
from engine.translation.flights import Flight, Sameness, context_of, sameness
from engine.translation.interpreters import Interpret, Outcomes
from engine.translation.lanes import Lane, Lanes, resting
from engine.translation.languages import Offer
from engine.translation.markdown import Document
from engine.translation.provider import Batch, ProviderFailed, Translated, Usage
from engine.translation.status import Ledger
from engine.translation.work import Rendering, Work

log = structlog.get_logger(__name__)

SLICE: Final = 5
"""Texts that are taken, or have come back, in one go: fifty are a millisecond in which nobody else has their turn."""
MANY: Final = 8 * SLICE
"""Texts of which, when they wait to be taken, twice as many are taken in one go."""
REST: Final = 0.001
"""Seconds between two slices."""
PATIENCE: Final = 0.02
"""Seconds for which those who post come first, at most."""
MOST_ATTEMPTS: Final = 4
"""How often one text is given to a provider, whichever, before it fails."""
USAGE_EVERY: Final = 300.0
"""Seconds between two looks at how much of a quota is used."""
OFFER_EVERY: Final = 86_400.0
"""Seconds between two looks at the languages of a provider."""
OFFER_AGAIN: Final = 300.0
"""The same after one that failed."""


class Translate(Message["Desk", Rendering], frozen=True):
    """Have a text translated; `document` is the text taken apart."""

    work: Work
    document: Document


class Flush(Message["Desk", None], frozen=True):
    """A lane's texts have gathered, or its provider may be asked again."""

    lane: int


class Came(Message["Desk", None], frozen=True):
    """What has become of a request. `flights` are those that were in it."""

    lane: int
    flights: tuple[Flight, ...]
    answer: Answer[Outcomes | ProviderFailed]


class Look(Message["Desk", None], frozen=True):
    """It is time to ask a provider for its usage, or its languages."""

    lane: int
    at: "type[Usage | Offer]"


class Seen(Message["Desk", None], frozen=True):
    """What a provider has said of itself."""

    lane: int
    at: "type[Usage | Offer]"
    answer: Answer[Usage | Offer]


class Desk(Actor):
    """One for all providers. `clock` is monotonic, in seconds; `window` in seconds; `queue` is how many texts may wait."""

    mailbox = Mailbox(20_000)

    def __init__(
        self,
        lanes: Lanes,
        cache: Cache,
        ledger: Ledger,
        clock: Callable[[], float],
        *,
        traffic: Traffic,
        window: float,
        queue: int,
        deadline: float,
    ) -> None:
        self._lanes = lanes
        self._cache = cache
        self._ledger = ledger
        self._clock = clock
        self._courtesy = Courtesy(traffic, PATIENCE, rest=REST)
        self._window = window
        self._queue = queue
        self._deadline = deadline
        self._flights: dict[Sameness, Flight] = {}

    async def started(self) -> None:
        """Ask the providers for what they offer."""
        for lane in self._lanes:
            self._look(lane, Offer)
            self._look(lane, Usage)

    # -- arriving --------------------------------------------------------------------------------------------------------

    @handles(Translate, batch=MANY)
    async def take(self, calls: list[Call[Translate, Rendering]]) -> None:
        """Take what has arrived."""
        each = SLICE if len(calls) < MANY else 2 * SLICE
        for number, call in enumerate(calls, 1):
            if not call.settled:  # its caller may have gone while others were on the way
                self._take(call)
            if number % each == 0:
                await self._courtesy.after_you()

    def _take(self, call: Call[Translate, Rendering]) -> None:
        work = call.message.work
        key = sameness(work)
        cached = self._cache.get(key)
        if cached is not None:
            self._ledger.cached += 1
            self._answer(call, cached)
            return
        flight = self._flights.get(key)
        if flight is not None:
            self._ledger.shared += 1
            self._join(flight, call)
            return
        flight = Flight(key, work, call.message.document, self._clock())
        self._flights[key] = flight
        self._join(flight, call)
        self._route(flight)
        if not flight.under_way and sum(len(lane.waiting) for lane in self._lanes) > self._queue:
            self._drop()

    def _join(self, flight: Flight, call: Call[Translate, Rendering]) -> None:
        flight.calls[call] = None
        call.ended = partial(self._left, flight, call)
        if call.message.work.present and not flight.present:
            flight.present = True
            if not flight.under_way:
                self._lanes[flight.lane].waiting.promote(flight)

    def _left(self, flight: Flight, call: Call[Translate, Rendering]) -> None:
        """A caller has gone, or has waited too long. What is under way is finished: somebody may want it yet."""
        flight.calls.pop(call, None)
        if not flight.calls and not flight.under_way and self._flights.get(flight.key) is flight:
            self._lanes[flight.lane].waiting.remove(flight)
            del self._flights[flight.key]

    def _drop(self) -> None:
        """Too much is waiting: what nobody present waits for goes first, and of that the oldest."""
        for present in (False, True):
            oldest = [each for lane in self._lanes if (each := lane.waiting.oldest(present=present)) is not None]
            if oldest:
                flight = min(oldest, key=lambda each: each.since)
                self._lanes[flight.lane].waiting.remove(flight)
                if present:
                    self._ledger.dropped_present += 1
                else:
                    self._ledger.dropped_absent += 1
                self._fail(flight, WorkDropped("too many texts wait to be translated", retry_after=self._deadline))
                return

    # -- the way to a provider -------------------------------------------------------------------------------------------

    def _route(
        self, flight: Flight, start: int = 0, last: TranslationFailed | None = None, *, avoid: Lane | None = None
    ) -> None:
        """Let a flight wait for the first provider from `start` on that will do, or fail it: with `last`, or with why none will.

        One that is to be avoided is taken when there is no other.
        """
        able = [lane for lane in self._lanes[start:] if lane.takes(flight) is None]
        if not able:
            self._fail(flight, last or next(filter(None, (lane.takes(flight) for lane in self._lanes))))
            return
        rested = [lane for lane in able if lane.gate.rested]
        others = [lane for lane in rested if lane is not avoid]
        lane = next(iter(others or rested), None) or min(able, key=lambda each: each.gate.opens_in)
        if flight.attempts >= MOST_ATTEMPTS or self._clock() + lane.gate.opens_in >= flight.deadline:
            self._fail(flight, last or resting(able))
            return
        flight.lane = lane.number
        lane.waiting.add(flight)
        self._gather(lane)

    def _gather(self, lane: Lane) -> None:
        """Set the moment at which what has gathered is sent, unless it is set for an earlier one."""
        seconds = max(lane.gate.opens_in, self._window)
        at = self._clock() + seconds
        if lane.free and (lane.sends_at is None or at < lane.sends_at):
            lane.sends_at = at
            self.send_after(seconds, Flush(lane.number), key=lane.number)

    @handles(Flush)
    async def flush(self, message: Flush) -> None:
        """Send what a lane has gathered."""
        lane = self._lanes[message.lane]
        lane.sends_at = None
        self._send(lane)

    def _send(self, lane: Lane) -> None:
        """Make as many requests as may be made now, and set the moment for more."""
        capacity = lane.provider.capacity
        while lane.free and len(lane.waiting) and lane.gate.passes:
            flights = lane.waiting.take(capacity.texts, capacity.characters, lane.free)
            self._depart(lane, flights)
        if lane.gate.breaker.state == "half_open" and lane.in_flight:
            return  # what comes of the probe decides
        if len(lane.waiting):
            self._gather(lane)

    def _depart(self, lane: Lane, flights: list[Flight]) -> None:
        options = flights[0].key.options
        for flight in flights:
            flight.under_way = True
            flight.attempts += 1
        lane.free -= 1
        lane.texts += len(flights)
        batch = Batch(
            documents=tuple(flight.document for flight in flights),
            source=options.source,
            target=options.target,
            context=context_of(flights),
            formality=options.formality,
            glossary=options.glossary,
        )
        seconds = max(flight.deadline for flight in flights) - self._clock()
        came = partial(Came, lane.number, tuple(flights))
        self.request(lane.pool, Interpret(batch), then=came, timeout=max(seconds, 0.0))

    # -- and back --------------------------------------------------------------------------------------------------------

    @handles(Came)
    async def came(self, message: Came) -> None:
        """See what has become of a request, and make the next."""
        lane = self._lanes[message.lane]
        lane.free += 1
        answer = message.answer
        outcome = answer.value if answer.error is None else ProviderFailed("unavailable", f"{lane.provider.name} broke")
        if isinstance(outcome, ProviderFailed):
            for flight in message.flights:
                flight.under_way = False
            for flight in message.flights:
                self._turned_back(lane, flight, outcome, alone=len(message.flights) == 1)
            self._reroute(lane)
        else:
            for number, (flight, each) in enumerate(zip(message.flights, outcome, strict=True), 1):
                flight.under_way = False
                if isinstance(each, Translated):
                    self._arrived(lane, flight, each)
                else:
                    lane.gate.note(each)
                    self._turned_back(lane, flight, each, alone=True)
                if number % SLICE == 0:
                    await self._courtesy.after_you()
        self._send(lane)

    def _arrived(self, lane: Lane, flight: Flight, translated: Translated) -> None:
        rendering = Rendering(
            text=translated.text, source=translated.source, target=flight.work.target, provider=lane.provider.name
        )
        self._cache.put(flight.key, rendering)
        for call in self._landed(flight):
            self._answer(call, rendering)

    def _turned_back(self, lane: Lane, flight: Flight, error: ProviderFailed, *, alone: bool) -> None:
        """A provider has not translated a text. Perhaps another one does, or the same one later."""
        if not flight.calls:
            self._landed(flight)
            return
        match error.code:
            case "refused" if not alone:
                flight.alone = True  # it may have been another text of the same request
                self._route(flight, lane.number)
            case "refused":
                self._route(flight, lane.number + 1, TextRefused("the text was turned down"))
            case "damaged":
                self._route(flight, lane.number + 1, RenderingDamaged(str(error)))
            case "unsupported":
                self._route(flight, lane.number + 1, LanguageUnsupported(str(error)))
            case _:
                self._route(flight, avoid=lane)

    def _reroute(self, lane: Lane) -> None:
        """While a provider rests, others may do what waits for it; what cannot wait so long fails now."""
        if not lane.gate.rested:
            for flight in list(lane.waiting):
                lane.waiting.remove(flight)
                self._route(flight)

    def _fail(self, flight: Flight, error: TranslationFailed) -> None:
        for call in self._landed(flight):
            self._ledger.failed[error.code] += 1
            call.refuse(error)

    def _answer(self, call: Call[Translate, Rendering], rendering: Rendering) -> None:
        self._ledger.translated += 1
        call.answer(msgspec.structs.replace(rendering, target=call.message.work.target))

    def _landed(self, flight: Flight) -> list[Call[Translate, Rendering]]:
        """A flight is over: those who wait for it."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        calls, flight.calls = flight.calls, {}
        for call in calls:
            call.ended = None
        return list(calls)

    # -- what providers say of themselves --------------------------------------------------------------------------------

    def _look(self, lane: Lane, at: "type[Usage | Offer]") -> None:
        ask = lane.provider.offer if at is Offer else lane.provider.usage
        self.spawn(ask, then=partial(Seen, lane.number, at))

    @handles(Look)
    async def look(self, message: Look) -> None:
        """Ask, beside everything else."""
        self._look(self._lanes[message.lane], message.at)

    @handles(Seen)
    async def seen(self, message: Seen) -> None:
        """Take note, and ask again in a while."""
        lane = self._lanes[message.lane]
        error = message.answer.error
        if error is not None:
            log.warning("translation.provider_silent", provider=lane.provider.name, error=str(error))
            if isinstance(error, ProviderFailed) and error.code == "unauthorized":
                lane.gate.failed(error)
                self._reroute(lane)
            again = OFFER_AGAIN if message.at is Offer else USAGE_EVERY
        elif isinstance(message.answer.value, Offer):
            lane.offer, again = message.answer.value, OFFER_EVERY
        else:
            lane.gate.used(message.answer.value)
            again = USAGE_EVERY
            self._reroute(lane)
            self._gather(lane)  # there may be some quota again, long before it was expected
        self.send_after(again, Look(message.lane, message.at), key=(message.lane, message.at))
