"""What an agent outside remembers, over REST: the notebook of the answer that it is giving."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from engine.domain.documents import Chunk
from engine.domain.memories import Memory, MemoryId
from engine.errors import EngineError, NotFound
from gateway.client.asking import Asking

log = structlog.get_logger(__name__)


class NotebookElsewhere:
    """See `engine.agents.turn.Notebook`. `renew` begins the answer again at a server that has forgotten it."""

    def __init__(self, asking: Asking, answer_id: str, renew: Callable[[], Awaitable[None]]) -> None:
        self._asking = asking
        self._answer = f"/answers/{quote(answer_id, safe='')}"
        self._path = f"{self._answer}/memories"
        self._renew = renew

    async def recall(self) -> tuple[Memory, ...]:
        """What is remembered that bears on the question. When that cannot be read, the agent answers without, as one inside does."""
        return msgspec.convert(await self._items(self._path), tuple[Memory, ...])

    async def consult(self) -> tuple[Chunk, ...]:
        """What of the agent's documents bears on it, likewise."""
        return msgspec.convert(await self._items(f"{self._answer}/documents"), tuple[Chunk, ...])

    async def _items(self, path: str) -> list[Any]:
        try:
            return list((await self._asking.call("GET", path))["items"])
        except EngineError as refusal:
            log.warning("agent.not_informed", path=path, reason=str(refusal))
            return []

    async def remember(self, text: str, keywords: Sequence[str] = ()) -> Memory:
        """See `Notebook.remember`."""
        return msgspec.convert(await self._call("POST", "", {"text": text, "keywords": list(keywords)}), Memory)

    async def forget(self, memory_id: MemoryId) -> None:
        """See `Notebook.forget`."""
        await self._call("DELETE", f"/{quote(memory_id, safe='')}")

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        """What is not found may be the answer itself: then it is asked for once more."""
        try:
            return await self._asking.call(method, self._path + path, body)
        except NotFound:
            await self._renew()
        return await self._asking.call(method, self._path + path, body)
