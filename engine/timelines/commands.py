"""What can be asked of a timeline. Each struct names who may receive it and what it answers.

`by` is always the principal that the door established. Refusals are `EngineError`s: `NotFound` where the asker may not know
that the thing exists, `Forbidden` where they may know and not do it, `StorageUnavailable` and `TimelineMoved` for writes that
could not be made durable.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

import actors
from engine.domain.answers import AnswerSoFar
from engine.domain.conversations import Conversation
from engine.domain.fields import (
    Availability,
    Capacity,
    ConversationKind,
    Description,
    Language,
    MessageId,
    ParticipantId,
    Role,
    RoomName,
    ShortText,
    SlowModeSeconds,
    TimelineId,
    Title,
    Visibility,
)
from engine.domain.messages import Draft, Message
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Ban, Member, Room
from engine.timelines.fanout import ClientInfo, Publication, Sink
from engine.timelines.languages import Reading

if TYPE_CHECKING:
    from engine.timelines.conversation import ConversationActor  # noqa: F401
    from engine.timelines.room import RoomActor  # noqa: F401 - named as the receivers of messages
    from engine.timelines.shared import SharedTimeline  # noqa: F401
    from engine.timelines.timeline import Timeline  # noqa: F401


class Posted(msgspec.Struct, frozen=True):
    """The answer to a post. `created` is False when its client_id had been posted before: `message` is that first one."""

    message: Message
    created: bool


class Post(actors.Message["Timeline", Posted], frozen=True):
    """Add a message. Answered after its event is committed."""

    by: Principal
    draft: Draft


class Edit(actors.Message["Timeline", Message], frozen=True):
    """Change the text of one's own message. The same text again changes nothing."""

    by: Principal
    message_id: MessageId
    text: str


class Delete(actors.Message["Timeline", Message], frozen=True):
    """Remove a message's content: one's own, or any as owner, moderator or administrator. Deleting again changes nothing."""

    by: Principal
    message_id: MessageId


class React(actors.Message["Timeline", Message], frozen=True):
    """Add one's reaction to a message; the same one again changes nothing. At most 30 kinds of reaction on a message."""

    by: Principal
    message_id: MessageId
    emoji: str


class Unreact(actors.Message["Timeline", Message], frozen=True):
    """Take one's reaction back; one that is not there is fine."""

    by: Principal
    message_id: MessageId
    emoji: str


class MessagePage(msgspec.Struct, frozen=True):
    """Messages newest first; `next_before` is the cursor of the next older page, None at the beginning of the timeline."""

    items: list[Message]
    next_before: int | None


class ReadMessages(actors.Message["Timeline", MessagePage | None], frozen=True):
    """A page of messages from memory; None when it reaches further back than memory: the asker may read, from the repository.

    With a `language` they have their translations, as far as these are there.
    """

    by: Principal
    before: int | None = None
    after: int | None = None
    limit: int = 50
    language: str | None = None


class ReadMessage(actors.Message["Timeline", Message | None], frozen=True):
    """One message from memory; None when it is not in memory: the asker may read it from the repository. `language` as for pages."""

    by: Principal
    message_id: MessageId
    language: str | None = None


class Scene(msgspec.Struct, frozen=True):
    """What somebody who answers a message sees: the timeline, its first members, and what was said up to the message.

    `messages` are newest first and end with what memory holds; `complete` is False when there are older ones that were asked for.
    `replies` are what agents have answered to the same message, oldest first.
    """

    room: Room | None
    conversation: Conversation | None
    members: tuple[Member, ...]
    messages: list[Message]
    complete: bool
    replies: list[Message]


class ReadScene(actors.Message["Timeline", Scene], frozen=True):
    """Where a message stands that is to be answered: at most `limit` messages up to it, however much was said since."""

    by: Principal
    message_id: MessageId
    offset: int
    limit: int


class CheckReader(actors.Message["Timeline", None], frozen=True):
    """Refuses who may not read; for reads that go to the database."""

    by: Principal


class CheckWriter(actors.Message["SharedTimeline", None], frozen=True):
    """Refuses who may not write now."""

    by: Principal


class CheckVersionsReader(actors.Message["Timeline", None], frozen=True):
    """Refuses who may not see what a message by `author` said before it was edited: its author and moderators may."""

    by: Principal
    author: ParticipantId


class Exportable(msgspec.Struct, frozen=True):
    """What may be exported: the room, and its log up to `offset`."""

    name: str
    room: Room | None
    offset: int
    conversation: Conversation | None = None


