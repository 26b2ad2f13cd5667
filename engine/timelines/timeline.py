"""The timeline actor: one ordered log of durable events, its members' changes to it, and its live subscribers.

Changes go to the `Writer`, which makes them durable turn by turn; what it publishes is taken into the state and handed to the
subscribers. Readers are answered from memory at any time, whatever the database does.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, ClassVar, TypeVar

import anyio
import structlog

from actors import Actor, Answer, AskFailed, Call, Exit, ExitKind, Mailbox, Message, Ref, handles
from engine.domain.events import Event
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, Role, TimelineId, TimelineKind
from engine.domain.messages import Message as ChatMessage
from engine.domain.people import Principal
from engine.errors import Forbidden, NotFound, StorageUnavailable
from engine.journal import Claim
from engine.timelines import posting, reacting
from engine.timelines.commands import (
    AskExport,
    CheckReader,
    CheckVersionsReader,
    CountPresence,
    Delete,
    Edit,
    Exportable,
    Live,
    MessagePage,
    Position,
    Post,
    Posted,
    Presence,
    React,
    ReadEvents,
    ReadMembers,
    ReadMessage,
    ReadMessages,
    ReadPresence,
    ReadScene,
    Scene,
    SeeTerm,
    Subscribe,
    Subscribed,
    Subscriptions,
    Unreact,
    Unsubscribe,
    Window,
)
from engine.timelines.fanout import ClientInfo, Ending
from engine.timelines.feed import News
from engine.timelines.languages import Reading, read_by
from engine.timelines.reading import page_of
from engine.timelines.state import Foundation, Recent, TimelineState
from engine.timelines.subscribers import Subscribers
from engine.timelines.surroundings import Surroundings
from engine.timelines.translating import AskStyle, Style, in_language
from engine.timelines.turn import TURN, Turn
from engine.timelines.writer import Decide, Needs, Writer

A = TypeVar("A")
R = TypeVar("R")

log = structlog.get_logger(__name__)

CATCH_UP = 10_000
"""How many events a subscriber may have missed and still recover them."""
SHOWN = 200
"""How many members a subscription's answer shows, and how many clients `presence`; the member list has them all."""


class _Answered(Message["Timeline", None], frozen=True):
    """An answer to what the writer has asked, and how it goes on."""

    answer: Answer[Any]
    then: Callable[[Answer[Any]], None]


