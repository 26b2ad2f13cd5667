"""The rules of moderation: decisions over a room's turn, without I/O.

Whoever stands above someone may remove, ban and mute them: owners anyone, moderators plain members.
"""

from datetime import timedelta

from engine.domain.events import MemberBanned, MemberMuted, MemberUnbanned
from engine.domain.fields import ParticipantId, Role
from engine.domain.rooms import Ban, Member
from engine.errors import Conflict, Forbidden, InvalidRequest, NotFound, RateLimited
from engine.timelines import membership
from engine.timelines.commands import BanMember, MuteMember, UnbanMember
from engine.timelines.membership import RANK
from engine.timelines.turn import Turn


def ban(turn: Turn, command: BanMember, rank: int) -> Ban:
    """Remove someone and keep them out."""
    check_moderator(rank)
    _check_future(turn, command.until)
    person = command.participant
    if person.id == command.by.id:
        raise Conflict("nobody bans themselves: leave the room")
    if (member := turn.members.get(person.id)) is not None:
        check_outranks(rank, member)
        membership.remove(turn, member, actor=command.by.id)
    new = Ban(participant=person, until=command.until, reason=command.reason, by=command.by.id, at=turn.now)
    turn.add(MemberBanned(offset=turn.next_offset, at=turn.now, actor=command.by.id, ban=new))
    return new


def unban(turn: Turn, command: UnbanMember, rank: int) -> None:
    """Lift a ban."""
    check_moderator(rank)
    if command.participant_id in turn.bans:
        turn.add(
            MemberUnbanned(
                offset=turn.next_offset,
                at=turn.now,
                actor=command.by.id,
                participant_id=command.participant_id,
            )
        )


def mute(turn: Turn, command: MuteMember, rank: int) -> Member:
    """Have a member only read until a moment, or write again."""
    check_moderator(rank)
    _check_future(turn, command.until)
    member = turn.members.get(command.participant_id)
    if member is None:
        raise NotFound("that participant is not a member")
    check_outranks(rank, member)
    if member.muted_until == command.until:
        return member
    turn.add(
        MemberMuted(
            offset=turn.next_offset,
            at=turn.now,
            actor=command.by.id,
            participant_id=command.participant_id,
            until=command.until,
        )
    )
    return turn.members[command.participant_id]


def check_moderator(rank: int) -> None:
    """Refuse those who moderate nobody."""
    if rank < RANK[Role.MODERATOR]:
        raise Forbidden("only owners and moderators do this")


def check_outranks(rank: int, member: Member) -> None:
    """Refuse those who do not stand above a member; owners stand above each other."""
    if rank < RANK[Role.OWNER] and rank <= RANK[member.role]:
        raise Forbidden("owners may do this to anyone, moderators to members")


def check_not_banned(turn: Turn, person: ParticipantId) -> None:
    """Refuse to let in who is banned."""
    ban = turn.bans.get(person)
    if ban is not None and ban.holds(turn.now):
        until = "" if ban.until is None else f" until {ban.until:%Y-%m-%dT%H:%M:%SZ}"
        raise Forbidden(f"you are banned from this room{until}")


def check_may_be_added(turn: Turn, person: ParticipantId) -> None:
    """Refuse to add who is banned."""
    ban = turn.bans.get(person)
    if ban is not None and ban.holds(turn.now):
        raise Conflict("that participant is banned: lift the ban first")


def check_not_muted(turn: Turn, member: Member) -> None:
    """Refuse to let a muted member write."""
    until = member.muted_until
    if until is not None and until > turn.now:
        raise Forbidden(f"you are muted until {until:%Y-%m-%dT%H:%M:%SZ}")


def check_pace(turn: Turn, author: ParticipantId, seconds: int) -> None:
    """Refuse who has posted within the last `seconds`."""
    last = turn.last_post(author)
    if last is None:
        return
    wait = (last + timedelta(seconds=seconds) - turn.now).total_seconds()
    if wait > 0:
        raise RateLimited(f"slow mode: one message in {seconds} seconds", retry_after=wait)


def _check_future(turn: Turn, until: object) -> None:
    if until is not None and until <= turn.now:  # type: ignore[operator]
        raise InvalidRequest.field("until", "a moment in the future")
