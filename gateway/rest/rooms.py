"""Rooms and their members."""

from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec

from engine.domain.fields import Availability, ParticipantId, Reason, Role, TimelineId
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Ban, Member, Room
from engine.engine import Engine
from engine.errors import Forbidden
from engine.settings import RoomCreation, Settings
from engine.timelines.commands import (
    ArchiveRoom,
    BanMember,
    Describe,
    Join,
    Leave,
    MuteMember,
    PutMember,
    ReadBans,
    ReadMembers,
    RemoveMember,
    RoomChanges,
    UnbanMember,
    UpdateRoom,
)
from engine.timelines.directory import NewRoom
from engine.timelines.invitations import Invitation
from gateway.rest.endpoints import Endpoint, delete, get, patch, post, put
from gateway.rest.pages import Page, PageQuery, page

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339, with a zone")]


class MemberView(msgspec.Struct, frozen=True):
    """A member. `presence` is what they say of themselves while connected to the server, else `offline`."""

    participant: Participant
    role: Role
    presence: Availability


class RoleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The role that a member is to have."""

    role: Role


class NewBan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ban until a moment (null: until it is lifted), and why."""

    until: Moment | None = None
    reason: Reason | None = None


class Mute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until when a member only reads; null: they may write again."""

    until: Moment | None


class NewInvite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long an invitation is good, in seconds: a minute to 30 days, a week when it is not said."""

    expires_in: Annotated[int, msgspec.Meta(ge=60, le=2_592_000)] = 604_800


async def create_room(engine: Engine, settings: Settings, by: Principal, body: NewRoom) -> Room:
    """Open a room; whoever does is its owner and first member."""
    if settings.room_creation is RoomCreation.ADMIN and not by.admin:
        raise Forbidden("only administrators open rooms here")
    return await engine.timelines.create_room(by, body)


async def list_rooms(engine: Engine, by: Principal, query: PageQuery) -> Page[Room]:
    """The open rooms that one may know of: public ones and one's own; administrators see all. `query` is a part of the name."""
    rows = await engine.storage.rooms.search(
        None if by.admin else by.id,
        query=query.query,
        after=None if query.after is None else TimelineId(query.after),
        limit=query.limit + 1,
    )
    return page(rows, query.limit, lambda room: room.id)


async def read_room(engine: Engine, by: Principal, room_id: TimelineId) -> Room:
    """One room."""
    return await engine.timelines.room(room_id).ask(Describe(by))


async def change_room(engine: Engine, by: Principal, room_id: TimelineId, body: RoomChanges) -> Room:
    """Change a room's settings; null clears one that may be empty."""
    return await engine.timelines.room(room_id).ask(UpdateRoom(by, body))


async def archive_room(engine: Engine, by: Principal, room_id: TimelineId) -> None:
    """Close a room. Its members can still read it, and its owner can open it again."""
    await engine.timelines.room(room_id).ask(ArchiveRoom(by))


async def join_room(engine: Engine, by: Principal, room_id: TimelineId) -> Room:
    """Become a member of a public room; being one already is fine."""
    room = engine.timelines.room(room_id)
    await room.ask(Join(by))
    return await room.ask(Describe(by))


async def leave_room(engine: Engine, by: Principal, room_id: TimelineId) -> None:
    """Stop being a member; not being one is fine."""
    await engine.timelines.room(room_id).ask(Leave(by))


async def list_members(engine: Engine, by: Principal, room_id: TimelineId) -> Page[MemberView]:
    """Every member, in the order in which they joined."""
    members = await engine.timelines.room(room_id).ask(ReadMembers(by))
    return Page([MemberView(each.member.participant, each.member.role, each.presence) for each in members])


async def put_member(
    engine: Engine, by: Principal, room_id: TimelineId, participant_id: ParticipantId, body: RoleChange
) -> Member:
    """Give someone a role in the room, adding them when they are not a member."""
    person = engine.agents.named(participant_id) or await engine.accounts.user(participant_id)
    return await engine.timelines.room(room_id).ask(PutMember(by, person.participant, body.role, person.username))


