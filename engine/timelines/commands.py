"""What can be asked of a timeline. Each struct names who may receive it and what it answers.

`by` is always the principal that the door established. Refusals are `EngineError`s: `NotFound` where the asker may not know
that the thing exists, `Forbidden` where they may know and not do it, `StorageUnavailable` and `TimelineMoved` for writes that
could not be made durable.
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

import actors
from engine.domain.fields import (
    Capacity,
    Description,
    Language,
    MessageId,
    ParticipantId,
    Role,
    RoomName,
    ShortText,
    SlowModeSeconds,
    Visibility,
)
from engine.domain.messages import Draft, Message
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Member, Room
from engine.timelines.fanout import ClientInfo, Publication, Sink

if TYPE_CHECKING:
    from engine.timelines.room import RoomActor  # noqa: F401 - named as the receivers of messages
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


class MessagePage(msgspec.Struct, frozen=True):
    """Messages newest first; `next_before` is the cursor of the next older page, None at the beginning of the timeline."""

    items: list[Message]
    next_before: int | None


class ReadMessages(actors.Message["Timeline", MessagePage | None], frozen=True):
    """A page of messages from memory; None when it reaches further back than memory: the asker may read, from the repository."""

    by: Principal
    before: int | None = None
    after: int | None = None
    limit: int = 50


class ReadMessage(actors.Message["Timeline", Message | None], frozen=True):
    """One message from memory; None when it is not in memory: the asker may read it from the repository."""

    by: Principal
    message_id: MessageId


class CheckReader(actors.Message["Timeline", None], frozen=True):
    """Whether someone may read the timeline: refused if not."""

    by: Principal


class Exportable(msgspec.Struct, frozen=True):
    """What may be exported: the room, and its log up to `offset`."""

    name: str
    room: Room | None
    offset: int


class AskExport(actors.Message["Timeline", Exportable], frozen=True):
    """Whether someone may take the whole timeline away: its owners and administrators."""

    by: Principal


class Position(msgspec.Struct, frozen=True):
    """A reader's place in a timeline: the offset of the last event they have, in the log's life `epoch`."""

    offset: int
    epoch: str


class Window(msgspec.Struct, frozen=True):
    """A timeline's recent events. `publications` are those held in memory above the asked offset, oldest first.

    `missing_after` is None when they are all there; otherwise the events above it and up to (not including) the first of
    `publications` (or up to and including `offset` when there is none) are to be read from the log.
    """

    channel: str
    offset: int
    epoch: str
    publications: tuple[Publication, ...] = ()
    missing_after: int | None = None


class ReadEvents(actors.Message["Timeline", Window], frozen=True):
    """The events after an offset, for `…/events?since=` and the realtime `history`."""

    by: Principal
    since: int
    limit: int


class Subscribed(msgspec.Struct, frozen=True):
    """The answer to a subscription. `recovered` is False when `since` names another life of the log, a future offset, or too old a one."""

    window: Window
    was_recovering: bool
    recovered: bool
    room: Room | None
    members: tuple[Member, ...]


class Subscribe(actors.Message["Timeline", Subscribed], frozen=True):
    """Deliver to `sink` everything after the answer's `window.offset`. `since` asks for what was missed.

    Subscribing again with the same client replaces the sink.
    """

    by: Principal
    client: ClientInfo
    sink: Sink
    since: Position | None = None


class Unsubscribe(actors.Message["Timeline", None], frozen=True):
    """End a client's subscription; one that is not subscribed is fine."""

    client: str


class ReadPresence(actors.Message["Timeline", list[ClientInfo]], frozen=True):
    """The clients subscribed now."""

    by: Principal


class Describe(actors.Message["RoomActor", Room], frozen=True):
    """The room, for those who may know of it."""

    by: Principal


class Presence(msgspec.Struct, frozen=True):
    """A member and whether any client of theirs is subscribed."""

    member: Member
    online: bool


class ReadMembers(actors.Message["RoomActor", list[Presence]], frozen=True):
    """The members of a room, in the order in which they joined."""

    by: Principal


class Join(actors.Message["RoomActor", Member], frozen=True):
    """Become a member of a public room; a member already is fine. `RoomFull` when it is at its capacity."""

    by: Principal


class Leave(actors.Message["RoomActor", None], frozen=True):
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


class RemoveMember(actors.Message["RoomActor", None], frozen=True):
    """Remove a member: owners anyone, moderators members."""

    by: Principal
    participant_id: ParticipantId


class RoomChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a room that its owner may change; UNSET leaves one as it is, null clears it."""

    name: RoomName | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    capacity: Capacity | None | UnsetType = UNSET
    language: Language | None | UnsetType = UNSET
    translation: bool | UnsetType = UNSET
    slow_mode_seconds: SlowModeSeconds | UnsetType = UNSET
    glossary: ShortText | None | UnsetType = UNSET
    formality: ShortText | None | UnsetType = UNSET


class UpdateRoom(actors.Message["RoomActor", Room], frozen=True):
    """Change the room's settings: owners and administrators. A capacity below the number of members is a `Conflict`."""

    by: Principal
    changes: RoomChanges


class ArchiveRoom(actors.Message["RoomActor", None], frozen=True):
    """Close the room for good: owners and administrators. Its history stays readable to its members."""

    by: Principal


class SeeTerm(actors.Message["Timeline", None], frozen=True):
    """The term that the database has for this timeline: a higher one than its own means that another process has taken it over."""

    term: int
