"""Who listens to a timeline at this moment."""

from collections.abc import Iterable

from engine.domain.fields import ParticipantId
from engine.timelines.fanout import ClientInfo, Ending, Publication, Sink


class Subscribers:
    """The sinks of one channel, by client. Everything here happens inside the timeline's turn."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._sinks: dict[str, tuple[ClientInfo, Sink]] = {}

    def __len__(self) -> int:
        return len(self._sinks)

    @property
    def clients(self) -> list[ClientInfo]:
        """The connected clients, in the order in which they came."""
        return [info for info, _ in self._sinks.values()]

    @property
    def online(self) -> set[ParticipantId]:
        """The people of whom at least one client is connected."""
        return {info.user for info, _ in self._sinks.values()}

    def add(self, info: ClientInfo, sink: Sink) -> None:
        """Begin to deliver to `sink`; the others learn of the client unless it was here already."""
        known = info.client in self._sinks
        if not known:
            for _, other in self._sinks.values():
                other.joined(self._channel, info)
        self._sinks[info.client] = (info, sink)

    def remove(self, client: str) -> None:
        """Stop delivering to a client; the others learn of it."""
        gone = self._sinks.pop(client, None)
        if gone is not None:
            for _, other in self._sinks.values():
                other.left(self._channel, gone[0])

    def deliver(self, publications: Iterable[Publication]) -> None:
        """Hand publications to every sink, in order."""
        sinks = [sink for _, sink in self._sinks.values()]
        for publication in publications:
            for sink in sinks:
                sink.deliver(publication)

    def end(self, ending: Ending, *, user: ParticipantId | None = None) -> None:
        """Drop every subscription, or those of one person, and say why; those who stay learn who has gone."""
        ended = [entry for entry in self._sinks.values() if user is None or entry[0].user == user]
        for info, _ in ended:
            del self._sinks[info.client]
        for info, sink in ended:
            sink.end(self._channel, ending)
            for _, other in self._sinks.values():
                other.left(self._channel, info)
