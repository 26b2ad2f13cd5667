"""Invitations to rooms, by a code that whoever has it may use until it expires.

invitation = await invitations.create(ada.principal, room.id, expires_in=86_400)
await invitations.accept(ben.principal, invitation.code)
"""

import hashlib
import secrets
from datetime import datetime, timedelta

import msgspec

from engine.clock import Clock
from engine.domain.fields import TimelineId
from engine.domain.people import Principal
from engine.domain.rooms import Room
from engine.errors import NotFound
from engine.storage.repositories import Invite, Invites
from engine.timelines.commands import CheckMayInvite, Describe, Join
from engine.timelines.directory import Timelines

_LONGEST = 64
"""Characters of a code that are looked at; ours have 22."""


class Invitation(msgspec.Struct, frozen=True):
    """A code to pass on. It is shown once: only its SHA-256 is kept."""

    code: str
    expires_at: datetime


class Invitations:
    """Makes, accepts and revokes invitations. Every method may raise `StorageUnavailable`."""

    def __init__(self, invites: Invites, timelines: Timelines, clock: Clock) -> None:
        self._invites = invites
        self._timelines = timelines
        self._clock = clock

    async def create(self, by: Principal, room_id: TimelineId, *, expires_in: int) -> Invitation:
        """Invite to a room for `expires_in` seconds. `Forbidden` for who is neither owner nor moderator."""
        await self._timelines.room(room_id).ask(CheckMayInvite(by))
        code, now = secrets.token_urlsafe(16), self._clock.now()
        expires_at = now + timedelta(seconds=expires_in)
        await self._invites.add(
            Invite(digest=_digest(code), timeline_id=room_id, created_by=by.id, created_at=now, expires_at=expires_at)
        )
        return Invitation(code, expires_at)

    async def accept(self, by: Principal, code: str) -> Room:
        """Join the room that a code invites to. `NotFound` for a code that is unknown, expired or revoked."""
        invite = await self._good(code)
        room = self._timelines.room(invite.timeline_id)
        await room.ask(Join(by, invited=True))
        return await room.ask(Describe(by))

    async def revoke(self, by: Principal, code: str) -> None:
        """Make a code useless: for who might have made it."""
        invite = await self._good(code)
        await self._timelines.room(invite.timeline_id).ask(CheckMayInvite(by))
        await self._invites.revoke(invite.digest)

    async def purge(self) -> int:
        """Forget expired invitations; tells how many."""
        return await self._invites.purge(expired_before=self._clock.now())

    async def _good(self, code: str) -> Invite:
        invite = await self._invites.get(_digest(code)) if len(code) <= _LONGEST else None
        if invite is None or invite.expires_at <= self._clock.now():
            raise NotFound("this invitation is not good (any more)")
        return invite


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
