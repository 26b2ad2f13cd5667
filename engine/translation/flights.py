"""Texts on their way, each shared by all who want the same, and how they wait for a provider."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from actors import Call
from engine.translation.languages import parse_tag
from engine.translation.markdown import Document
from engine.translation.work import Rendering, Work


class Options(NamedTuple):
    """What texts have in common that may go in one request."""

    source: str | None
    target: str
    formality: str | None
    glossary: str | None


class Sameness(NamedTuple):
    """What makes two works the same: one rendering serves both. The context is not part of it."""

    text: str
    options: Options
    keep: tuple[str, ...]


def sameness(work: Work) -> Sameness:
    """Of a work. Tags that are written differently mean the same."""
    source = None if work.source is None else "-".join(filter(None, parse_tag(work.source)))
    target = "-".join(filter(None, parse_tag(work.target)))
    return Sameness(work.text, Options(source, target, work.formality, work.glossary), work.keep)


class Flight:
    """One text on its way to one language."""

    __slots__ = ("alone", "attempts", "calls", "document", "key", "lane", "present", "since", "under_way", "work")

    def __init__(self, key: Sameness, work: Work, document: Document, since: float) -> None:
        self.key = key
        self.work = work
        self.document = document
        self.since = since
        self.calls: dict[Call[Any, Rendering], None] = {}
        """Who waits for it, in order."""
        self.present = work.present
        """Whether one of them is connected."""
        self.lane = 0
        """Which of the providers it goes to."""
        self.attempts = 0
        self.alone = False
        """Whether it must not share a request: one that it was in was turned down."""
        self.under_way = False

    @property
    def deadline(self) -> float:
        """When the last of those who wait gives up."""
        return max((call.deadline for call in self.calls), default=self.since)


_Flights: TypeAlias = "dict[Flight, None]"


class Waiting:
    """The flights that wait for one provider.

    Groups take turns; of one group those for whom somebody present waits come first. What goes in one request with the flight whose turn it
    is are others with the same options, again by turns of their groups. A context belongs to its group: texts of several groups go together
    if they have none, or, without it, when there are more groups waiting than requests can be made.
    """

    def __init__(self) -> None:
        self._ages: tuple[_Flights, _Flights] = ({}, {})
        self._turns: OrderedDict[str, tuple[_Flights, _Flights]] = OrderedDict()
        self._alike: dict[Options, OrderedDict[str, _Flights]] = {}

    def __len__(self) -> int:
        return len(self._ages[0]) + len(self._ages[1])

    def __iter__(self) -> Iterator[Flight]:
        for flights in self._ages:
            yield from flights

    def add(self, flight: Flight) -> None:
        """Let it wait."""
        group = flight.work.group
        self._ages[flight.present][flight] = None
        self._turns.setdefault(group, ({}, {}))[flight.present][flight] = None
        self._alike.setdefault(flight.key.options, OrderedDict()).setdefault(group, {})[flight] = None

    def remove(self, flight: Flight) -> None:
        """Let it wait no longer."""
        group, options = flight.work.group, flight.key.options
        for flights in (*self._ages, *self._turns[group]):
            flights.pop(flight, None)
        if not any(self._turns[group]):
            del self._turns[group]
        alike = self._alike[options]
        del alike[group][flight]
        if not alike[group]:
            del alike[group]
        if not alike:
            del self._alike[options]

    def promote(self, flight: Flight) -> None:
        """Somebody present waits for it now."""
        self._ages[False].pop(flight, None)
        self._ages[True][flight] = None
        absent, present = self._turns[flight.work.group]
        absent.pop(flight, None)
        present[flight] = None

    def oldest(self, *, present: bool) -> Flight | None:
        """The one that has waited longest."""
        return next(iter(self._ages[present]), None)

    def take(self, texts: int, characters: int, free: int) -> list[Flight]:
        """The flights of the next request, which wait no longer. `free` requests can be made now, this one included."""
        group, (absent, present) = next(iter(self._turns.items()))
        self._turns.move_to_end(group)
        first = next(iter(present or absent))
        taken = [first]
        left = characters - len(first.work.text)
        for flight in () if first.alone else self._companions(first, free):
            if len(taken) == texts:
                break
            if len(flight.work.text) <= left:
                taken.append(flight)
                left -= len(flight.work.text)
        for flight in taken:
            self.remove(flight)
        return taken

    def _companions(self, first: Flight, free: int) -> Iterator[Flight]:
        groups = self._alike[first.key.options]
        crowded = len(groups) > free
        queues = {
            group: iter(list(flights))
            for group, flights in groups.items()
            if crowded or group == first.work.group or not first.work.context
        }
        while queues:
            for group, flights in list(queues.items()):
                flight = next(flights, None)
                if flight is None:
                    del queues[group]
                elif flight is not first and not flight.alone and self._fits(first, flight, crowded=crowded):
                    yield flight

    @staticmethod
    def _fits(first: Flight, other: Flight, *, crowded: bool) -> bool:
        return crowded or first.work.group == other.work.group or not other.work.context


def context_of(flights: list[Flight]) -> tuple[str, ...]:
    """What goes along with a request: the context of the newest, if all are of one group."""
    groups = {flight.work.group for flight in flights}
    return flights[-1].work.context if len(groups) == 1 else ()
