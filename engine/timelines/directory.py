"""Where the doors find timelines, and what they do with them that needs more than one message."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET

from actors import Ref, VirtualActors
from engine.clock import Clock
from engine.domain.conversations import Conversation, pair_key
from engine.domain.events import MemberJoined
from engine.domain.fields import (
    Capacity,
    ConversationKind,
    Description,
    Language,
    MessageId,
    ParticipantId,
    ParticipantKind,
    Role,
    RoomName,
    ShortText,
    SlowModeSeconds,
    TimelineId,
    TimelineKind,
    Title,
    Visibility,
)
from engine.domain.messages import Message
from engine.domain.people import Principal, Someone
from engine.domain.rooms import Member, Room
from engine.errors import InvalidRequest, NotFound
from engine.storage.repositories import Storage, Version
from engine.timelines.commands import (
    CheckMembers,
    CheckVersionsReader,
    ConversationView,
    DescribeConversation,
    MessagePage,
    ReadEvents,
    ReadMessage,
    ReadMessages,
    Reopen,
    Subscribe,
    Subscribed,
    Window,
)
from engine.timelines.conversation import ConversationActor
from engine.timelines.fanout import Publication
from engine.timelines.languages import Reading, is_foreign, read_by
from engine.timelines.personal import Notify, PersonalTimeline, tell
from engine.timelines.reading import page_of
from engine.timelines.room import RoomActor
from engine.timelines.state import publication
from engine.timelines.timeline import Timeline
from engine.timelines.translating import in_language

PAGE = 500
"""Events read from the log at once."""
FEW = 50
"""The fewest: of events in many languages a reader is shown only some."""
ID_LENGTH = 36
"""Characters of a UUID."""


class NewRoom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the creator of a room says of it."""

    name: RoomName
    description: Description = ""
    visibility: Visibility = Visibility.PUBLIC
    capacity: Capacity | None = None
    language: Language | None = None
    translation: bool = True
    slow_mode_seconds: SlowModeSeconds = 0
    glossary: ShortText | None = None
    formality: ShortText | None = None


class NewConversation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What whoever begins a conversation says of it. `participants` are usernames or ids; one's own need not be among them."""

    kind: ConversationKind
    participants: Annotated[list[ShortText], msgspec.Meta(min_length=1, max_length=100)]
    room_id: TimelineId | None = None
    title: Title | None = None


class Opened(msgspec.Struct, frozen=True):
    """A conversation, and whether it is new."""

    conversation: ConversationView
    created: bool


class Thread(msgspec.Struct, frozen=True):
    """A message and the replies to it; `next` is to be given as `after` for those that follow, None when these are the last."""

    message: Message
    items: list[Message]
    next: int | None