class AskExport(actors.Message["Timeline", Exportable], frozen=True):
    """Whether someone may take the whole timeline away: its owners and administrators."""

    by: Principal


class Position(msgspec.Struct, frozen=True):
    """A reader's place in a timeline: the offset of the last event they have, in the log's life `epoch`."""

    offset: int
    epoch: str


class Window(msgspec.Struct, frozen=True):
    """A timeline's recent events. `publications` are those held in memory above the asked offset, oldest first.

    `missing_after` is None when they are all there; otherwise the events above it and up to and including `held_after` are to be
    read from the log. Only what is shown to who reads so (`reading`) is in it, so offsets may be missing between them.
    """

    channel: str
    offset: int
    epoch: str
    publications: tuple[Publication, ...] = ()
    missing_after: int | None = None
    held_after: int = 0
    reading: Reading = None


class ReadEvents(actors.Message["Timeline", Window], frozen=True):
    """The events after an offset, for `…/events?since=` and the realtime `history`. A subscribed `client` reads as it listens."""

    by: Principal
    since: int
    limit: int
    reading: Reading = UNSET
    client: str | None = None


class Live(msgspec.Struct, frozen=True):
    """How a timeline is at this moment, for those who have just come.

    `online` counts the members who are connected to the server; `presence` has those of them among the members that the answer
    shows. `typing` are those who type, longest first, as many as the event `typing` names. `answers` are those in progress.
    """

    online: int
    presence: dict[ParticipantId, Availability]
    typing: tuple[ParticipantId, ...]
    answers: tuple[AnswerSoFar, ...] = ()


class Subscribed(msgspec.Struct, frozen=True):
    """The answer to a subscription. `recovered` is False when `since` names another life of the log, a future offset, or too old a one."""

    window: Window
    was_recovering: bool
    recovered: bool
    room: Room | None
    members: tuple[Member, ...]
    conversation: Conversation | None = None
    live: Live | None = None


class Subscribe(actors.Message["Timeline", Subscribed], frozen=True):
    """Deliver to `sink` everything after the answer's `window.offset`. `since` asks for what was missed.

    Of the translations those into `language` are delivered, without one none. Subscribing again with the same client replaces the sink.
    """

    by: Principal
    client: ClientInfo
    sink: Sink
    since: Position | None = None
    language: str | None = None


class Unsubscribe(actors.Message["Timeline", None], frozen=True):
    """End a client's subscription; one that is not subscribed is fine."""

    client: str


class ReadPresence(actors.Message["Timeline", list[ClientInfo]], frozen=True):
    """The clients subscribed now, in the order in which they came; of many the first 200 only."""

    by: Principal


class Subscriptions(msgspec.Struct, frozen=True):
    """How many clients are subscribed, and of how many people."""

    clients: int
    people: int


class CountPresence(actors.Message["Timeline", Subscriptions], frozen=True):
    """How many are subscribed now. Costs the same for any number."""

    by: Principal


class SetTyping(actors.Message["SharedTimeline", None], frozen=True):
    """Say that one is typing, or has stopped: those who may write. It ends by itself after 6 seconds without saying so again."""

    by: Principal
    typing: bool


class Describe(actors.Message["RoomActor", Room], frozen=True):
    """The room, for those who may know of it."""

    by: Principal


class Manage(actors.Message["RoomActor", Room], frozen=True):
    """The room, for those who may manage it: owners and administrators. `Forbidden` for others who may know of it."""

    by: Principal


class Presence(msgspec.Struct, frozen=True):
    """A member and how others see them."""

    member: Member
    presence: Availability


class ReadMembers(actors.Message["Timeline", list[Presence]], frozen=True):
    """The members, in the order in which they joined."""

    by: Principal


class Join(actors.Message["RoomActor", Member], frozen=True):
    """Become a member of a public room, or with an invitation of a private one; a member already is fine.

    `RoomFull` when it is at its capacity; `Forbidden` for whom it has banned. `invited` is only the door's to set, which has
    seen the code.
    """

    by: Principal
    invited: bool = False


class Leave(actors.Message["SharedTimeline", None], frozen=True):
    """Stop being a member; not being one is fine.

    When the last owner leaves, the longest-standing moderator, else the longest-standing member, becomes owner.
    """

    by: Principal


class PutMember(actors.Message["RoomActor", Member], frozen=True):
    """Give a participant a role in the room, adding them if they are not a member.

    Owners (and administrators) may give any role; moderators may add members. `RoomFull` when adding is over capacity.
    """

    by: Principal
    participant: Participant
    role: Role
    username: str | None = None


