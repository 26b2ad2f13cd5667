"""What an agent outside asks of its timeline, over REST: answered as one inside is, whatever becomes of the server meanwhile."""

from collections.abc import Mapping
from typing import Any, Final

import anyio
import msgspec

from engine.domain.messages import Message
from engine.errors import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    StorageUnavailable,
    Unauthenticated,
)
from gateway.client.remote import Refused, Remote, Unreachable, query, timeline_path

RETRY: Final = 0.3
"""Seconds until a call is made again that was not answered."""

_KNOWN: Final = (
    *(Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated),
    *(Overloaded, QuotaExceeded, RateLimited, StorageUnavailable),
)
_REFUSALS: Final[Mapping[str, type[EngineError]]] = {each.code: each for each in _KNOWN}


class Asking:
    """One timeline. A server that is away is waited for; refusals are the `EngineError`s that an agent inside gets."""

    def __init__(self, remote: Remote, channel: str) -> None:
        self.channel = channel
        self._remote = remote
        self._path = timeline_path(channel)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask an endpoint below the timeline's; its answer, decoded."""
        while True:
            try:
                return await self._remote.call(method, f"{self._path}{path}", body)
            except Unreachable:
                await anyio.sleep(RETRY)
            except Refused as refused:
                raise _REFUSALS.get(refused.code, EngineError)(str(refused)) from refused

    async def page(self, *, before: int | None = None, limit: int) -> list[Message]:
        """Messages, newest first."""
        return await self._messages({"limit": limit} | ({} if before is None else {"before": before}))

    async def after(self, offset: int, *, limit: int) -> list[Message]:
        """The first messages after an offset, newest first."""
        return await self._messages({"limit": limit, "after": offset})

    async def message(self, message_id: str) -> Message:
        """One message as it is now."""
        return msgspec.convert(await self.call("GET", f"/messages/{message_id}"), Message)

    async def _messages(self, which: Mapping[str, int]) -> list[Message]:
        body = await self.call("GET", f"/messages?{query({name: str(value) for name, value in which.items()})}")
        return msgspec.convert(body["items"], list[Message])
