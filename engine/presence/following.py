"""Following: the people whose presence one timeline wants to hear of, and who of them has changed since it looked last."""

from collections.abc import Callable, Iterable
from typing import Protocol

from engine.domain.fields import ParticipantId


class Index(Protocol):
    """Where a following is found by the people whom it follows."""

    def add(self, person: ParticipantId, following: "Following") -> None:
        """Tell `following` of this person from now on."""
        ...

    def discard(self, person: ParticipantId, following: "Following") -> None:
        """Tell it no more."""
        ...

    def retry(self, following: "Following") -> None:
        """Its follower could not be woken: try again soon."""
        ...


class Following:
    """Made by `People.follow`. `wake` is called once when there is something to take; False says that it was in vain.

    However many people change, one wake-up is under way: what waits is at most one entry for each person. While it does not
    listen, changes are only collected.
    """

    def __init__(self, index: Index, wake: Callable[[], bool]) -> None:
        self._index = index
        self._wake = wake
        self._people: set[ParticipantId] = set()
        self._changed: dict[ParticipantId, None] = {}
        self._listening = True
        self._woken = False

    @property
    def listening(self) -> bool:
        """Whether changes wake the follower."""
        return self._listening

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._listening = listening
        self.wake()

    def add(self, people: Iterable[ParticipantId]) -> None:
        """Follow these people too."""
        for person in people:
            self._people.add(person)
            self._index.add(person, self)

    def discard(self, person: ParticipantId) -> None:
        """Follow someone no more."""
        self._people.discard(person)
        self._changed.pop(person, None)
        self._index.discard(person, self)

    def take(self) -> list[ParticipantId]:
        """Who has changed since the last time, each once."""
        changed, self._changed, self._woken = list(self._changed), {}, False
        return changed

    def note(self, person: ParticipantId) -> None:
        """Someone has changed."""
        self._changed[person] = None
        self.wake()

    def wake(self) -> None:
        """Tell the follower, when there is something to take and it has not been told."""
        if self._listening and self._changed and not self._woken:
            self._woken = self._wake()
            if not self._woken:
                self._index.retry(self)

    def close(self) -> None:
        """Follow nobody any more."""
        self._listening = False
        self._changed.clear()
        for person in self._people:
            self._index.discard(person, self)
        self._people.clear()