class RemoveMember(actors.Message["RoomActor", None], frozen=True):
    """Remove a member: owners anyone, moderators members."""

    by: Principal
    participant_id: ParticipantId


class BanMember(actors.Message["RoomActor", Ban], frozen=True):
    """Remove someone if they are a member, and keep them out until `until` (None: until the ban is lifted).

    Owners anyone but themselves, moderators members and strangers. Banning again replaces the ban.
    """

    by: Principal
    participant: Participant
    until: datetime | None
    reason: str | None


class UnbanMember(actors.Message["RoomActor", None], frozen=True):
    """Lift a ban; one that is not there is fine."""

    by: Principal
    participant_id: ParticipantId


class ReadBans(actors.Message["RoomActor", list[Ban]], frozen=True):
    """The bans in force: for moderators and owners."""

    by: Principal


class MuteMember(actors.Message["RoomActor", Member], frozen=True):
    """Let a member only read until a moment; None lets them write again. Who may, as for removing."""

    by: Principal
    participant_id: ParticipantId
    until: datetime | None


class CheckMayInvite(actors.Message["RoomActor", None], frozen=True):
    """Refuses who may not invite to the room: owners and moderators may."""

    by: Principal


class CheckModerates(actors.Message["RoomActor", None], frozen=True):
    """Refuses who does not moderate the room: its owners and moderators, and administrators, do."""

    by: Principal


class CheckMembers(actors.Message["RoomActor", None], frozen=True):
    """Refuses unless the asker and all these participants are members."""

    by: Principal
    participants: tuple[ParticipantId, ...]


class RoomChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a room that its owner may change; UNSET leaves one as it is, null clears it.

    `archived` closes the room, like deleting it, or opens it again: nobody has lost their membership meanwhile.
    """

    name: RoomName | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    capacity: Capacity | None | UnsetType = UNSET
    language: Language | None | UnsetType = UNSET
    translation: bool | UnsetType = UNSET
    slow_mode_seconds: SlowModeSeconds | UnsetType = UNSET
    glossary: ShortText | None | UnsetType = UNSET
    formality: ShortText | None | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class UpdateRoom(actors.Message["RoomActor", Room], frozen=True):
    """Change the room's settings: owners and administrators. A capacity below the number of members is a `Conflict`."""

    by: Principal
    changes: RoomChanges


class ArchiveRoom(actors.Message["RoomActor", None], frozen=True):
    """Close the room: owners and administrators. Its history stays readable to its members."""

    by: Principal


class PresentParticipant(Participant, frozen=True, gc=False):
    """A participant and how others see them."""

    presence: Availability


class ConversationView(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation and who takes part in it, in the order in which they came."""

    id: TimelineId
    kind: ConversationKind
    title: str | None
    room_id: TimelineId | None
    participants: list[PresentParticipant]
    created_by: ParticipantId
    created_at: datetime
    archived_at: datetime | None

    @classmethod
    def of(
        cls,
        conversation: Conversation,
        people: Iterable[Participant],
        presence: Callable[[ParticipantId], Availability],
    ) -> "ConversationView":
        """A conversation among `people`, each as present as `presence` says."""
        shown = [PresentParticipant(each.id, each.kind, each.name, presence(each.id)) for each in people]
        return cls(participants=shown, **msgspec.structs.asdict(conversation))


class DescribeConversation(actors.Message["ConversationActor", ConversationView], frozen=True):
    """The conversation, for those who take part in it."""

    by: Principal


class ConversationChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What participants may change of a conversation; UNSET leaves it as it is, null clears the title."""

    title: Title | None | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class UpdateConversation(actors.Message["ConversationActor", ConversationView], frozen=True):
    """Rename a group (any participant), archive a conversation or open it again (its owner; in private either)."""

    by: Principal
    changes: ConversationChanges


class Reopen(actors.Message["ConversationActor", ConversationView], frozen=True):
    """Bring the two people of a private conversation (back) into it, and open it if it is archived."""

    by: Principal
    people: tuple[tuple[Participant, str | None], ...]


class AddParticipant(actors.Message["ConversationActor", bool], frozen=True):
    """Add someone to a group: any participant. Answers whether they are new."""

    by: Principal
    participant: Participant
    username: str | None = None


class RemoveParticipant(actors.Message["ConversationActor", None], frozen=True):
    """Remove someone from a group: its owner anyone, everyone themselves."""

    by: Principal
    participant_id: ParticipantId


class SeeTerm(actors.Message["Timeline", None], frozen=True):
    """The term that the database has for this timeline: a higher one than its own means that another process has taken it over."""

    term: int
