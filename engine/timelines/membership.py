"""The rules of membership that rooms and group conversations share: decisions over a turn, without I/O."""

from engine.domain.events import MemberJoined, MemberLeft, MemberRemoved, MemberRoleChanged
from engine.domain.fields import ParticipantId, Role
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Member
from engine.timelines.turn import Turn

RANK = {Role.MEMBER: 0, Role.MODERATOR: 1, Role.OWNER: 2}


def rank(turn: Turn, by: Principal) -> int:
    """How much someone may do here; -1 for a stranger. Administrators stand with the owners."""
    if by.admin:
        return RANK[Role.OWNER]
    member = turn.members.get(by.id)
    return RANK[member.role] if member is not None else -1


def admit(turn: Turn, person: Participant, username: str | None, role: Role, *, actor: ParticipantId) -> Member:
    """Make someone a member who is none."""
    member = Member(person, role, turn.now, username)
    turn.add(MemberJoined(offset=turn.next_offset, at=turn.now, actor=actor, member=member))
    return member


def leave(turn: Turn, member: Member) -> None:
    """Let a member go by themselves."""
    person = member.participant
    turn.add(
        MemberLeft(offset=turn.next_offset, at=turn.now, actor=person.id, participant_id=person.id, participant=person)
    )
    if member.role is Role.OWNER:
        keep_an_owner(turn)


def remove(turn: Turn, member: Member, *, actor: ParticipantId) -> None:
    """Have a member removed by someone else."""
    person = member.participant
    turn.add(
        MemberRemoved(offset=turn.next_offset, at=turn.now, actor=actor, participant_id=person.id, participant=person)
    )
    if member.role is Role.OWNER:
        keep_an_owner(turn)


def set_role(turn: Turn, participant_id: ParticipantId, role: Role, *, actor: ParticipantId) -> Member:
    """Give a member a role."""
    turn.add(
        MemberRoleChanged(offset=turn.next_offset, at=turn.now, actor=actor, participant_id=participant_id, role=role)
    )
    return turn.members[participant_id]


def owners(turn: Turn) -> list[ParticipantId]:
    """Who owns the timeline, as of now."""
    return [each for each, member in turn.members.items() if member.role is Role.OWNER]


def keep_an_owner(turn: Turn) -> None:
    """When the last owner has gone, the longest-standing of the highest rank follows."""
    if not turn.members or owners(turn):
        return
    heir = max(turn.members.values(), key=lambda member: RANK[member.role]).participant.id
    set_role(turn, heir, Role.OWNER, actor=heir)