class Timelines:
    """Every timeline by its channel, and reads that begin in memory and go on in the database.

    The database part runs in the caller's task: a timeline never waits for someone who reads old pages.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        rooms: VirtualActors[RoomActor],
        conversations: VirtualActors[ConversationActor],
        people: VirtualActors[PersonalTimeline],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._rooms = rooms
        self._conversations = conversations
        self._people = people

    def ref(self, channel: str) -> Ref[Timeline] | None:
        """The timeline that a channel names (`room:<id>`, `conversation:<id>`, `user:<id>`); None for one that cannot exist."""
        kind, _, timeline_id = channel.partition(":")
        if not _is_id(timeline_id):
            return None
        match kind:
            case TimelineKind.ROOM:
                return self._rooms.ref(timeline_id)
            case TimelineKind.CONVERSATION:
                return self._conversations.ref(timeline_id)
            case TimelineKind.USER:
                return self._people.ref(timeline_id)
            case _:
                return None

    def active(self) -> Iterator[Ref[Timeline]]:
        """The timelines that are in memory now."""
        for family in (self._rooms, self._conversations, self._people):
            yield from (family.ref(cell.name) for cell in family.cells)

    def shared(self) -> Iterator[str]:
        """Of these the channels of rooms and conversations."""
        for kind, family in ((TimelineKind.ROOM, self._rooms), (TimelineKind.CONVERSATION, self._conversations)):
            yield from (f"{kind}:{cell.name}" for cell in family.cells)

    def person(self, user_id: ParticipantId) -> Ref[PersonalTimeline]:
        """Someone's own timeline."""
        return self._people.ref(user_id)

    def room(self, room_id: TimelineId) -> Ref[RoomActor]:
        """A room. `NotFound` for what cannot be a room's id."""
        if not _is_id(room_id):
            raise NotFound("there is no such room")
        return self._rooms.ref(room_id)

    def conversation(self, conversation_id: TimelineId) -> Ref[ConversationActor]:
        """A conversation. `NotFound` for what cannot be a conversation's id."""
        if not _is_id(conversation_id):
            raise NotFound("there is no such conversation")
        return self._conversations.ref(conversation_id)

    async def create_room(self, by: Principal, new: NewRoom) -> Room:
        """Create a room whose owner and first member is `by`. Durable when it returns."""
        now = self._clock.now()
        room = Room(
            id=TimelineId(self._clock.new_id()), created_by=by.id, created_at=now, **msgspec.structs.asdict(new)
        )
        joined = MemberJoined(
            offset=1, at=now, actor=by.id, member=Member(by.participant, Role.OWNER, now, by.username)
        )
        await self._storage.rooms.create(room, new_epoch(self._clock), [joined])
        return room

    async def create_conversation(self, by: Principal, new: NewConversation, people: Sequence[Someone]) -> Opened:
        """Begin a conversation of `by` with other people. Durable when it returns.

        Between the same two, on their own or in the same room, there is one private conversation, however often and however
        concurrently it is begun: it is opened again, and both are in it. Begun in a room, everyone must be a member of it.
        `InvalidRequest` names the field that breaks a rule.
        """
        others = list({each.id: each for each in people if each.id != by.id}.values())
        if new.kind is ConversationKind.PRIVATE and len(others) != 1:
            raise InvalidRequest.field("participants", "a private conversation is with exactly one other person")
        if new.kind is ConversationKind.PRIVATE and new.title is not None:
            raise InvalidRequest.field("title", "a private conversation has none")
        if new.room_id is not None:
            await self.room(new.room_id).ask(CheckMembers(by, tuple(each.id for each in others)))
        everyone = [(by.participant, by.username), *((each.participant, each.username) for each in others)]
        now = self._clock.now()
        conversation = Conversation(
            id=TimelineId(self._clock.new_id()),
            kind=new.kind,
            title=new.title,
            room_id=new.room_id,
            created_by=by.id,
            created_at=now,
        )
        private = new.kind is ConversationKind.PRIVATE
        joined = [
            MemberJoined(
                offset=offset,
                at=now,
                actor=by.id,
                member=Member(person, Role.OWNER if person.id == by.id and not private else Role.MEMBER, now, username),
            )
            for offset, (person, username) in enumerate(everyone, start=1)
        ]
        key = pair_key(by.id, others[0].id, new.room_id) if private else None
        known = await self._storage.conversations.create(conversation, key, new_epoch(self._clock), joined)
        ref = self.conversation((known or conversation).id)
        if known is not None:
            return Opened(await ref.ask(Reopen(by, tuple(everyone))), created=False)
        for person, _ in everyone[1:]:
            if person.kind is ParticipantKind.AGENT:
                continue
            notice = Notify(by.id, conversation.id, TimelineKind.CONVERSATION, new.title, by.participant)
            tell(self.person(person.id), notice)
        return Opened(await ref.ask(DescribeConversation(by)), created=True)

    async def thread(
        self, ref: Ref[Timeline], by: Principal, message_id: MessageId, *, after: int = 0, limit: int = 50
    ) -> Thread:
        """A message and the replies to it, and to those, oldest first."""
        root = await self.message(ref, by, message_id)
        replies = await self._storage.messages.thread(TimelineId(ref.key), root.id, after=after, limit=limit + 1)
        page = replies[:limit]
        return Thread(root, page, page[-1].offset if len(replies) > limit else None)

    async def versions(self, ref: Ref[Timeline], by: Principal, message_id: MessageId) -> list[Version]:
        """What a message has said, oldest first: for its author and for moderators."""
        message = await self.message(ref, by, message_id)
        await ref.ask(CheckVersionsReader(by, message.author.id))
        return await self._storage.messages.versions(TimelineId(ref.key), message_id)

    async def messages(
        self,
        ref: Ref[Timeline],
        by: Principal,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        language: str | None = None,
    ) -> MessagePage:
        """A page of messages, newest first; with a `language`, those in another one have their translation as far as it is there."""
        asked = ReadMessages(by, before, after, limit, language)
        page = await ref.ask(asked)
        if page is None:
            items = await self._storage.messages.page(TimelineId(ref.key), before=before, after=after, limit=limit + 1)
            page = page_of(await self._in_language(TimelineId(ref.key), items, language), asked)
        return page

    async def message(
        self, ref: Ref[Timeline], by: Principal, message_id: MessageId, *, language: str | None = None
    ) -> Message:
        """One message; `language` as for pages. `NotFound` when this timeline has none of that id."""
        message = await ref.ask(ReadMessage(by, message_id, language))
        if message is None and _is_id(message_id):
            found = await self._storage.messages.get(TimelineId(ref.key), message_id)
            [message] = [None] if found is None else await self._in_language(TimelineId(ref.key), [found], language)
        if message is None:
            raise NotFound("there is no such message in this timeline")
        return message

    async def _in_language(
        self, timeline_id: TimelineId, messages: Sequence[Message], language: str | None
    ) -> Sequence[Message]:
        if language is None:
            return messages
        foreign = [each.id for each in messages if is_foreign(each, language)]
        made = await self._storage.translations.of(timeline_id, foreign)
        return [in_language(each, language, made.get(each.id, ())) for each in messages]

    async def events(
        self,
        ref: Ref[Timeline],
        by: Principal,
        *,
        since: int,
        limit: int,
        reading: Reading = UNSET,
        client: str | None = None,
    ) -> Window:
        """The events after an offset that are shown to who reads so, oldest first; `missing_after` is always None.

        They are `limit`, or all that there are. A `client` that is subscribed reads them as it listens.
        """
        window = await ref.ask(ReadEvents(by, since, limit, reading, client))
        return await self._complete(window, limit)

    async def subscribe(self, ref: Ref[Timeline], subscribe: Subscribe) -> Subscribed:
        """Subscribe, with everything that was missed; `missing_after` is always None.

        Publications may reach the sink before this returns. When the database does not give what memory no longer has, this
        raises `StorageUnavailable` and the caller unsubscribes.
        """
        subscribed = await ref.ask(subscribe)
        window = await self._complete(subscribed.window, None)
        return msgspec.structs.replace(subscribed, window=window)

    async def _complete(self, window: Window, limit: int | None) -> Window:
        """Read from the log what lies between the asked offset and what memory holds."""
        after = window.missing_after
        if after is None:
            return window
        timeline_id = TimelineId(window.channel.partition(":")[2])
        missed: list[Publication] = []
        while after < window.held_after and (limit is None or len(missed) < limit):
            page = min(PAGE, window.held_after - after, PAGE if limit is None else max(limit, FEW))
            events = await self._storage.log.events(timeline_id, after=after, limit=page)
            if not events:
                break
            after = events[-1].offset
            missed += read_by((publication(window.channel, event) for event in events), window.reading)
        publications = (*missed, *window.publications)[:limit]
        return msgspec.structs.replace(window, publications=publications, missing_after=None)


def new_epoch(clock: Clock) -> str:
    """A name for the life of a new log: short, and never given twice."""
    return clock.new_id().replace("-", "")[-12:]


def _is_id(text: str) -> bool:
    """Whether a text has the shape of an id, so that nothing else ever becomes an actor's key."""
    return len(text) == ID_LENGTH and not text.strip("0123456789abcdef-")
