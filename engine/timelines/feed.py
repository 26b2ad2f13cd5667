"""The feed: what timelines have made durable, and where somebody comes to listen, for the parts of the engine that follow them.

feed.watch(lambda news: notifier.tell(News(news)))
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

import msgspec

from engine.domain.conversations import Conversation
from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.rooms import Member, Room
from engine.timelines.state import Recent


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Events that one timeline has just committed, oldest first, and who its members are after them.

    `members` and `recent` are the timeline's own views and change with it: who keeps them beyond the call copies them, or wants
    what they are by then. `languages` are those of the subscribers.
    """

    kind: TimelineKind
    timeline_id: TimelineId
    room: Room | None
    conversation: Conversation | None
    members: Mapping[ParticipantId, Member]
    events: Sequence[Event]
    recent: Recent
    languages: Collection[str] = ()

    @property
    def channel(self) -> str:
        """The timeline's name for clients, `room:<id>`."""
        return f"{self.kind}:{self.timeline_id}"


Listener: TypeAlias = Callable[[News], None]
"""Called inside the timeline's turn, after its subscribers have been told: returns at once and never raises."""
Doorman: TypeAlias = Callable[[str, TimelineId], None]
"""Called inside the timeline's turn with its channel and its id: returns at once and never raises."""


class Feed:
    """Every commit of every timeline of this process, each once, in offset order within a timeline.

    What a crash cuts off is not told again: what must survive is a projection of the events, written with them.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._doormen: list[Doorman] = []

    def watch(self, listener: Listener) -> None:
        """Call `listener` with every commit from now on."""
        self._listeners.append(listener)

    def publish(self, news: News) -> None:
        """Tell everyone who watches."""
        for listener in self._listeners:
            listener(news)

    def greet(self, doorman: Doorman) -> None:
        """Call `doorman` whenever a client has begun to listen to a room or a conversation."""
        self._doormen.append(doorman)

    def arrived(self, channel: str, timeline_id: TimelineId) -> None:
        """Tell everyone who greets."""
        for doorman in self._doormen:
            doorman(channel, timeline_id)
