"""What answers need of the timeline that they are in."""

from collections.abc import Iterable
from typing import Any, Protocol

from actors import Call
from engine.domain.fields import TimelineId
from engine.domain.people import Principal
from engine.timelines.fanout import Publication
from engine.timelines.turn import Turn
from engine.timelines.writer import Decide, Needs


class Host(Protocol):
    """What answers need of their timeline."""

    id: TimelineId
    channel: str

    def as_of_now(self) -> Turn:
        """A turn to look at."""
        ...

    def check_author(self, turn: Turn, by: Principal) -> None:
        """See `Timeline.check_author`."""
        ...

    def check_open(self, turn: Turn) -> None:
        """See `Timeline.check_open`."""
        ...

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """See `Timeline.moderates`."""
        ...

    def propose(self, calls: Iterable[Call[Any, Any]], decide: Decide, *, needs: Needs | None = None) -> None:
        """See `Timeline.propose`."""
        ...

    def detect(self, text: str) -> str | None:
        """See `Timeline.detect`."""
        ...

    def tell_subscribers(self, publications: Iterable[Publication]) -> None:
        """Deliver to everyone who listens."""
        ...

    def wake_for_answers(self, due: float) -> None:
        """Call `Answering.tick` at this moment; infinity: not before it is said again."""
        ...