async def remove_member(engine: Engine, by: Principal, room_id: TimelineId, participant_id: ParticipantId) -> None:
    """Remove a member."""
    await engine.timelines.room(room_id).ask(RemoveMember(by, participant_id))


async def ban_member(
    engine: Engine, by: Principal, room_id: TimelineId, participant_id: ParticipantId, body: NewBan | None
) -> Ban:
    """Remove someone and keep them out. Banning again replaces the ban."""
    person = engine.agents.named(participant_id) or await engine.accounts.user(participant_id)
    given = body or NewBan()
    return await engine.timelines.room(room_id).ask(BanMember(by, person.participant, given.until, given.reason))


async def unban_member(engine: Engine, by: Principal, room_id: TimelineId, participant_id: ParticipantId) -> None:
    """Lift a ban; one that is not there is fine."""
    await engine.timelines.room(room_id).ask(UnbanMember(by, participant_id))


async def list_bans(engine: Engine, by: Principal, room_id: TimelineId) -> Page[Ban]:
    """The bans in force: for owners and moderators."""
    return Page(await engine.timelines.room(room_id).ask(ReadBans(by)))


async def mute_member(
    engine: Engine, by: Principal, room_id: TimelineId, participant_id: ParticipantId, body: Mute
) -> Member:
    """Let a member only read for a while."""
    return await engine.timelines.room(room_id).ask(MuteMember(by, participant_id, body.until))


async def create_invite(engine: Engine, by: Principal, room_id: TimelineId, body: NewInvite | None) -> Invitation:
    """Make a code with which anyone may join until it expires: for owners and moderators. The code is shown once."""
    return await engine.invitations.create(by, room_id, expires_in=(body or NewInvite()).expires_in)


async def accept_invite(engine: Engine, by: Principal, code: str) -> Room:
    """Join the room that a code invites to; being a member already is fine."""
    return await engine.invitations.accept(by, code)


async def revoke_invite(engine: Engine, by: Principal, code: str) -> None:
    """Make a code useless."""
    await engine.invitations.revoke(by, code)


_ROOMS: Final = "Rooms"
_MEMBERS: Final = "Members"
_MEMBER: Final = "/rooms/{room_id}/members/{participant_id}"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    post("/rooms", create_room, tag=_ROOMS, status=201, problems=("forbidden",)),
    get("/rooms", list_rooms, tag=_ROOMS),
    get("/rooms/{room_id}", read_room, tag=_ROOMS),
    patch("/rooms/{room_id}", change_room, tag=_ROOMS, problems=("forbidden", "conflict")),
    delete("/rooms/{room_id}", archive_room, tag=_ROOMS, problems=("forbidden", "conflict")),
    post("/rooms/{room_id}/join", join_room, tag=_MEMBERS, problems=("forbidden", "conflict", "room_full")),
    post("/rooms/{room_id}/leave", leave_room, tag=_MEMBERS, problems=("conflict",)),
    get("/rooms/{room_id}/members", list_members, tag=_MEMBERS, problems=("forbidden",)),
    put(
        "/rooms/{room_id}/members/{participant_id}",
        put_member,
        tag=_MEMBERS,
        problems=("forbidden", "conflict", "room_full"),
    ),
    post(f"{_MEMBER}/ban", ban_member, tag=_MEMBERS, problems=("forbidden", "conflict")),
    post(f"{_MEMBER}/unban", unban_member, tag=_MEMBERS, problems=("forbidden",)),
    post(f"{_MEMBER}/mute", mute_member, tag=_MEMBERS, problems=("forbidden",)),
    get("/rooms/{room_id}/bans", list_bans, tag=_MEMBERS, problems=("forbidden",)),
    post("/rooms/{room_id}/invites", create_invite, tag=_MEMBERS, status=201, problems=("forbidden", "conflict")),
    post("/invites/{code}/accept", accept_invite, tag=_MEMBERS, problems=("forbidden", "conflict", "room_full")),
    delete("/invites/{code}", revoke_invite, tag=_MEMBERS, problems=("forbidden", "conflict")),
    delete(
        "/rooms/{room_id}/members/{participant_id}", remove_member, tag=_MEMBERS, problems=("forbidden", "conflict")
    ),
)
