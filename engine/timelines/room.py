"""Rooms: who may join, who may do what, and how many fit in."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import ClassVar

import msgspec
from msgspec import UNSET

from actors import ActorStopped, Call, MailboxFull, Ref, Unavailable, handles
from engine.domain.events import (
    Event,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MemberRoleChanged,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import ParticipantId, Role, TimelineId, TimelineKind, Visibility
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Member, Room
from engine.errors import Conflict, Forbidden, Hidden, NotFound, RoomFull
from engine.timelines.commands import (
    ArchiveRoom,
    Describe,
    Join,
    Leave,
    Manage,
    Presence,
    PutMember,
    ReadMembers,
    RemoveMember,
    UpdateRoom,
)
from engine.timelines.personal import Notify, PersonalTimeline
from engine.timelines.surroundings import Surroundings
from engine.timelines.timeline import Timeline
from engine.timelines.turn import TURN, Turn

RANK = {Role.MEMBER: 0, Role.MODERATOR: 1, Role.OWNER: 2}


class RoomActor(Timeline):
    """A room. The order of its members is that in which they joined."""

    kind: ClassVar[TimelineKind] = TimelineKind.ROOM

    def __init__(
        self,
        room_id: TimelineId,
        surroundings: Surroundings,
        personal: Callable[[ParticipantId], Ref[PersonalTimeline]],
    ) -> None:
        super().__init__(room_id, surroundings)
        self._personal = personal

    async def exists(self) -> bool:
        """See `Timeline.exists`."""
        return await self._surroundings.storage.rooms.get(self.id) is not None

    async def load(self) -> tuple[Room | None, Iterable[Member]]:
        """See `Timeline.load`."""
        rooms = self._surroundings.storage.rooms
        return await rooms.get(self.id), await rooms.members(self.id)

    @property
    def _room(self) -> Room:
        assert self._state.room is not None
        return self._state.room

    # -- who may what --------------------------------------------------------------------------------------------------

    def check_reader(self, by: Principal) -> None:
        """Members and administrators read."""
        if by.id not in self._state.members and not by.admin:
            raise _stranger(self._room)

    def check_author(self, turn: Turn, by: Principal) -> None:
        """Members write."""
        if by.id not in turn.members:
            raise _stranger(turn.room)

    def check_open(self, turn: Turn) -> None:
        """Nothing is said, edited or deleted in an archived room."""
        _check_open(turn.room)

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """Owners, moderators and administrators."""
        return _rank(turn, by) >= RANK[Role.MODERATOR]

    # -- reading -------------------------------------------------------------------------------------------------------

    @handles(Describe)
    async def describe(self, message: Describe) -> Room:
        """The room, to anyone when it is public and open."""
        room = self._room
        if room.visibility is Visibility.PRIVATE or room.archived_at is not None:
            self._check_knows(message.by)
        return room

    @handles(Manage)
    async def manage(self, message: Manage) -> Room:
        """The room, to its owners and administrators."""
        self.check_reader(message.by)
        member = self._state.members.get(message.by.id)
        if not message.by.admin and (member is None or member.role is not Role.OWNER):
            raise Forbidden("only an owner of the room does this")
        return self._room

    @handles(ReadMembers)
    async def read_members(self, message: ReadMembers) -> list[Presence]:
        """The members, and who of them is connected."""
        self.check_reader(message.by)
        online = self.subscribers.online
        return [Presence(member, each in online) for each, member in self._state.members.items()]

    def _check_knows(self, by: Principal) -> None:
        if by.id not in self._state.members and not by.admin:
            raise Hidden("there is no such room")

    # -- membership ----------------------------------------------------------------------------------------------------

    @handles(Join, batch=TURN)
    async def join(self, calls: list[Call[Join, Member]]) -> None:
        """Let people in."""
        self.propose(calls, self._decide_join)

    @handles(Leave, batch=TURN)
    async def leave(self, calls: list[Call[Leave, None]]) -> None:
        """Let people go."""
        self.propose(calls, self._decide_leave)

    @handles(PutMember, batch=TURN)
    async def put_member(self, calls: list[Call[PutMember, Member]]) -> None:
        """Add people, or change what they may do."""
        self.propose(calls, self._decide_put)

    @handles(RemoveMember, batch=TURN)
    async def remove_member(self, calls: list[Call[RemoveMember, None]]) -> None:
        """Remove people."""
        self.propose(calls, self._decide_remove)

    def _decide_join(self, turn: Turn, command: Join) -> Member:
        by = command.by
        if (member := turn.members.get(by.id)) is not None:
            return member
        if turn.room.visibility is Visibility.PRIVATE and not by.admin:
            raise Hidden("there is no such room")
        _check_open(turn.room)
        return _admit(turn, by.participant, Role.MEMBER, actor=by.id)

    def _decide_leave(self, turn: Turn, command: Leave) -> None:
        by = command.by
        member = turn.members.get(by.id)
        if member is None:
            if turn.room.visibility is Visibility.PRIVATE:
                raise Hidden("there is no such room")
            return
        turn.add(MemberLeft(offset=turn.next_offset, at=turn.now, actor=by.id, participant_id=by.id))
        if member.role is Role.OWNER:
            _keep_an_owner(turn)

    def _decide_put(self, turn: Turn, command: PutMember) -> Member:
        by, person, role = command.by, command.participant, command.role
        rank = self._rank_of_member(turn, by)
        _check_open(turn.room)
        known = turn.members.get(person.id)
        if known is None:
            if rank < RANK[Role.MODERATOR] or (rank < RANK[Role.OWNER] and role is not Role.MEMBER):
                raise Forbidden("owners add members in any role, moderators plain members")
            return _admit(turn, person, role, actor=by.id)
        if known.role is role:
            return known
        if rank < RANK[Role.OWNER]:
            raise Forbidden("only an owner changes roles")
        if known.role is Role.OWNER and _owners(turn) == [person.id]:
            raise Conflict("a room keeps at least one owner: name another one first")
        turn.add(
            MemberRoleChanged(offset=turn.next_offset, at=turn.now, actor=by.id, participant_id=person.id, role=role)
        )
        return turn.members[person.id]

    def _decide_remove(self, turn: Turn, command: RemoveMember) -> None:
        by, person = command.by, command.participant_id
        rank = self._rank_of_member(turn, by)
        known = turn.members.get(person)
        if known is None:
            raise NotFound("that participant is not a member")
        if person != by.id and rank < RANK[Role.OWNER] and rank <= RANK[known.role]:
            raise Forbidden("owners remove anyone, moderators remove members")
        turn.add(MemberRemoved(offset=turn.next_offset, at=turn.now, actor=by.id, participant_id=person))
        if known.role is Role.OWNER:
            _keep_an_owner(turn)

    def _rank_of_member(self, turn: Turn, by: Principal) -> int:
        if by.id not in turn.members and not by.admin:
            raise _stranger(turn.room)
        return _rank(turn, by)

    # -- settings ------------------------------------------------------------------------------------------------------

    @handles(UpdateRoom, batch=TURN)
    async def update(self, calls: list[Call[UpdateRoom, Room]]) -> None:
        """Change the settings."""
        self.propose(calls, self._decide_update)

    @handles(ArchiveRoom, batch=TURN)
    async def archive(self, calls: list[Call[ArchiveRoom, None]]) -> None:
        """Close the room."""
        self.propose(calls, self._decide_archive)

    def _decide_update(self, turn: Turn, command: UpdateRoom) -> Room:
        self._check_owner(turn, command.by)
        _check_open(turn.room)
        given = {name: value for name, value in msgspec.structs.asdict(command.changes).items() if value is not UNSET}
        changed = msgspec.structs.replace(turn.room, **given)
        if changed == turn.room:
            return changed
        if changed.capacity is not None and changed.capacity < len(turn.members):
            raise Conflict(
                f"the room has {len(turn.members)} members already, more than a capacity of {changed.capacity}"
            )
        turn.add(RoomUpdated(offset=turn.next_offset, at=turn.now, actor=command.by.id, room=changed))
        return changed

    def _decide_archive(self, turn: Turn, command: ArchiveRoom) -> None:
        self._check_owner(turn, command.by)
        if turn.room.archived_at is None:
            turn.add(RoomArchived(offset=turn.next_offset, at=turn.now, actor=command.by.id))

    def _check_owner(self, turn: Turn, by: Principal) -> None:
        if self._rank_of_member(turn, by) < RANK[Role.OWNER]:
            raise Forbidden("only an owner of the room does this")

    # -- after the commit ----------------------------------------------------------------------------------------------

    def committed(self, events: Sequence[Event]) -> None:
        """Those who lost their membership hear no more; those who were added by others are told."""
        for event in events:
            match event:
                case MemberLeft(participant_id=gone) | MemberRemoved(participant_id=gone):
                    if gone not in self._state.members:
                        self.end_subscriptions(gone)
                case MemberJoined(member=member, actor=actor) if actor != member.participant.id:
                    self._tell_invited(member, actor)
                case _:
                    pass

    def _tell_invited(self, member: Member, actor: ParticipantId) -> None:
        inviter = self._state.members.get(actor)
        notify = Notify(actor, self.id, self.kind, self._room.name, inviter.participant if inviter else None)
        # Refused, the notice is counted as a dead letter; the membership itself stands.
        with suppress(MailboxFull, ActorStopped, Unavailable):
            self._personal(member.participant.id).tell(notify)


def _stranger(room: Room) -> NotFound | Forbidden:
    if room.visibility is Visibility.PRIVATE or room.archived_at is not None:
        return Hidden("there is no such room")
    return Forbidden("join the room first")


def _check_open(room: Room) -> None:
    if room.archived_at is not None:
        raise Conflict("the room is archived")


def _rank(turn: Turn, by: Principal) -> int:
    if by.admin:
        return RANK[Role.OWNER]
    member = turn.members.get(by.id)
    return RANK[member.role] if member is not None else -1


def _admit(turn: Turn, person: Participant, role: Role, *, actor: ParticipantId) -> Member:
    capacity = turn.room.capacity
    if capacity is not None and len(turn.members) >= capacity:
        raise RoomFull(f"the room is full: it holds {capacity}")
    member = Member(person, role, turn.now)
    turn.add(MemberJoined(offset=turn.next_offset, at=turn.now, actor=actor, member=member))
    return member


def _owners(turn: Turn) -> list[ParticipantId]:
    return [each for each, member in turn.members.items() if member.role is Role.OWNER]


def _keep_an_owner(turn: Turn) -> None:
    """When the last owner has gone, the longest-standing of the highest rank follows."""
    if not turn.members or _owners(turn):
        return
    heir = max(turn.members.values(), key=lambda member: RANK[member.role]).participant.id
    turn.add(MemberRoleChanged(offset=turn.next_offset, at=turn.now, actor=heir, participant_id=heir, role=Role.OWNER))
