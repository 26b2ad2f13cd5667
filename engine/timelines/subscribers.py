"""Who listens to a timeline at this moment."""

from collections import Counter
from collections.abc import Iterable, KeysView
from itertools import islice

from engine.domain.fields import ParticipantId
from engine.timelines.fanout import ClientInfo, Ending, Publication, Sink
from engine.timelines.languages import Reading, same


class Subscribers:
    """The sinks of one channel, by client. Everything here happens inside the timeline's turn.

    Up to `few` of them are told of each other's coming and going; more are not: among n that would be n times n pushes. Each reads
    in a language, or only what was written.
    """

    def __init__(self, channel: str, few: int) -> None:
        self._channel = channel
        self._few = few
        self._sinks: dict[str, tuple[ClientInfo, Sink]] = {}
        self._people: Counter[ParticipantId] = Counter()
        self._languages: dict[str, str] = {}
        self._readers: dict[str, dict[str, Sink]] = {}

    def __len__(self) -> int:
        return len(self._sinks)

    def __contains__(self, person: ParticipantId) -> bool:
        return person in self._people

    @property
    def people(self) -> int:
        """How many people they are: several clients of one count once."""
        return len(self._people)

    @property
    def languages(self) -> KeysView[str]:
        """The languages in which somebody reads. It is a view, and changes with them."""
        return self._readers.keys()

    def reading(self, client: str, otherwise: Reading) -> Reading:
        """How a client reads; `otherwise` when it is not here."""
        return self._languages.get(client) if client in self._sinks else otherwise

    def clients(self, most: int) -> list[ClientInfo]:
        """The connected clients, in the order in which they came, the first `most` of them."""
        return [info for info, _ in islice(self._sinks.values(), most)]

    def add(self, info: ClientInfo, sink: Sink, language: str | None = None) -> None:
        """Begin to deliver to `sink`; a few others learn of the client unless it was here already."""
        known = self._sinks.get(info.client)
        if known is not None:
            self._count_out(known[0])
        elif len(self._sinks) < self._few:
            for _, other in self._sinks.values():
                other.joined(self._channel, info)
        self._sinks[info.client] = (info, sink)
        self._people[info.user] += 1
        self.set_language(info.client, language)

    def set_language(self, client: str, language: str | None) -> bool:
        """Have a client read in another language, None: only what was written; tells whether the client is here."""
        known = self._sinks.get(client)
        if known is None:
            return False
        self._forget_language(client)
        if language is not None:
            self._languages[client] = language
            self._readers.setdefault(language, {})[client] = known[1]
        return True

    def remove(self, client: str) -> ClientInfo | None:
        """Stop delivering to a client, if it is here; a few others learn of it."""
        gone = self._sinks.pop(client, None)
        if gone is None:
            return None
        self._count_out(gone[0])
        self._tell_left(gone[0])
        return gone[0]

    def deliver(self, publications: Iterable[Publication]) -> None:
        """Hand publications to every sink, or those whose language they are in, in order."""
        sinks = [sink for _, sink in self._sinks.values()]
        for publication in publications:
            for sink in sinks if publication.language is None else self._reading(publication.language):
                sink.deliver(publication)

    def _reading(self, language: str) -> list[Sink]:
        return [sink for read, readers in self._readers.items() if same(language, read) for sink in readers.values()]

    def end(self, ending: Ending, *, user: ParticipantId | None = None) -> None:
        """Drop every subscription, or those of one person, and say why; a few who stay learn who has gone."""
        if user is not None and user not in self._people:
            return
        ended = [entry for entry in self._sinks.values() if user is None or entry[0].user == user]
        for info, _ in ended:
            del self._sinks[info.client]
            self._count_out(info)
        for info, sink in ended:
            sink.end(self._channel, ending)
            self._tell_left(info)

    def _tell_left(self, info: ClientInfo) -> None:
        if len(self._sinks) < self._few:
            for _, other in self._sinks.values():
                other.left(self._channel, info)

    def _count_out(self, info: ClientInfo) -> None:
        self._forget_language(info.client)
        self._people[info.user] -= 1
        if not self._people[info.user]:
            del self._people[info.user]

    def _forget_language(self, client: str) -> None:
        language = self._languages.pop(client, None)
        if language is not None:
            readers = self._readers[language]
            del readers[client]
            if not readers:
                del self._readers[language]
