"""Where one is signed in, and signing out there."""

from datetime import datetime
from typing import Final, NewType

import msgspec

from engine.accounts.forms import Identity
from engine.domain.activity import Origin
from engine.engine import Engine
from engine.errors import Forbidden
from gateway.rest.endpoints import Endpoint, delete, get
from gateway.rest.pages import Page

SessionId = NewType("SessionId", str)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in on one device, with what signed in (`User-Agent`). It ends at `expires_at` unless it is used before.

    `last_used_at` is when it last exchanged its refresh token: right to the life of an access token.
    """

    id: str
    client: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool
    """Whether it is the one that asks."""


async def list_sessions(engine: Engine, identity: Identity) -> Page[Session]:
    """Where one is signed in, the last used first."""
    _refuse_keys(identity)
    return Page(
        [
            Session(
                id=each.id,
                client=each.client,
                created_at=each.created_at,
                last_used_at=each.last_used_at,
                expires_at=each.expires_at,
                current=each.id == identity.family_id,
            )
            for each in await engine.accounts.sign_ins(identity.user.id)
        ]
    )


async def end_session(engine: Engine, identity: Identity, origin: Origin, session_id: SessionId) -> None:
    """Sign out there: none of its tokens is good any more, and its live connections end, at once."""
    _refuse_keys(identity)
    await engine.accounts.end_sign_in(identity.user.id, session_id, origin=origin)


async def end_other_sessions(engine: Engine, identity: Identity, origin: Origin) -> None:
    """Sign out everywhere else: as above, for all sign-ins but the one that asks."""
    _refuse_keys(identity)
    await engine.accounts.end_other_sign_ins(identity.user.id, identity.family_id, origin=origin)


def _refuse_keys(identity: Identity) -> None:
    if identity.api_key is not None:
        raise Forbidden("sign-ins are managed by whoever signs in, not by an API key")


_TAG: Final = "People"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/me/sessions", list_sessions, tag=_TAG, problems=("forbidden",)),
    delete("/me/sessions", end_other_sessions, tag=_TAG, problems=("forbidden",)),
    delete("/me/sessions/{session_id}", end_session, tag=_TAG, problems=("forbidden",)),
)
