"""One client's subscription to one channel: the sink that a timeline delivers to."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio
import structlog

from actors import Ref
from actors.errors import ActorError
from engine.timelines.commands import Unsubscribe
from engine.timelines.fanout import ClientInfo, Delta, Ending, Publication
from gateway.realtime import protocol
from gateway.realtime.outbox import Outbox

if TYPE_CHECKING:
    from engine.timelines.timeline import Timeline

log = structlog.get_logger(__name__)


class Subscriber(Protocol):
    """Whoever a subscription belongs to: a session, or a stream of events."""

    client: str
    outbox: Outbox

    def fell_behind(self) -> None:
        """More is waiting for the client than may wait."""
        ...

    def dropped(self, subscription: "Subscription", ending: Ending) -> None:
        """The timeline ended the subscription."""
        ...


class Forms(NamedTuple):
    """How a door writes what a timeline delivers. None: it does not."""

    publication: Callable[[Publication], bytes]
    joined: Callable[[str, ClientInfo], bytes] | None
    left: Callable[[str, ClientInfo], bytes] | None


PUSHES = Forms(protocol.publication_push, protocol.join_push, protocol.leave_push)


class State(Enum):
    """Where a subscription is in its life."""

    ASKED = "asked"
    """The timeline delivers already, or will; pushes are held back until the answer stands in the outbox."""
    LIVE = "live"
    ENDED = "ended"


class Subscription:
    """See `engine.timelines.fanout.Sink`.

    On the wire comes first the reply to the subscription, then what was published after it: no gap and nothing twice. While
    the answer is under way (events may have to be read from the log), pushes wait here, counted against the outbox's limit.
    """

    __slots__ = ("_ending", "_forms", "_held", "_lost", "_ref", "_state", "_subscriber", "channel", "scope")

    def __init__(self, channel: str, ref: "Ref[Timeline]", subscriber: Subscriber, forms: Forms = PUSHES) -> None:
        self.channel = channel
        self.scope = anyio.CancelScope()
        """Around the wait for the answer."""
        self._ref = ref
        self._subscriber = subscriber
        self._forms = forms
        self._state = State.ASKED
        self._held: list[tuple[int | None, bytes]] = []
        self._ending: Ending | None = None
        self._lost = False

    @property
    def ended(self) -> bool:
        """Whether it is over, from either side."""
        return self._state is State.ENDED

    def deliver(self, publication: Publication) -> None:
        """See `Sink.deliver`."""
        if self._state is State.LIVE:
            if isinstance(publication, Delta):
                self._subscriber.outbox.extend(publication, self._forms.publication)
            elif publication.missable:
                self._subscriber.outbox.offer(publication.form(self._forms.publication))
            elif not self._subscriber.outbox.push(publication.form(self._forms.publication)):
                self._subscriber.fell_behind()
        else:
            item = publication.form(self._forms.publication)
            self._push(publication.offset, item, missable=publication.missable)

    def joined(self, channel: str, info: ClientInfo) -> None:
        """See `Sink.joined`."""
        if self._forms.joined is not None:
            self._push(None, self._forms.joined(channel, info))

    def left(self, channel: str, info: ClientInfo) -> None:
        """See `Sink.left`."""
        if self._forms.left is not None:
            self._push(None, self._forms.left(channel, info))

    def end(self, channel: str, ending: Ending) -> None:
        """See `Sink.end`."""
        if self._state is State.LIVE:
            self._state = State.ENDED
            self._subscriber.dropped(self, ending)
        elif self._state is State.ASKED:
            self._ending = ending

    def go_live(self, reply: bytes | None, offset: int) -> None:
        """Put the reply in the outbox and after it what was held: of publications those above `offset`, which the reply covers.

        Without a reply (it stands in another one) only what was held goes out.
        """
        outbox = self._subscriber.outbox
        if reply is not None:
            outbox.reply(reply)
        held, self._held = self._held, []
        self._state = State.LIVE
        outbox.release(sum(len(item) for _, item in held))
        for at, item in held:
            if at is None or at > offset:
                outbox.push(item)  # never over the limit: it has been counted while held
        if self._ending is not None:
            self._state = State.ENDED
            self._subscriber.dropped(self, self._ending)

    def leave(self) -> None:
        """End it from the client's side: the timeline is told once, also when its answer is still to come."""
        if self._state is State.ENDED:
            return
        if self._state is State.ASKED:
            self._subscriber.outbox.release(sum(len(item) for _, item in self._held))
            self._held = []
            self.scope.cancel()
        self._state = State.ENDED
        if self._ending is None:
            self._tell_timeline()

    def _tell_timeline(self) -> None:
        try:
            self._ref.tell(Unsubscribe(self._subscriber.client))
            self._lost = False
        except ActorError as error:
            # The timeline may have no room for it, or be restarting. If it still has this sink later, it hears it again.
            log.warning("subscription.unsubscribe_refused", channel=self.channel, error=str(error))
            self._lost = True

    def _push(self, offset: int | None, item: bytes, *, missable: bool = False) -> None:
        if self._state is State.LIVE:
            if not self._subscriber.outbox.push(item):
                self._subscriber.fell_behind()
        elif self._state is State.ASKED:
            if self._subscriber.outbox.hold(len(item), missable=missable):
                self._held.append((offset, item))
            elif not missable:
                self._subscriber.fell_behind()
        elif self._lost:
            self._tell_timeline()
