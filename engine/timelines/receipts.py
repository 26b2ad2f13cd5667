"""Who has read how far, shown to those who listen to a timeline: at most a few times a second, and not in a crowd."""

from typing import TYPE_CHECKING, Final

import msgspec

from actors import Message
from engine.domain.fields import ParticipantId
from engine.domain.people import Principal

if TYPE_CHECKING:
    from engine.timelines.shared import SharedTimeline  # noqa: F401 - named as the receiver of messages

CROWD: Final = 100
"""With more people than this present nobody is shown who reads: each reader would cause as many events as there are readers.
With more members than this nobody asks either."""
SHOWN_AT_ONCE: Final = 20
"""How many people's reading is shown at once; the others follow after the pause."""
PAUSE: Final = 0.5
"""Seconds between two such moments."""


class CheckRead(Message["SharedTimeline", None], frozen=True):
    """Refuses a read marker of who is no member (`Forbidden`, `NotFound`), or above the last event (`InvalidRequest`)."""

    by: Principal
    offset: int


class AskReaders(Message["SharedTimeline", tuple[ParticipantId, ...]], frozen=True):
    """The people whose reading is shown to whoever may read here (`Forbidden`, `NotFound`): none where they are a crowd."""

    by: Principal


class ShowRead(Message["SharedTimeline", None], frozen=True):
    """Someone's read marker has moved, durably."""

    participant_id: ParticipantId
    offset: int


class ReadShown(msgspec.Struct, frozen=True, tag_field="type", tag="read"):
    """The ephemeral event `read`: `participant_id` has read up to and including `offset`."""

    participant_id: ParticipantId
    offset: int


class Receipts:
    """The readings that are still to be shown: of each person the latest."""

    def __init__(self) -> None:
        self.resting = False
        """Whether a pause is under way, after which `take` is called."""
        self._waiting: dict[ParticipantId, int] = {}

    def add(self, person: ParticipantId, offset: int) -> None:
        """Someone has read this far."""
        self._waiting[person] = max(offset, self._waiting.get(person, 0))

    def take(self, present: int) -> list[bytes]:
        """The events to be shown now, as JSON, when so many people are present; then a pause begins, unless there are none."""
        if not 0 < present <= CROWD:
            self._waiting.clear()
        shown = [ReadShown(person, self._waiting.pop(person)) for person in list(self._waiting)[:SHOWN_AT_ONCE]]
        self.resting = bool(shown)
        return [msgspec.json.encode(each) for each in shown]
