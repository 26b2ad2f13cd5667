"""API keys of the person who is signed in."""

from datetime import datetime
from typing import Final, NewType

import msgspec

from engine.accounts.api_keys import NewApiKey
from engine.accounts.forms import Identity
from engine.domain.activity import Origin
from engine.domain.fields import ParticipantId
from engine.engine import Engine
from engine.errors import Forbidden
from engine.storage.repositories import ApiKey
from gateway.rest.endpoints import Endpoint, delete, get, post
from gateway.rest.pages import Page

KeyId = NewType("KeyId", str)


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key without the key. `last_used_at` is right to the hour."""

    id: str
    name: str
    agent_id: ParticipantId | None = None
    created_at: datetime
    last_used_at: datetime | None


class MadeApiKey(ApiKeyView, frozen=True, kw_only=True):
    """A new key. `key` is shown this once; it is sent as `Authorization: Bearer <key>`."""

    key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"MadeApiKey(id={self.id!r})"


async def make_api_key(engine: Engine, identity: Identity, origin: Origin, body: NewApiKey) -> MadeApiKey:
    """Make an API key, at most 20 a person. It may do what its owner may, except manage keys and sign out.

    With `agent_id`, for administrators, it acts for that agent instead: a program that is connected with it speaks for the agent.
    """
    _refuse_keys(identity)
    if body.agent_id is not None and not identity.user.principal.admin:
        raise Forbidden("only administrators make keys for agents")
    made = engine.accounts.make_api_key(identity.user.id, body.name, agent_id=body.agent_id, origin=origin)
    key, secret = await made
    view = msgspec.structs.asdict(_view(key))
    return MadeApiKey(**view, key=secret)


async def list_api_keys(engine: Engine, identity: Identity) -> Page[ApiKeyView]:
    """One's API keys, oldest first."""
    _refuse_keys(identity)
    return Page([_view(key) for key in await engine.accounts.api_keys.owned(identity.user.id)])


async def revoke_api_key(engine: Engine, identity: Identity, origin: Origin, key_id: KeyId) -> None:
    """Revoke an API key: it is refused, and its live connections end, at once."""
    _refuse_keys(identity)
    await engine.accounts.revoke_api_key(identity.user.id, key_id, origin=origin)


def _refuse_keys(identity: Identity) -> None:
    if identity.api_key is not None:
        raise Forbidden("API keys are managed by whoever signs in, not by a key")


def _view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.id, name=key.name, agent_id=key.agent_id, created_at=key.created_at, last_used_at=key.last_used_at
    )


_TAG: Final = "People"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    post("/me/api-keys", make_api_key, tag=_TAG, status=201, problems=("conflict", "forbidden")),
    get("/me/api-keys", list_api_keys, tag=_TAG, problems=("forbidden",)),
    delete("/me/api-keys/{key_id}", revoke_api_key, tag=_TAG, problems=("forbidden",)),
)
