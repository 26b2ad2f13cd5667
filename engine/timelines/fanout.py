"""Fan-out: one publication, encoded once, to every subscriber of a timeline."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from engine.domain.fields import ParticipantId


class Publication:
    """One event on its way to subscribers, encoded once for all of them.

    `data` is the event as JSON. `offset` is its place in the timeline, None for an ephemeral event. `channel` is the
    timeline's name for clients, `room:<id>`. `language` is set on what only readers of that language are told.
    """

    __slots__ = ("_forms", "channel", "data", "language", "offset")

    def __init__(self, channel: str, offset: int | None, data: bytes, language: str | None = None) -> None:
        self.channel = channel
        self.offset = offset
        self.data = data
        self.language = language
        self._forms: dict[Callable[[Publication], bytes], bytes] = {}

    def form(self, encode: Callable[["Publication"], bytes]) -> bytes:
        """This publication in a door's own framing, computed by the first subscriber that asks and shared by the rest."""
        form = self._forms.get(encode)
        if form is None:
            form = self._forms[encode] = encode(self)
        return form


class ClientInfo:
    """A connected client of a participant, as presence shows it. One person may have several."""

    __slots__ = ("client", "user")

    def __init__(self, client: str, user: ParticipantId) -> None:
        self.client = client
        self.user = user


class Ending(Enum):
    """Why a timeline ends a subscription by itself."""

    NOT_A_MEMBER = "not_a_member"
    """The person left or was removed."""
    ARCHIVED = "archived"
    """The room was closed."""
    RESTARTED = "restarted"
    """The room restarts after a fault: subscribe again and recover by offset."""
    MOVED = "moved"
    """Another process owns the timeline now: connect again."""


class Sink(Protocol):
    """A subscriber's end: a bounded queue in front of a connection, not an actor.

    Called inside the timeline's turn: every method returns at once, never waits and never raises.
    """

    def deliver(self, publication: Publication) -> None:
        """Take the next publication. A sink that cannot keep up ends its own connection; it never slows the timeline."""
        ...

    def joined(self, channel: str, info: ClientInfo) -> None:
        """Another client subscribed."""
        ...

    def left(self, channel: str, info: ClientInfo) -> None:
        """Another client's subscription ended."""
        ...

    def end(self, channel: str, ending: Ending) -> None:
        """The timeline has dropped this subscription."""
        ...
