"""The data of an in-memory storage, and what each event does to it."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from anyio.lowlevel import checkpoint
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.activity import Activity
from engine.domain.agents import AgentDefinition, AgentPlace
from engine.domain.conversations import Conversation
from engine.domain.documents import Document, DocumentId, Part
from engine.domain.events import (
    ConversationUpdated,
    Event,
    Invited,
    MemberBanned,
    MemberJoined,
    MemberLeft,
    MemberMuted,
    MemberRemoved,
    MemberRoleChanged,
    MemberUnbanned,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageTranslated,
    ReactionAdded,
    ReactionRemoved,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId, TimelineKind
from engine.domain.inbox import NotificationId
from engine.domain.memories import Memory, MemoryId
from engine.domain.messages import Message
from engine.domain.people import Participant, User
from engine.domain.quota import week_of
from engine.domain.rooms import Ban, Member, Room
from engine.domain.webhooks import Delivery, Webhook, WebhookId
from engine.errors import StorageUnavailable
from engine.storage.memory.inboxes import Notified, notify
from engine.storage.records import encode_event, with_reaction, without_text
from engine.storage.repositories import ApiKey, Invite, RefreshToken


@dataclass(frozen=True, slots=True)
class Translated:
    """A translation of a message."""

    text: str
    source: str
    provider: str
    fingerprint: str


@dataclass(slots=True)
class Timeline:
    """One timeline with its log and projections. `offsets` and `posted` are sorted."""

    kind: TimelineKind
    epoch: str
    term: int = 0
    events: dict[int, Event] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    posted: list[tuple[int, MessageId]] = field(default_factory=list)
    client_ids: dict[tuple[ParticipantId, str], MessageId] = field(default_factory=dict)
    about: dict[MessageId, list[int]] = field(default_factory=dict)
    members: dict[ParticipantId, Member] = field(default_factory=dict)
    bans: dict[ParticipantId, Ban] = field(default_factory=dict)
    markers: dict[ParticipantId, int] = field(default_factory=dict)
    translations: dict[MessageId, dict[str, Translated]] = field(default_factory=dict)

    @property
    def head(self) -> int:
        """The offset of the last event, 0 when there is none."""
        return self.offsets[-1] if self.offsets else 0


@dataclass(slots=True)
class Account:
    """A user and their password hash."""

    user: User
    password_hash: str


class SignedIn(NamedTuple):
    """A family of refresh tokens."""

    user_id: ParticipantId
    client: str | None
    created_at: datetime
    last_used_at: datetime
    revoked_at: datetime | None = None


@dataclass(slots=True)
class Hook:
    """A webhook, its lease, and its deliveries by offset."""

    webhook: Webhook
    secret: str
    holder: str | None = None
    until: datetime | None = None
    deliveries: dict[int, Delivery] = field(default_factory=dict)


@dataclass(slots=True)
class Spent:
    """What an agent has spent in a timeline on one day."""

    answers: int = 0
    tokens: int = 0


@dataclass(slots=True)
class State:
    """One "database". Several `MemoryStorage`s may be opened on it, as several processes on one server.

    With `reachable` False every operation raises `StorageUnavailable`, as while a database is away.
    """

    reachable: bool = True
    timelines: dict[TimelineId, Timeline] = field(default_factory=dict)
    participants: dict[ParticipantId, Participant] = field(default_factory=dict)
    messages: dict[MessageId, Message] = field(default_factory=dict)
    rooms: dict[TimelineId, Room] = field(default_factory=dict)
    conversations: dict[TimelineId, Conversation] = field(default_factory=dict)
    pairs: dict[str, TimelineId] = field(default_factory=dict)
    invites: dict[bytes, Invite] = field(default_factory=dict)
    notifications: dict[ParticipantId, dict[NotificationId, Notified]] = field(default_factory=dict)
    accounts: dict[ParticipantId, Account] = field(default_factory=dict)
    families: dict[str, SignedIn] = field(default_factory=dict)
    tokens: dict[bytes, RefreshToken] = field(default_factory=dict)
    webhooks: dict[WebhookId, Hook] = field(default_factory=dict)
    api_keys: dict[bytes, ApiKey] = field(default_factory=dict)
    activity: dict[str, Activity] = field(default_factory=dict)
    counts: Counter[tuple[ParticipantId, date]] = field(default_factory=Counter)
    agents: dict[ParticipantId, AgentDefinition] = field(default_factory=dict)
    retired_agents: dict[ParticipantId, AgentDefinition] = field(default_factory=dict)
    agent_places: dict[tuple[ParticipantId, TimelineId], AgentPlace] = field(default_factory=dict)
    agent_usage: dict[tuple[date, ParticipantId, TimelineId], Spent] = field(default_factory=dict)
    counted_answers: dict[tuple[ParticipantId, TimelineId, str], date] = field(default_factory=dict)
    memories: dict[MemoryId, Memory] = field(default_factory=dict)
    documents: dict[DocumentId, tuple[Document, tuple[Part, ...]]] = field(default_factory=dict)

    async def enter(self) -> None:
        """Begin an operation: let others run, as any database would. What follows happens at once, and cannot be cancelled."""
        await checkpoint()
        if not self.reachable:
            raise StorageUnavailable("the database is away")

    def conflict(self, timeline: Timeline, new: Sequence[Event]) -> str | None:
        """The uniqueness rule that these events would break; raises `Unstorable` for what no database takes."""
        offsets: set[int] = set()
        ids: set[MessageId] = set()
        keys: set[tuple[ParticipantId, str]] = set()
        for event in new:
            encode_event(event)
            if event.offset in timeline.events or event.offset in offsets:
                return f"there is an event with offset {event.offset}"
            offsets.add(event.offset)
            if not isinstance(event, MessagePosted):
                continue
            message = event.message
            if message.id in self.messages or message.id in ids:
                return f"there is a message {message.id}"
            ids.add(message.id)
            if message.client_id is not None:
                key = (message.author.id, message.client_id)
                if key in timeline.client_ids or key in keys:
                    return "the author has used this client_id"
                keys.add(key)
        return None

    def apply(
        self,
        timeline_id: TimelineId,
        timeline: Timeline,
        new: Sequence[Event],
        fingerprints: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Add events that `conflict` has let pass, and what they imply."""
        for event in new:
            timeline.events[event.offset] = event
            insort(timeline.offsets, event.offset)
            if isinstance(event, MessageTranslated):
                _project_translation(timeline, event, fingerprints.get(event.offset, ""))
            else:
                self._project(timeline_id, timeline, event)
        for event in new:
            notify(self, timeline_id, event)

    def _project(self, timeline_id: TimelineId, timeline: Timeline, event: Event) -> None:
        match event:
            case MessagePosted() | MessageEdited() | MessageDeleted():
                self._project_message(timeline_id, timeline, event)
            case RoomUpdated() | RoomArchived():
                self._project_room(timeline_id, event)
            case ReactionAdded() | ReactionRemoved():
                self._project_reaction(timeline, event)
            case ConversationUpdated(conversation=new):
                if known := self.conversations.get(timeline_id):
                    changed = replace(known, title=new.title, archived_at=new.archived_at)
                    self.conversations[timeline_id] = changed
            case Invited():
                pass
            case _:
                self._project_member(timeline_id, timeline, event)

    def _project_member(self, timeline_id: TimelineId, timeline: Timeline, event: Event) -> None:
        members = timeline.members
        match event:
            case MemberJoined(member=member):
                self.participants.setdefault(member.participant.id, member.participant)
                members[member.participant.id] = member
                timeline.markers[member.participant.id] = event.offset
            case MemberLeft(participant_id=participant_id) | MemberRemoved(participant_id=participant_id):
                members.pop(participant_id, None)
                timeline.markers.pop(participant_id, None)
                theirs = self.notifications.get(participant_id, {})
                for key in [key for key, each in theirs.items() if each.timeline_id == timeline_id]:
                    del theirs[key]
            case MemberRoleChanged(participant_id=participant_id, role=role):
                if known := members.get(participant_id):
                    members[participant_id] = replace(known, role=role)
            case MemberMuted(participant_id=participant_id, until=until):
                if known := members.get(participant_id):
                    members[participant_id] = replace(known, muted_until=until)
            case MemberBanned(ban=ban):
                self.participants.setdefault(ban.participant.id, ban.participant)
                timeline.bans[ban.participant.id] = ban
            case MemberUnbanned(participant_id=participant_id):
                timeline.bans.pop(participant_id, None)
            case _:
                pass

    def _project_reaction(self, timeline: Timeline, event: ReactionAdded | ReactionRemoved) -> None:
        timeline.about.setdefault(event.message_id, []).append(event.offset)
        known = self.messages.get(event.message_id)
        if known is not None:
            self.messages[known.id] = with_reaction(known, event)

    def _project_message(
        self, timeline_id: TimelineId, timeline: Timeline, event: MessagePosted | MessageEdited | MessageDeleted
    ) -> None:
        message = event.message
        if isinstance(event, MessagePosted):
            self.messages[message.id] = message
            self.counts.update(posted_by([event]))
            insort(timeline.posted, (message.offset, message.id))
            if message.client_id is not None:
                timeline.client_ids[message.author.id, message.client_id] = message.id
            if message.answer_id is not UNSET:
                self.counted_answers.pop((message.author.id, timeline_id, message.answer_id), None)
        else:
            self._change_message(timeline_id, message)
            timeline.translations.pop(message.id, None)
        about = timeline.about.setdefault(message.id, [])
        if isinstance(event, MessageDeleted):
            for offset in about:
                timeline.events[offset] = without_text(timeline.events[offset])
            self.memories = {key: each for key, each in self.memories.items() if each.message_id != message.id}
        about.append(event.offset)

    def _project_room(self, timeline_id: TimelineId, event: RoomUpdated | RoomArchived) -> None:
        known = self.rooms.get(timeline_id)
        if known is None:
            return
        if isinstance(event, RoomArchived):
            self.rooms[timeline_id] = replace(known, archived_at=event.at)
        else:
            kept = {"id": known.id, "created_by": known.created_by, "created_at": known.created_at}
            self.rooms[timeline_id] = replace(event.room, **kept)

    def _change_message(self, timeline_id: TimelineId, new: Message) -> None:
        known = self.messages.get(new.id)
        if known is None or known.timeline_id != timeline_id:
            return
        self.messages[new.id] = replace(
            known,
            text=new.text,
            language=new.language,
            edited_at=new.edited_at,
            deleted_at=new.deleted_at,
            reactions={} if new.deleted_at is not None else known.reactions,
            mentions=new.mentions,
            mentions_all=new.mentions_all,
        )

    def present(self, message: Message) -> Message:
        """A message with its author's present name."""
        author = self.participants.get(message.author.id)
        return message if author is None or author == message.author else replace(message, author=author)

    def present_member(self, member: Member) -> Member:
        """A member with their present name and username."""
        account, agent = self.accounts.get(member.participant.id), self.agents.get(member.participant.id)
        username = account.user.username if account is not None else agent.name if agent is not None else None
        return replace(member, participant=self.participants[member.participant.id], username=username)


def _project_translation(timeline: Timeline, event: MessageTranslated, fingerprint: str) -> None:
    timeline.about.setdefault(event.message_id, []).append(event.offset)
    made = Translated(event.text, event.source, event.provider, fingerprint)
    timeline.translations.setdefault(event.message_id, {})[event.language] = made


def posted_by(events: Iterable[Event]) -> Counter[tuple[ParticipantId, date]]:
    """How many messages these events add to whose weeks."""
    messages = (event.message for event in events if isinstance(event, MessagePosted))
    return Counter(
        (message.author.id, week_of(message.created_at))
        for message in messages
        if message.author.kind is ParticipantKind.USER
    )
