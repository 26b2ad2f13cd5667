"""Fan-out: one publication, encoded once, to every subscriber of a timeline."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from engine.domain.answers import AnswerDelta, AnswerSoFar, AnswerStarted
from engine.domain.fields import ParticipantId


class Publication:
    """One event on its way to subscribers, encoded once for all of them.

    `data` is the event as JSON. `offset` is its place in the timeline, None for an ephemeral event. `channel` is the
    timeline's name for clients, `room:<id>`. `language` is set on what only readers of that language are told. `missable`: a
    subscriber with much to read yet may go without; by default that is so of ephemeral events.
    """

    __slots__ = ("_forms", "channel", "data", "language", "missable", "offset")

    def __init__(
        self,
        channel: str,
        offset: int | None,
        data: bytes,
        language: str | None = None,
        *,
        missable: bool | None = None,
    ) -> None:
        self.channel = channel
        self.offset = offset
        self.data = data
        self.language = language
        self.missable = offset is None if missable is None else missable
        self._forms: dict[Callable[[Publication], bytes], bytes] = {}

    def form(self, encode: Callable[["Publication"], bytes]) -> bytes:
        """This publication in a door's own framing, computed by the first subscriber that asks and shared by the rest."""
        form = self._forms.get(encode)
        if form is None:
            form = self._forms[encode] = encode(self)
        return form


class Delta(Publication):
    """A piece of an answer. Those that wait together for one subscriber may reach it as one; see `merged`.

    `growth` is by how many bytes at most it makes the one before it longer, when both become one: those of its text, and, as many
    as its quotes take, a digit more of the index and of the length.
    """

    __slots__ = ("growth", "said")

    def __init__(self, channel: str, said: AnswerDelta) -> None:
        super().__init__(channel, None, msgspec.json.encode(said))
        self.said = said
        self.growth = len(msgspec.json.encode(said.text))


def merged(deltas: Sequence[Delta]) -> Delta:
    """Deltas of one answer that follow one another, as one."""
    first, last = deltas[0], deltas[-1].said
    if len(deltas) == 1:
        return first
    text = "".join(each.said.text for each in deltas)
    return Delta(first.channel, AnswerDelta(last.answer_id, last.index, text, last.length))


def so_far(channel: str, answer: AnswerSoFar) -> Iterator[Publication]:
    """An answer in progress as the events that a subscriber would have heard of it."""
    started = AnswerStarted(answer.answer_id, answer.author, answer.question)
    yield Publication(channel, None, msgspec.json.encode(started), missable=False)
    if answer.text:
        yield Delta(channel, AnswerDelta(answer.answer_id, answer.index - 1, answer.text, answer.length))


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
