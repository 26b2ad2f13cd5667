"""A timeline from its beginning to its end, for taking away."""

from collections.abc import AsyncGenerator

from engine.domain.fields import TimelineId
from engine.domain.messages import Message
from engine.storage.repositories import Storage

PAGE = 500
"""Messages read at once."""


async def messages_of(storage: Storage, timeline_id: TimelineId, *, until: int) -> AsyncGenerator[list[Message]]:
    """Every message up to an offset in its present state, by offset, page by page: memory holds one page at a time.

    Nothing is held between pages: closing the generator is enough to stop. Raises `StorageUnavailable`.
    """
    after = 0
    while page := await storage.messages.page(timeline_id, after=after, limit=PAGE):
        after = page[0].offset
        wanted = [message for message in reversed(page) if message.offset <= until]
        if wanted:
            yield wanted
        if after >= until:
            return
