"""API keys: 256 random bits that act for a person, or for an agent, until they are revoked. Only their SHA-256 is stored.

A key may do what its owner may, but for keys themselves and sign-ins: whoever finds one cannot make it outlive its revocation.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Annotated

import anyio
import msgspec
from msgspec import Meta
from msgspec.structs import replace

from engine.accounts.directory import Directory
from engine.accounts.forms import Identity
from engine.accounts.recent import Recent
from engine.accounts.tokens import refresh_digest
from engine.clock import Clock
from engine.domain.agents import EXTERNAL, AgentAccount
from engine.domain.fields import ParticipantId
from engine.errors import Conflict, InvalidRequest, NotFound, TryLater, Unauthenticated
from engine.storage.repositories import Agents, ApiKey
from engine.storage.repositories import ApiKeys as Repository

PREFIX = "gak_"
"""How every key begins: for us to know one, and for scanners that find one where it should not be."""
MOST = 20
"""Keys of one person."""
_COARSE = timedelta(hours=1)
_LONGEST = 64

KeyName = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key, as its owner asks for it. With `agent_id` it acts for that agent, whose model is `external`: administrators only."""

    name: KeyName
    agent_id: ParticipantId | None = None


class ApiKeys:
    """Makes, checks and revokes keys. `ttl` (seconds) is how long another process's revocation may go unnoticed."""

    def __init__(
        self,
        keys: Repository,
        directory: Directory,
        agents: Agents,
        clock: Clock,
        *,
        ttl: float = 2.0,
        time: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._keys = keys
        self._directory = directory
        self._agents = agents
        self._clock = clock
        self._recent = Recent(self._read, ttl=ttl, time=time)
        self._listeners: list[Callable[[str], None]] = []

    async def make(
        self, user_id: ParticipantId, name: str, *, agent_id: ParticipantId | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and, this once, the key itself. `Conflict` for more than `MOST`; `InvalidRequest` for an agent that takes none."""
        if agent_id is not None:
            await self._check_agent(agent_id)
        secret = PREFIX + secrets.token_urlsafe(32)
        made = self._clock.now()
        key = ApiKey(id=self._clock.new_id(), user_id=user_id, name=name, created_at=made, agent_id=agent_id)
        if not await self._keys.add(key, refresh_digest(secret), most=MOST):
            raise Conflict(f"there are {MOST} API keys already: revoke one first")
        return key, secret

    async def owned(self, user_id: ParticipantId) -> list[ApiKey]:
        """Somebody's keys, oldest first."""
        return await self._keys.owned(user_id)

    async def revoke(self, user_id: ParticipantId, key_id: str) -> None:
        """End a key: it is refused from now on. `NotFound`."""
        digest = await self._keys.remove(user_id, key_id)
        if digest is None:
            raise NotFound("there is no such API key")
        self._recent.put(digest, None)
        for listener in self._listeners:
            listener(key_id)

    async def authenticate(self, secret: str) -> Identity:
        """Whom a key speaks for; `Unauthenticated` when it is none of ours, revoked, or its owner deactivated."""
        if len(secret) > _LONGEST:
            raise Unauthenticated("the API key is not valid")
        digest = refresh_digest(secret)
        key = await self._recent.get(digest)
        if key is None:
            raise Unauthenticated("the API key is not valid")
        user = await self._directory.current(key.user_id)
        if key.agent_id is not None:
            agent = await self._agents.get(key.agent_id)
            if agent is None:
                raise Unauthenticated("the agent of this API key is gone")
            user = AgentAccount.of(agent)
        await self._touch(digest, key)
        return Identity(user, family_id="", expires_at=None, api_key=key.id)

    def watch(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of every key that is revoked here. It must neither wait nor raise."""
        self._listeners.append(listener)

    async def _check_agent(self, agent_id: ParticipantId) -> None:
        agent = await self._agents.get(agent_id)
        if agent is None:
            raise InvalidRequest.field("agent_id", "there is no such agent")
        if agent.model != EXTERNAL:
            raise InvalidRequest.field("agent_id", f"that agent's model is {agent.model}, not {EXTERNAL}")

    async def _touch(self, digest: bytes, key: ApiKey) -> None:
        now = self._clock.now()
        if key.last_used_at is not None and now - key.last_used_at < _COARSE:
            return
        with suppress(TryLater):
            await self._keys.touch(key.id, at=now)
            if await self._recent.get(digest) is not None:  # not revoked meanwhile
                self._recent.put(digest, replace(key, last_used_at=now))

    async def _read(self, digests: Sequence[bytes]) -> dict[bytes, ApiKey]:
        found = {digest: await self._keys.get(digest) for digest in digests}
        return {digest: key for digest, key in found.items() if key is not None}
