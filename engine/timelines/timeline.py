"""The timeline actor: one ordered log of durable events, its members' changes to it, and its live subscribers.

How a change becomes an event: a command waits until no write is under way; then everything that waits is decided together, in
order, against the state as it will be (`Turn`), and handed to the journal as one entry. The timeline goes on serving readers
meanwhile. When the journal has committed, the events are applied, the callers answered, the subscribers told: in offset order,
because there is one write at a time. When the outcome of a write is unknown, the timeline is adrift: it claims its log anew and
catches up with it before it writes again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import msgspec
import structlog

from actors import Actor, Answer, Call, Exit, ExitKind, Mailbox, Message, Ref, handles
from engine.clock import Clock
from engine.domain.events import Event, MessageDeleted, MessageEdited
from engine.domain.fields import MessageId, ParticipantId, TimelineId, TimelineKind
from engine.domain.messages import Message as ChatMessage
from engine.domain.people import Principal
from engine.domain.rooms import Member, Room
from engine.errors import EngineError, InvalidRequest, StorageUnavailable, TimelineMoved
from engine.journal import Claim, Journal, Write, WriteConflict, WriteInvalid
from engine.storage.repositories import Append, Claimed, Storage
from engine.timelines import posting
from engine.timelines.commands import (
    Delete,
    Edit,
    MessagePage,
    Position,
    Post,
    Posted,
    ReadEvents,
    ReadMessage,
    ReadMessages,
    ReadPresence,
    SeeTerm,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Window,
)
from engine.timelines.fanout import ClientInfo, Ending
from engine.timelines.fences import Fences
from engine.timelines.reading import page_of
from engine.timelines.state import PostKey, Recent, TimelineState
from engine.timelines.subscribers import Subscribers
from engine.timelines.turn import Turn

log = structlog.get_logger(__name__)

TURN = 256
"""The most commands decided in one turn."""
CATCH_UP = 10_000
"""How many events a subscriber may have missed and still recover them."""
OLDER = 64
"""How many messages from before the recent ones a timeline remembers for replies, edits and deletions."""
SHOWN = 200
"""How many members a subscription's answer shows; the member list has them all."""


class TimelineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`recent_events`: how many events stay in memory. `message_characters`: the longest text. `write_timeout`: seconds until a
    write whose outcome is unknown is answered `StorageUnavailable`."""

    recent_events: int = 500
    message_characters: int = 4000
    write_timeout: float = 4.0


class Surroundings(msgspec.Struct, frozen=True):
    """What every timeline is given."""

    storage: Storage
    journal: Ref[Journal]
    clock: Clock
    fences: Fences
    settings: TimelineSettings


class Change(NamedTuple):
    """A command that waits for its turn, and how to decide it: adds events to the turn and gives the answer, or refuses."""

    call: Call[Any, Any]
    decide: Callable[[Turn, Any], Any]


class Outcome(NamedTuple):
    """What a change will be answered once its turn is committed."""

    change: Change
    value: Any


class _Written(Message["Timeline", None], frozen=True):
    """The journal's answer to the write under way."""

    answer: Answer[None]


class _Resumed(Message["Timeline", None], frozen=True):
    """The journal's answer to a claim made to find out where the log stands."""

    answer: Answer[Claimed]