class Timeline(Actor):
    """What rooms, conversations and personal timelines share. Subclasses say who may read and write."""

    mailbox = Mailbox(4096)
    kind: ClassVar[TimelineKind]

    def __init__(self, timeline_id: TimelineId, surroundings: Surroundings) -> None:
        self.id = timeline_id
        self.channel = f"{self.kind}:{timeline_id}"
        self.subscribers = Subscribers(self.channel, surroundings.settings.few)
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._state: TimelineState
        self._writer: Writer

    # -- what subclasses decide ----------------------------------------------------------------------------------------

    def check_reader(self, by: Principal) -> None:
        """Refuse those who may not read: `Forbidden`, or `NotFound` where they may not even know."""
        raise NotImplementedError

    def check_author(self, turn: Turn, by: Principal) -> None:
        """Refuse those who may not write at all."""
        raise NotImplementedError

    def check_open(self, turn: Turn) -> None:
        """Refuse everyone, when nothing is to be changed any more."""

    def check_pace(self, turn: Turn, by: Principal) -> None:
        """Refuse those who post too often."""

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """Whether this person may remove the messages of others."""
        raise NotImplementedError

    def may_export(self, by: Principal) -> bool:
        """Whether a reader may take the whole timeline away."""
        member = self._state.members.get(by.id)
        return by.admin or (member is not None and member.role is Role.OWNER)

    async def exists(self) -> bool:
        """Whether there is a timeline of this kind under this id. Asked before its log is claimed.

        A claim under the wrong kind (`user:<id of a room>`) would take the log away from its true owner.
        """
        raise NotImplementedError

    async def load(self) -> Foundation:
        """What the timeline is, and for whom, at activation."""
        return Foundation()

    def style(self) -> Style | None:
        """How texts are translated here; None: they are not."""
        return None

    def detect(self, text: str) -> str | None:
        """The language of a text; None where it does not matter, or there is no telling."""
        return None

    def committed(self, events: Sequence[Event]) -> None:
        """React to events that have just become durable and been delivered."""

    def came(self, language: str | None) -> None:
        """React to a new subscriber who reads in this language, before it is answered."""

    def went(self, user: ParticipantId) -> None:
        """React to the end of a subscription of this person."""

    def live(self) -> Live | None:
        """What a new subscriber is shown of this moment."""
        return None

    # -- life ----------------------------------------------------------------------------------------------------------

    async def started(self) -> None:
        """Claim the log and read its end. Refuses with `NotFound`, `StorageUnavailable` or `TimelineMoved`."""
        self._surroundings.fences.check(self.id)
        try:
            with anyio.fail_after(self._settings.write_timeout):
                await self._open()
        except (TimeoutError, AskFailed) as error:
            raise StorageUnavailable("the message store does not answer; try again") from error

    async def _open(self) -> None:
        if not await self.exists():
            raise NotFound(f"there is no such {self.kind}")
        claimed = await self._surroundings.journal.ask(Claim(self.id), timeout=self._settings.write_timeout)
        head = claimed.head
        start = max(0, head - self._settings.recent_events)
        founded = await self.load()
        recent = Recent(self.channel, start, self._settings.recent_events)
        for event in await self._surroundings.storage.log.events(self.id, after=start, limit=head - start):
            recent.add(event)
        self._state = TimelineState(founded, recent, head)
        self._writer = Writer(self.id, self, self._state, claimed, self._surroundings)
        log.info("timeline.activated", timeline=self.channel, offset=head, term=claimed.term)

    async def stopping(self, why: Exit) -> None:
        """Tell the subscribers to come back, unless they have been told something else."""
        self._surroundings.adrift.discard(self.id)
        self._surroundings.traffic.writing.discard(self.id)
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
        self.propose(calls, self._decide_post, needs=lambda message: (message.draft.reply_to,))

    @handles(Edit, batch=TURN)
    async def edit(self, calls: list[Call[Edit, ChatMessage]]) -> None:
        """Change messages."""
        self.propose(calls, self._decide_edit, needs=lambda message: (message.message_id,))

    @handles(Delete, batch=TURN)
    async def delete(self, calls: list[Call[Delete, ChatMessage]]) -> None:
        """Remove the content of messages."""
        self.propose(calls, self._decide_delete, needs=lambda message: (message.message_id,))

    @handles(React, batch=TURN)
    async def react(self, calls: list[Call[React, ChatMessage]]) -> None:
        """Add reactions."""
        self.propose(calls, self._decide_react, needs=lambda message: (message.message_id,))

    @handles(Unreact, batch=TURN)
    async def unreact(self, calls: list[Call[Unreact, ChatMessage]]) -> None:
        """Take reactions back."""
        self.propose(calls, self._decide_unreact, needs=lambda message: (message.message_id,))

    def _decide_post(self, turn: Turn, message: Post) -> Posted:
        self.check_author(turn, message.by)
        if (earlier := posting.earlier(turn, message)) is not None:
            return Posted(earlier, created=False)
        self.check_open(turn)
        self.check_pace(turn, message.by)
        return posting.post(
            turn,
            message,
            self.id,
            self._surroundings.clock,
            longest=self._settings.message_characters,
            quotas=self._surroundings.quotas,
            detect=self.detect,
        )

    def _decide_edit(self, turn: Turn, message: Edit) -> ChatMessage:
        self.check_author(turn, message.by)
        self.check_open(turn)
        return posting.edit(turn, message, self._settings.message_characters)

    def _decide_delete(self, turn: Turn, message: Delete) -> ChatMessage:
        moderator = self.moderates(turn, message.by)
        if not moderator:
            self.check_author(turn, message.by)
        self.check_open(turn)
        return posting.delete(turn, message, moderator=moderator)

    def _decide_react(self, turn: Turn, message: React) -> ChatMessage:
        self.check_author(turn, message.by)
        self.check_open(turn)
        return reacting.react(turn, message)

    def _decide_unreact(self, turn: Turn, message: Unreact) -> ChatMessage:
        self.check_author(turn, message.by)
        self.check_open(turn)
        return reacting.unreact(turn, message)

    def propose(self, calls: Iterable[Call[Any, Any]], decide: Decide, *, needs: Needs | None = None) -> None:
        """Have `decide` asked about each call in the next turn, when the messages that it `needs` are in memory."""
        self._writer.propose(calls, decide, needs)

    @handles(SeeTerm)
    async def see_term(self, message: SeeTerm) -> None:
        """Leave if another process has claimed the log since we did; find out where it stands if we do not know."""
        self._writer.see_term(message.term)

    # -- what the writer needs -----------------------------------------------------------------------------------------

    def ask_later(self, ref: Ref[A], message: Message[A, R], then: Callable[[Answer[R]], None], timeout: float) -> None:
        """See `Owner`."""
        self.request(ref, message, lambda answer: _Answered(answer, then), timeout=timeout)

    def wait_for_way(self, seconds: float, then: Callable[[Answer[bool]], None]) -> None:
        """See `Owner`."""
        self.spawn(self._surroundings.traffic.give_way, seconds, then=lambda free: _Answered(free, then))

    @handles(_Answered)
    async def answered(self, message: _Answered) -> None:
        """Let the writer go on."""
        message.then(message.answer)

    def publish(self, events: Sequence[Event]) -> None:
        """See `Owner`."""
        self.subscribers.deliver([self._state.apply(event) for event in events])
        self.committed(events)
        state = self._state
        self._surroundings.feed.publish(
            News(
                kind=self.kind,
                timeline_id=self.id,
                room=state.room,
                conversation=state.conversation,
                members=state.members,
                events=events,
                recent=state.recent,
                languages=self.subscribers.languages,
            )
        )

    def moved(self) -> None:
        """See `Owner`."""
        self._surroundings.fences.moved(self.id)
        self.subscribers.end(Ending.MOVED)
        log.warning("timeline.moved", timeline=self.channel, term=self._writer.claimed.term)
        self.stop()

    def _look(self) -> Turn:
        """A turn to look at, not to decide in."""
        return Turn(self._state, {}, {}, self._surroundings.clock.now())

    # -- reading -------------------------------------------------------------------------------------------------------

    @handles(ReadMessages)
    async def read_messages(self, message: ReadMessages) -> MessagePage | None:
        """A page from memory."""
        self.check_reader(message.by)
        recent = self._state.recent
        items = recent.page(message.before, message.after, message.limit + 1)
        if items is not None and (reader := message.language) is not None:
            items = [in_language(each, reader, recent.translations(each.id)) for each in items]
        return None if items is None else page_of(items, message)

    @handles(ReadMessage)
    async def read_message(self, message: ReadMessage) -> ChatMessage | None:
        """A message from memory."""
        self.check_reader(message.by)
        recent = self._state.recent
        found = recent.messages.get(message.message_id)
        if found is None or message.language is None:
            return found
        return in_language(found, message.language, recent.translations(found.id))

    @handles(ReadScene)
    async def read_scene(self, message: ReadScene) -> Scene:
        """What surrounds a message that is to be answered."""
        self.check_reader(message.by)
        return self.scene(message.message_id, message.offset, message.limit)

    def scene(self, message_id: MessageId | None, offset: int, limit: int) -> Scene:
        """What surrounds a message, as far as memory has it; at most `limit` messages up to it."""
        state, recent = self._state, self._state.recent
        page = recent.page(offset + 1, recent.start, limit) or []
        replies = [
            each
            for each in recent.messages.values()
            if each.offset > offset and each.reply_to == message_id and each.author.kind is ParticipantKind.AGENT
        ]
        members = tuple(islice(state.members.values(), SHOWN))
        complete = len(page) == limit or recent.start == 0
        return Scene(state.room, state.conversation, members, page, complete, replies)

    @handles(CheckReader)
    async def check(self, message: CheckReader) -> None:
        """Refuse who may not read."""
        self.check_reader(message.by)

    @handles(CheckVersionsReader)
    async def check_versions_reader(self, message: CheckVersionsReader) -> None:
        """Refuse who may not see how a message was edited."""
        self.check_reader(message.by)
        if message.by.id != message.author and not self.moderates(self._look(), message.by):
            raise Forbidden("only its author and moderators see how a message was edited")

    @handles(AskStyle)
    async def ask_style(self, message: AskStyle) -> Style | None:
        """How texts are translated here."""
        self.check_reader(message.by)
        return self.style()

    @handles(ReadMembers)
    async def read_members(self, message: ReadMembers) -> list[Presence]:
        """The members, and how others see them."""
        self.check_reader(message.by)
        presence = self._surroundings.presence
        return [Presence(member, presence.of(each)) for each, member in self._state.members.items()]

    @handles(ReadEvents)
    async def read_events(self, message: ReadEvents) -> Window:
        """Events from memory."""
        self.check_reader(message.by)
        reading = message.reading
        if message.client is not None:
            reading = self.subscribers.reading(message.client, reading)
        return self._window(message.since, reading, message.limit)

    @handles(AskExport)
    async def ask_export(self, message: AskExport) -> Exportable:
        """Let owners and administrators take everything away."""
        self.check_reader(message.by)
        if not self.may_export(message.by):
            raise Forbidden(f"only an owner of this {self.kind}, or an administrator, exports it")
        room, conversation = self._state.room, self._state.conversation
        name = room.name if room is not None else conversation.title if conversation is not None else None
        return Exportable(name or "", room, self._state.head, conversation)

    @handles(ReadPresence)
    async def read_presence(self, message: ReadPresence) -> list[ClientInfo]:
        """The subscribed clients."""
        self.check_reader(message.by)
        return self.subscribers.clients(SHOWN)

    @handles(CountPresence)
    async def count_presence(self, message: CountPresence) -> Subscriptions:
        """How many clients are connected."""
        self.check_reader(message.by)
        return Subscriptions(len(self.subscribers), self.subscribers.people)

    @handles(Subscribe)
    async def subscribe(self, message: Subscribe) -> Subscribed:
        """Begin to deliver, and tell where the log stands at this moment."""
        self.check_reader(message.by)
        since = message.since
        recovered = since is not None and self._can_recover(since)
        start = since.offset if since is not None and recovered else self._state.head
        window = self._window(start, message.language)
        self.subscribers.add(message.client, message.sink, message.language)
        self.came(message.language)
        state, members = self._state, tuple(islice(self._state.members.values(), SHOWN))
        return Subscribed(window, since is not None, recovered, state.room, members, state.conversation, self.live())

    @handles(Unsubscribe)
    async def unsubscribe(self, message: Unsubscribe) -> None:
        """Stop delivering."""
        gone = self.subscribers.remove(message.client)
        if gone is not None:
            self.went(gone.user)

    def _can_recover(self, since: Position) -> bool:
        head = self._state.head
        return since.epoch == self._writer.claimed.epoch and since.offset <= head and head - since.offset <= CATCH_UP

    def _window(self, since: int, reading: Reading, limit: int | None = None) -> Window:
        recent, since = self._state.recent, max(0, since)
        shown = tuple(islice(read_by(recent.after(since), reading), limit))
        missing = since if since < recent.start else None
        epoch = self._writer.claimed.epoch
        return Window(self.channel, self._state.head, epoch, shown, missing, recent.start, reading)

    def end_subscriptions(self, user: ParticipantId) -> None:
        """Someone may not read any more."""
        self.subscribers.end(Ending.NOT_A_MEMBER, user=user)
        self.went(user)
