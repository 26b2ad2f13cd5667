"""The event log of every timeline: claiming it, appending to it, reading it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Protocol

import msgspec

from engine.domain.events import Event
from engine.domain.fields import ParticipantId, TimelineId


class Claimed(msgspec.Struct, frozen=True):
    """The proof that one activation owns a timeline: writes under an older `term` are refused from now on.

    `epoch` names the life of the log; `head` is the offset of its last event, 0 when there is none.
    """

    timeline_id: TimelineId
    term: int
    epoch: str
    head: int


class Append(msgspec.Struct, frozen=True):
    """Events that one timeline adds as a whole or not at all. Their offsets follow on from the log's head without a gap.

    `limits` are the weekly quotas of those authors among them who have one. `fingerprints` are those of the texts that were
    translated, by the offset of each `MessageTranslated`; see `Translations.known`.
    """

    timeline_id: TimelineId
    term: int
    events: tuple[Event, ...]
    limits: tuple[tuple[ParticipantId, int], ...] = ()
    fingerprints: Mapping[int, str] = {}


class AppendFailure(msgspec.Struct, frozen=True):
    """Why one timeline's append was refused while the others of its batch were written.

    `fenced`: a newer term owns the timeline. `conflict`: an event breaks a uniqueness rule of the database (an offset that
    exists, a client_id that its author has used). `invalid`: the database refuses the data itself. `quota`: it would lead one
    of `limits` over its limit; `used` are the counts of those people for the week, as committed with the batch.
    """

    reason: str  # "fenced" | "conflict" | "invalid" | "quota"
    detail: str
    used: tuple[tuple[ParticipantId, date, int], ...] = ()


def never() -> bool:
    """Nobody goes first."""
    return False


class TimelineLog(Protocol):
    """The event log of every timeline, and the projections (members, messages, rooms) that its events imply."""

    async def claim(self, timelines: Sequence[TimelineId]) -> list[Claimed | None]:
        """Raise each timeline's term by one and tell where its log stands, all in one transaction; None for one that does not exist.

        Waits for a write in flight under the older term, so that `head` is final for it.
        """
        ...

    async def terms(self, ids: Sequence[TimelineId]) -> dict[TimelineId, int]:
        """The present term of each timeline; those that do not exist are left out."""
        ...

    async def append(
        self, batch: Sequence[Append], *, overtaken: Callable[[], bool] = never
    ) -> list[AppendFailure | None]:
        """Write the events and their projections, all in one transaction; the answers are in the order of `batch`.

        `overtaken` tells whether somebody has come who goes first. It is asked before the transaction, perhaps in its midst, in any
        thread. When it says so before the commit, nothing is written and `Overtaken` is raised.

        Committed when it returns. Terms are checked in the same transaction. When the transaction fails because of what is
        in it, the batch is divided until only the timelines at fault are refused. A timeline stands in a batch at most once.

        Quotas are held in the order of `batch`: an entry is refused when the messages of one of its authors, counted over the week
        of their `created_at` and with the entries before it, would be more than the author's limit.

        Projections: `MessagePosted` inserts the message and counts it for its author's week, unless that
        is an agent; `MessageEdited` updates it; `MessageDeleted` updates it and blanks
        the text of that message's earlier events; `MessageTranslated` inserts the translation (or replaces it), both others
        delete those of their message; `MemberJoined` inserts the member (or replaces the row); `MemberLeft` and
        `MemberRemoved` delete it; `MemberRoleChanged` and `MemberMuted` update it; `MemberBanned` and `MemberUnbanned` insert
        (or replace) and delete the ban; `ReactionAdded` and `ReactionRemoved` insert and delete the reaction, and with a
        message all its reactions go; `RoomUpdated` updates the room, `RoomArchived` sets its `archived_at` to the event's
        `at`; `ConversationUpdated` updates the conversation. `Invited` has none.

        Inboxes: `MemberJoined` sets the member's read marker to the event's offset. Messages have their mentions indexed, edits
        replace them, deletion removes them. Notifications (see `notice_of`) go to people who are members after the append: to
        those who are named, to the author of the message replied to, to everyone for `@room` (in timelines of up to `MOST_TOLD`
        members), to the other one in a private conversation; the latter two once per timeline as long as that one is unread.
        Who ceases to be a member loses the timeline's notifications.
        """
        ...

    async def events(self, timeline_id: TimelineId, *, after: int, limit: int) -> list[Event]:
        """The events with an offset above `after`, oldest first, at most `limit`."""
        ...