class Timeline(Actor):
    """What rooms, conversations and personal timelines share. Subclasses say who may read and write."""

    mailbox = Mailbox(4096)
    kind: ClassVar[TimelineKind]

    def __init__(self, timeline_id: TimelineId, surroundings: Surroundings) -> None:
        self.id = timeline_id
        self.channel = f"{self.kind}:{timeline_id}"
        self.subscribers = Subscribers(self.channel)
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._state: TimelineState
        self._claimed: Claimed
        self._adrift = False
        self._waiting: deque[Change] = deque()
        self._writing: tuple[list[Event], list[Outcome]] | None = None
        self._resuming = False
        self._singly = 0
        self._older: dict[MessageId, ChatMessage] = {}

    # -- what subclasses decide ----------------------------------------------------------------------------------------

    def check_reader(self, by: Principal) -> None:
        """Refuse those who may not read: `Forbidden`, or `NotFound` where they may not even know."""
        raise NotImplementedError

    def check_author(self, turn: Turn, by: Principal) -> None:
        """Refuse those who may not post, edit or delete at all."""
        raise NotImplementedError

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """Whether this person may remove the messages of others."""
        raise NotImplementedError

    async def load(self) -> tuple[Room | None, Iterable[Member]]:
        """The room and the members, at activation."""
        return None, ()

    def committed(self, events: Sequence[Event]) -> None:
        """React to events that have just become durable and been delivered."""

    # -- life ----------------------------------------------------------------------------------------------------------

    async def started(self) -> None:
        """Claim the log and read its end. Refuses with `NotFound`, `StorageUnavailable` or `TimelineMoved`."""
        self._surroundings.fences.check(self.id)
        self._claimed = await self._surroundings.journal.ask(Claim(self.id), timeout=self._settings.write_timeout)
        head = self._claimed.head
        start = max(0, head - self._settings.recent_events)
        room, members = await self.load()
        recent = Recent(self.channel, start, self._settings.recent_events)
        for event in await self._surroundings.storage.log.events(self.id, after=start, limit=head - start):
            recent.add(event)
        self._state = TimelineState(room, members, recent, head)
        log.info("timeline.activated", timeline=self.channel, offset=head, term=self._claimed.term)

    async def stopping(self, why: Exit) -> None:
        """Tell the subscribers to come back, unless they have been told something else."""
        self.subscribers.end(Ending.RESTARTED)
        if why.kind is ExitKind.PASSIVATED:
            log.info("timeline.passivated", timeline=self.channel)

    def may_passivate(self) -> bool:
        """A timeline with listeners stays."""
        return not self.subscribers

    # -- changes -------------------------------------------------------------------------------------------------------

    @handles(Post, batch=TURN)
    async def post(self, calls: list[Call[Post, Posted]]) -> None:
        """Add messages."""
        await self.recall(call.message.draft.reply_to for call in calls)
        self.propose(calls, self._decide_post)

    @handles(Edit, batch=TURN)
    async def edit(self, calls: list[Call[Edit, ChatMessage]]) -> None:
        """Change messages."""
        await self.recall(call.message.message_id for call in calls)
        self.propose(calls, self._decide_edit)

    @handles(Delete, batch=TURN)
    async def delete(self, calls: list[Call[Delete, ChatMessage]]) -> None:
        """Remove the content of messages."""
        await self.recall(call.message.message_id for call in calls)
        self.propose(calls, self._decide_delete)

    def _decide_post(self, turn: Turn, message: Post) -> Posted:
        self.check_author(turn, message.by)
        return posting.post(turn, message, self.id, self._surroundings.clock, self._settings.message_characters)

    def _decide_edit(self, turn: Turn, message: Edit) -> ChatMessage:
        self.check_author(turn, message.by)
        return posting.edit(turn, message, self._settings.message_characters)

    def _decide_delete(self, turn: Turn, message: Delete) -> ChatMessage:
        self.check_author(turn, message.by)
        return posting.delete(turn, message, moderator=self.moderates(turn, message.by))

    def propose(self, calls: Iterable[Call[Any, Any]], decide: Callable[[Turn, Any], Any]) -> None:
        """Let calls wait for the next turn, in which `decide` adds their events and gives their answers."""
        self._waiting.extend(Change(call, decide) for call in calls)
        self._advance()

    async def recall(self, wanted: Iterable[MessageId | None]) -> None:
        """Have the messages that decisions need in memory; most are. Not while adrift: decisions then wait anyway."""
        recent = self._state.recent.messages
        for message_id in wanted:
            if message_id is None or message_id in recent or message_id in self._older or self._adrift:
                continue
            try:
                found = await self._surroundings.storage.messages.get(self.id, message_id)
            except StorageUnavailable:
                self._adrift = True
                return
            if found is not None:
                if len(self._older) >= OLDER:
                    del self._older[next(iter(self._older))]
                self._older[message_id] = found

    def _advance(self) -> None:
        """Begin the next turn if nothing is under way."""
        if self._writing is not None or self._resuming or not self._waiting:
            return
        if self._adrift:
            self._resuming = True
            self.request(
                self._surroundings.journal, Claim(self.id), _Resumed, timeout=self._settings.write_timeout
            )
            return
        turn = Turn(self._state, self._older, self._surroundings.clock.now())
        outcomes = self._decide(turn)
        if not turn.events:
            for change, value in outcomes:
                change.call.answer(value)
            self._advance()
            return
        self._writing = (turn.events, outcomes)
        entry = Append(self.id, self._claimed.term, tuple(turn.events))
        self.request(self._surroundings.journal, Write(entry), _Written, timeout=self._settings.write_timeout)

    def _decide(self, turn: Turn) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(1 if self._singly else min(TURN, len(self._waiting))):
            change = self._waiting.popleft()
            if change.call.settled:
                continue  # the caller has gone
            try:
                outcomes.append(Outcome(change, change.decide(turn, change.call.message)))
            except EngineError as refusal:
                change.call.refuse(refusal)
        self._singly = max(0, self._singly - 1)
        return outcomes

    @handles(_Written)
    async def written(self, message: _Written) -> None:
        """Go on after a write: publish what is durable, or find out why it is not."""
        assert self._writing is not None
        (events, outcomes), self._writing = self._writing, None
        match message.answer.error:
            case None:
                for change, value in outcomes:
                    change.call.answer(value)
                self._publish(events)
            case TimelineMoved() as moved:
                self._move(outcomes, moved)
            case WriteConflict():
                await self._find_earlier_posts(outcomes)
            case WriteInvalid() as invalid:
                self._retry_singly(outcomes, invalid)
            case error:
                self._drift(error, outcomes)
        self._advance()

    def _publish(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, MessageEdited | MessageDeleted) and event.message.id in self._older:
                self._older[event.message.id] = event.message
        self.subscribers.deliver([self._state.apply(event) for event in events])
        self.committed(events)

    def _move(self, outcomes: list[Outcome], moved: TimelineMoved) -> None:
        """Another process owns the log: leave, and send everyone there."""
        self._surroundings.fences.moved(self.id)
        for change in [*(outcome.change for outcome in outcomes), *self._waiting]:
            change.call.refuse(moved)
        self._waiting.clear()
        self.subscribers.end(Ending.MOVED)
        log.warning("timeline.moved", timeline=self.channel, term=self._claimed.term)
        self.stop()

    async def _find_earlier_posts(self, outcomes: list[Outcome]) -> None:
        """A client_id in this turn is older than memory: fetch the messages that it stands for, and decide once more."""
        keys: list[PostKey] = []
        for change, _ in outcomes:
            message = change.call.message
            if isinstance(message, Post) and message.draft.client_id is not None:
                keys.append((message.by.id, message.draft.client_id))
        found = await self._surroundings.storage.messages.by_client_ids(self.id, keys)
        if not found:
            msg = f"the log of {self.channel} refuses the offsets after {self._state.head}"
            raise RuntimeError(msg)
        earlier = {(each.author.id, each.client_id): each for each in found}
        remaining: list[Change] = []
        for change, _ in outcomes:
            message = change.call.message
            key = (message.by.id, message.draft.client_id) if isinstance(message, Post) else None
            if key in earlier:
                change.call.answer(Posted(earlier[key], created=False))
            else:
                remaining.append(change)
        self._waiting.extendleft(reversed(remaining))

    def _retry_singly(self, outcomes: list[Outcome], invalid: WriteInvalid) -> None:
        """Decide the turn's commands one by one, so that only the one that the database cannot hold is refused."""
        if len(outcomes) == 1:
            outcomes[0].change.call.refuse(InvalidRequest(str(invalid)))
            return
        self._singly = len(outcomes)
        self._waiting.extendleft(outcome.change for outcome in reversed(outcomes))

    @handles(SeeTerm)
    async def see_term(self, message: SeeTerm) -> None:
        """Leave if the database says that another process has claimed the log since we did."""
        if message.term > self._claimed.term and self._writing is None and not self._resuming:
            self._move([], TimelineMoved("another process owns this timeline now"))

    # -- adrift --------------------------------------------------------------------------------------------------------

    def _drift(self, error: Exception | None, outcomes: list[Outcome]) -> None:
        """The outcome of a write or claim is unknown: everyone who waits is told so, and the log is claimed before the next write."""
        if not self._adrift:
            log.warning("timeline.adrift", timeline=self.channel, offset=self._state.head, reason=str(error))
        self._adrift = True
        refusal = StorageUnavailable("the message store does not answer; try again")
        for change in [*(outcome.change for outcome in outcomes), *self._waiting]:
            change.call.refuse(refusal)
        self._waiting.clear()

    @handles(_Resumed)
    async def resumed(self, message: _Resumed) -> None:
        """Go on after a claim: take in what was committed without our knowing."""
        self._resuming = False
        error = message.answer.error
        try:
            claimed = message.answer.result()
            missed = await self._missed(claimed)
        except Exception as failure:  # noqa: BLE001 - whatever it was, the log's state stays unknown
            self._drift(error or failure, [])
            return
        self._claimed = claimed
        self._adrift = False
        self._publish(missed)
        log.info("timeline.resumed", timeline=self.channel, offset=self._state.head, term=claimed.term)
        self._advance()

    async def _missed(self, claimed: Claimed) -> list[Event]:
        head = self._state.head
        if claimed.head == head:
            return []
        return await self._surroundings.storage.log.events(self.id, after=head, limit=claimed.head - head)

    # -- reading -------------------------------------------------------------------------------------------------------

    @handles(ReadMessages)
    async def read_messages(self, message: ReadMessages) -> MessagePage | None:
        """A page from memory."""
        self.check_reader(message.by)
        items = self._state.recent.page(message.before, message.after, message.limit + 1)
        return None if items is None else page_of(items, message)

    @handles(ReadMessage)
    async def read_message(self, message: ReadMessage) -> ChatMessage | None:
        """A message from memory."""
        self.check_reader(message.by)
        return self._state.recent.messages.get(message.message_id)

    @handles(ReadEvents)
    async def read_events(self, message: ReadEvents) -> Window:
        """Events from memory."""
        self.check_reader(message.by)
        return self._window(message.since, message.limit)

    @handles(ReadPresence)
    async def read_presence(self, message: ReadPresence) -> list[ClientInfo]:
        """The connected clients."""
        self.check_reader(message.by)
        return self.subscribers.clients

    @handles(Subscribe)
    async def subscribe(self, message: Subscribe) -> Subscribed:
        """Begin to deliver, and tell where the log stands at this moment."""
        self.check_reader(message.by)
        since = message.since
        recovered = since is not None and self._can_recover(since)
        window = self._window(since.offset if since is not None and recovered else self._state.head)
        self.subscribers.add(message.client, message.sink)
        members = tuple(self._state.members.values())[:SHOWN]
        return Subscribed(window, since is not None, recovered, self._state.room, members)

    @handles(Unsubscribe)
    async def unsubscribe(self, message: Unsubscribe) -> None:
        """Stop delivering."""
        self.subscribers.remove(message.client)

    def _can_recover(self, since: Position) -> bool:
        head = self._state.head
        return since.epoch == self._claimed.epoch and since.offset <= head and head - since.offset <= CATCH_UP

    def _window(self, since: int, limit: int | None = None) -> Window:
        recent = self._state.recent
        publications = tuple(recent.after(since)[:limit])
        missing = since if since < recent.start else None
        return Window(self.channel, self._state.head, self._claimed.epoch, publications, missing)

    def end_subscriptions(self, user: ParticipantId) -> None:
        """Someone may not read any more."""
        self.subscribers.end(Ending.NOT_A_MEMBER, user=user)
