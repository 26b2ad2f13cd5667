"""What the engine asks of a database: Protocols with domain types in and out.

`memory/` and `sql/` implement them and pass one contract suite (`tests/storage/`). Every method may raise `StorageUnavailable`
when the database does not answer within the storage's own time limit; nothing is then half-applied. Cancelling any of them
leaves the database as if it had not been called, or as if it had completed.
"""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import msgspec

from engine.domain.events import Event
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.domain.people import User
from engine.domain.rooms import Member, Room


class Claimed(msgspec.Struct, frozen=True):
    """The proof that one activation owns a timeline: writes under an older `term` are refused from now on.

    `epoch` names the life of the log; `head` is the offset of its last event, 0 when there is none.
    """

    timeline_id: TimelineId
    term: int
    epoch: str
    head: int


class Append(msgspec.Struct, frozen=True):
    """Events that one timeline adds as a whole or not at all. Their offsets follow on from the log's head without a gap."""

    timeline_id: TimelineId
    term: int
    events: tuple[Event, ...]


class AppendFailure(msgspec.Struct, frozen=True):
    """Why one timeline's append was refused while the others of its batch were written.

    `fenced`: a newer term owns the timeline. `conflict`: an event breaks a uniqueness rule of the database (an offset that
    exists, a client_id that its author has used). `invalid`: the database refuses the data itself.
    """

    reason: str  # "fenced" | "conflict" | "invalid"
    detail: str


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

    async def append(self, batch: Sequence[Append]) -> list[AppendFailure | None]:
        """Write the events and their projections, all in one transaction; the answers are in the order of `batch`.

        Committed when it returns. Terms are checked in the same transaction. When the transaction fails because of what is
        in it, the batch is divided until only the timelines at fault are refused. A timeline stands in a batch at most once.

        Projections: `MessagePosted` inserts the message; `MessageEdited` updates it; `MessageDeleted` updates it and blanks
        the text of that message's earlier events; `MemberJoined` inserts the member (or replaces the row); `MemberLeft` and
        `MemberRemoved` delete it; `MemberRoleChanged` updates it; `RoomUpdated` updates the room; `RoomArchived` sets the
        room's `archived_at` to the event's `at`. `Invited` has none.
        """
        ...

    async def events(self, timeline_id: TimelineId, *, after: int, limit: int) -> list[Event]:
        """The events with an offset above `after`, oldest first, at most `limit`."""
        ...


class Messages(Protocol):
    """The present state of messages. Authors carry their present name."""

    async def get(self, timeline_id: TimelineId, message_id: MessageId) -> Message | None:
        """One message of this timeline."""
        ...

    async def by_client_ids(self, timeline_id: TimelineId, keys: Sequence[tuple[ParticipantId, str]]) -> list[Message]:
        """The messages that these (author, client_id) pairs posted, in any order; unknown pairs are left out."""
        ...

    async def page(
        self, timeline_id: TimelineId, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        """Newest first, by offset, both bounds exclusive.

        With `after` and no `before` these are the `limit` messages next above `after` (still newest first).
        """
        ...


class Rooms(Protocol):
    """Rooms and memberships, as projected from their timelines."""

    async def create(self, room: Room, epoch: str, events: Sequence[Event]) -> None:
        """Store a new room's timeline (term 0), the room, and its first events with their projections, in one transaction."""
        ...

    async def get(self, room_id: TimelineId) -> Room | None:
        """A room, archived or not."""
        ...

    async def search(
        self, viewer: ParticipantId | None, *, query: str | None = None, after: TimelineId | None = None, limit: int
    ) -> list[Room]:
        """Rooms that are not archived and that `viewer` may know of (public, or a member; None sees all), by id upwards.

        `query` matches anywhere in the name, in any case; `%` and `_` in it mean themselves. `after` is the last id of the
        page before.
        """
        ...

    async def members(self, timeline_id: TimelineId) -> list[Member]:
        """Every member, with their present name, by joined_at and then id."""
        ...


class Users(Protocol):
    """Accounts. Each user's own timeline (kind `user`) and participant row are created and renamed with them."""

    async def add(self, user: User, password_hash: str, epoch: str) -> str | None:
        """Store a new account and its personal timeline; or answer the field that is taken (`email` or `username`), any case."""
        ...

    async def get(self, user_id: ParticipantId) -> User | None:
        """An account, active or not."""
        ...

    async def get_many(self, user_ids: Sequence[ParticipantId]) -> list[User]:
        """Those that exist, in any order."""
        ...

    async def by_login(self, login: str) -> tuple[User, str] | None:
        """The account with this email or username, in any case, and its password hash."""
        ...

    async def search(
        self, prefix: str, *, after: ParticipantId | None = None, limit: int, inactive: bool = False
    ) -> list[User]:
        """Accounts whose username begins with `prefix`, in any case, by id upwards; with `inactive` deactivated ones too."""
        ...

    async def update(self, user: User, *, was: User) -> str | None:
        """Store the fields in which `user` differs from what it `was`; or answer the field that is taken, with nothing changed.

        The other fields keep what is stored, so that changes of different fields by different processes all hold.
        """
        ...

    async def set_password(self, user_id: ParticipantId, password_hash: str) -> None:
        """Replace the password hash."""
        ...


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh token of a family. Only the token's SHA-256 is kept; `rotated_at` is set once it was exchanged for the next."""

    digest: bytes
    family_id: str
    user_id: ParticipantId
    expires_at: datetime
    rotated_at: datetime | None = None
    revoked_at: datetime | None = None


class Tokens(Protocol):
    """Refresh tokens, grouped into families: one family is one sign-in on one device."""

    async def add(self, token: RefreshToken) -> None:
        """Store the first token of a new family."""
        ...

    async def get(self, digest: bytes) -> RefreshToken | None:
        """A token in any state, with its family's `revoked_at`."""
        ...

    async def rotate(self, digest: bytes, successor: RefreshToken, *, at: datetime) -> bool:
        """Mark a token as rotated and store its successor, in one transaction.

        False, with nothing changed, when it was rotated or its family revoked already: of several concurrent calls one wins.
        """
        ...

    async def revoke_family(self, family_id: str, *, at: datetime) -> None:
        """End a family: none of its tokens is good any more. Doing it again changes nothing."""
        ...

    async def revoke_user(self, user_id: ParticipantId, *, at: datetime) -> None:
        """End every family of a person."""
        ...

    async def family_revoked(self, family_id: str) -> bool:
        """Whether this family has ended (or never was)."""
        ...

    async def purge(self, *, expired_before: datetime) -> int:
        """Forget the tokens that expired before a moment; tells how many."""
        ...


class Storage(Protocol):
    """One database: its repositories and its life. Used as an async context manager around everything else."""

    @property
    def log(self) -> TimelineLog: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def rooms(self) -> Rooms: ...
    @property
    def users(self) -> Users: ...
    @property
    def tokens(self) -> Tokens: ...

    async def ping(self) -> None:
        """Return when the database answers readers and writers; `StorageUnavailable` when it does not within the time limit."""
        ...

    async def __aenter__(self) -> Self:
        """Open connections. The schema must be at the present revision (`gathering migrate`)."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        ...
