"""Rooms: who may join, who may do what, and how many fit in."""

from typing import ClassVar

import msgspec
from msgspec import UNSET

from actors import Call, handles
from engine.domain.events import RoomArchived, RoomUpdated
from engine.domain.fields import ParticipantId, Role, TimelineKind, Visibility
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Ban, Member, Room
from engine.errors import Conflict, Forbidden, Hidden, NotFound, RoomFull
from engine.timelines import membership, moderation
from engine.timelines.commands import (
    ArchiveRoom,
    BanMember,
    CheckMayInvite,
    CheckMembers,
    CheckModerates,
    Describe,
    Join,
    Leave,
    Manage,
    MuteMember,
    PutMember,
    ReadBans,
    RemoveMember,
    UnbanMember,
    UpdateRoom,
)
from engine.timelines.membership import RANK, owners
from engine.timelines.shared import SharedTimeline
from engine.timelines.state import Foundation
from engine.timelines.turn import TURN, Turn


class RoomActor(SharedTimeline):
    """A room. The order of its members is that in which they joined."""

    kind: ClassVar[TimelineKind] = TimelineKind.ROOM

    async def exists(self) -> bool:
        """See `Timeline.exists`."""
        return await self._surroundings.storage.rooms.get(self.id) is not None

    async def load(self) -> Foundation:
        """See `Timeline.load`."""
        rooms = self._surroundings.storage.rooms
        return Foundation(
            room=await rooms.get(self.id),
            members=tuple(await rooms.members(self.id)),
            bans=tuple(await rooms.bans(self.id)),
        )

    def title(self) -> str | None:
        """See `SharedTimeline.title`."""
        return self._room.name

    @property
    def _room(self) -> Room:
        assert self._state.room is not None
        return self._state.room

    # -- who may what --------------------------------------------------------------------------------------------------

    def check_reader(self, by: Principal) -> None:
        """Members and administrators read."""
        if by.id not in self._state.members and not by.admin:
            raise _stranger(self._room, by)

    def check_author(self, turn: Turn, by: Principal) -> None:
        """Members write, unless they are muted."""
        member = turn.members.get(by.id)
        if member is None:
            raise _stranger(turn.room, by)
        moderation.check_not_muted(turn, member)

    def check_open(self, turn: Turn) -> None:
        """Nothing is said, edited or deleted in an archived room."""
        _check_open(turn.room)

    def check_pace(self, turn: Turn, by: Principal) -> None:
        """In slow mode members wait between their posts; those who moderate do not."""
        seconds = turn.room.slow_mode_seconds
        if seconds and not self.moderates(turn, by):
            moderation.check_pace(turn, by.id, seconds)

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """Owners, moderators and administrators."""
        return membership.rank(turn, by) >= RANK[Role.MODERATOR]

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

    def _check_knows(self, by: Principal) -> None:
        if by.id not in self._state.members and not by.admin:
            raise Hidden("there is no such room")

    # -- membership ----------------------------------------------------------------------------------------------------

    @handles(Join, batch=TURN)
    async def join(self, calls: list[Call[Join, Member]]) -> None:
        """Let people in."""
        self.propose(calls, self._decide_join)

    @handles(PutMember, batch=TURN)
    async def put_member(self, calls: list[Call[PutMember, Member]]) -> None:
        """Add people, or change what they may do."""
        self.propose(calls, self._decide_put)

    @handles(RemoveMember, batch=TURN)
    async def remove_member(self, calls: list[Call[RemoveMember, None]]) -> None:
        """Remove people."""
        self.propose(calls, self._decide_remove)

    @handles(CheckMembers)
    async def check_members(self, message: CheckMembers) -> None:
        """Refuse unless all of them are members."""
        for each in (message.by.id, *message.participants):
            if each not in self._state.members:
                raise (
                    _stranger(self._room, message.by)
                    if each == message.by.id
                    else Forbidden(f"{each} is not a member of the room")
                )

    def _decide_join(self, turn: Turn, command: Join) -> Member:
        by = command.by
        if (member := turn.members.get(by.id)) is not None:
            return member
        if turn.room.visibility is Visibility.PRIVATE and not (by.admin or command.invited):
            raise Hidden("there is no such room")
        if not by.admin:
            moderation.check_not_banned(turn, by.id)
        _check_open(turn.room)
        return _admit(turn, by.participant, by.username, Role.MEMBER, actor=by.id)

    def decide_leave(self, turn: Turn, command: Leave) -> None:
        """See `SharedTimeline.decide_leave`."""
        member = turn.members.get(command.by.id)
        if member is not None:
            membership.leave(turn, member)
        elif turn.room.visibility is Visibility.PRIVATE:
            raise Hidden("there is no such room")

    def _decide_put(self, turn: Turn, command: PutMember) -> Member:
        by, person, role = command.by, command.participant, command.role
        rank = self._rank_of_member(turn, by)
        _check_open(turn.room)
        known = turn.members.get(person.id)
        if known is None:
            if rank < RANK[Role.MODERATOR] or (rank < RANK[Role.OWNER] and role is not Role.MEMBER):
                raise Forbidden("owners add members in any role, moderators plain members")
            moderation.check_may_be_added(turn, person.id)
            return _admit(turn, person, command.username, role, actor=by.id)
        if known.role is role:
            return known
        if rank < RANK[Role.OWNER]:
            raise Forbidden("only an owner changes roles")
        if known.role is Role.OWNER and owners(turn) == [person.id]:
            raise Conflict("a room keeps at least one owner: name another one first")
        return membership.set_role(turn, person.id, role, actor=by.id)

    def _decide_remove(self, turn: Turn, command: RemoveMember) -> None:
        rank = self._rank_of_member(turn, command.by)
        known = turn.members.get(command.participant_id)
        if known is None:
            raise NotFound("that participant is not a member")
        if command.participant_id != command.by.id:
            moderation.check_outranks(rank, known)
        membership.remove(turn, known, actor=command.by.id)

    def _rank_of_member(self, turn: Turn, by: Principal) -> int:
        if by.id not in turn.members and not by.admin:
            raise _stranger(turn.room, by)
        return membership.rank(turn, by)

    # -- moderation ----------------------------------------------------------------------------------------------------

    @handles(BanMember, batch=TURN)
    async def ban(self, calls: list[Call[BanMember, Ban]]) -> None:
        """Keep people out."""
        self.propose(calls, lambda turn, command: moderation.ban(turn, command, self._rank_of_member(turn, command.by)))

    @handles(UnbanMember, batch=TURN)
    async def unban(self, calls: list[Call[UnbanMember, None]]) -> None:
        """Let people come again."""
        self.propose(
            calls, lambda turn, command: moderation.unban(turn, command, self._rank_of_member(turn, command.by))
        )

    @handles(MuteMember, batch=TURN)
    async def mute(self, calls: list[Call[MuteMember, Member]]) -> None:
        """Have people only read for a while."""
        self.propose(
            calls, lambda turn, command: moderation.mute(turn, command, self._rank_of_member(turn, command.by))
        )

    @handles(ReadBans)
    async def read_bans(self, message: ReadBans) -> list[Ban]:
        """Who may not come."""
        turn = self._look()
        moderation.check_moderator(self._rank_of_member(turn, message.by))
        return [ban for ban in self._state.bans.values() if ban.holds(turn.now)]

    @handles(CheckModerates)
    async def check_moderates(self, message: CheckModerates) -> None:
        """Refuse who does not moderate."""
        moderation.check_moderator(self._rank_of_member(self._look(), message.by))

    @handles(CheckMayInvite)
    async def check_may_invite(self, message: CheckMayInvite) -> None:
        """Refuse who may not invite."""
        turn = self._look()
        moderation.check_moderator(self._rank_of_member(turn, message.by))
        _check_open(turn.room)

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
        given = {name: value for name, value in msgspec.structs.asdict(command.changes).items() if value is not UNSET}
        archived = given.pop("archived", None)
        if archived is False:
            given["archived_at"] = None
        else:
            _check_open(turn.room)
        changed = msgspec.structs.replace(turn.room, **given)
        if changed == turn.room and not archived:
            return changed
        if changed.capacity is not None and changed.capacity < len(turn.members):
            raise Conflict(
                f"the room has {len(turn.members)} members already, more than a capacity of {changed.capacity}"
            )
        turn.add(RoomUpdated(offset=turn.next_offset, at=turn.now, actor=command.by.id, room=changed))
        if archived:
            turn.add(RoomArchived(offset=turn.next_offset, at=turn.now, actor=command.by.id))
        return turn.room

    def _decide_archive(self, turn: Turn, command: ArchiveRoom) -> None:
        self._check_owner(turn, command.by)
        if turn.room.archived_at is None:
            turn.add(RoomArchived(offset=turn.next_offset, at=turn.now, actor=command.by.id))

    def _check_owner(self, turn: Turn, by: Principal) -> None:
        if self._rank_of_member(turn, by) < RANK[Role.OWNER]:
            raise Forbidden("only an owner of the room does this")


def _stranger(room: Room, by: Principal) -> NotFound | Forbidden:
    if not by.admin and (room.visibility is Visibility.PRIVATE or room.archived_at is not None):
        return Hidden("there is no such room")
    return Forbidden("join the room first")


def _check_open(room: Room) -> None:
    if room.archived_at is not None:
        raise Conflict("the room is archived")


def _admit(turn: Turn, person: Participant, username: str | None, role: Role, *, actor: ParticipantId) -> Member:
    capacity = turn.room.capacity
    if capacity is not None and len(turn.members) >= capacity:
        raise RoomFull(f"the room is full: it holds {capacity}")
    return membership.admit(turn, person, username, role, actor=actor)
