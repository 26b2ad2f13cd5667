"""What an agent outside remembers, over REST: the notebook of the answer that it is giving."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from engine.domain.memories import Memory, MemoryId
from engine.errors import EngineError, NotFound
from gateway.client.asking import Asking

log = structlog.get_logger(__name__)


class NotebookElsewhere:
    """See `engine.agents.turn.Notebook`. `renew` begins the answer again at a server that has forgotten it."""

    def __init__(self, asking: Asking, answer_id: str, renew: Callable[[], Awaitable[None]]) -> None:
        self._asking = asking
        self._path = f"/answers/{quote(answer_id, safe='')}/memories"
        self._renew = renew

    async def recall(self) -> tuple[Memory, ...]:
        """What bears on the question. When that cannot be read, the agent answers without, as one inside does."""
        try:
            body = await self._asking.call("GET", self._path)
        except EngineError as refusal:
            log.warning("agent.not_recalled", reason=str(refusal))
            return ()
        return msgspec.convert(body["items"], tuple[Memory, ...])

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
