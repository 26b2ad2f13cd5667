"""Messages in their present state."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from engine.domain.events import MessageEdited, MessagePosted
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.storage.memory.state import State
from engine.storage.repositories import Version


class MemoryMessages:
    """See `repositories.Messages`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, timeline_id: TimelineId, message_id: MessageId) -> Message | None:
        await self._state.enter()
        message = self._state.messages.get(message_id)
        return self._state.present(message) if message is not None and message.timeline_id == timeline_id else None

    async def by_client_ids(self, timeline_id: TimelineId, keys: Sequence[tuple[ParticipantId, str]]) -> list[Message]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        ids = (timeline.client_ids.get(key) for key in dict.fromkeys(keys))
        return [self._state.present(self._state.messages[found]) for found in ids if found is not None]

    async def page(
        self, timeline_id: TimelineId, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        posted = timeline.posted
        low = 0 if after is None else bisect_right(posted, after, key=lambda entry: entry[0])
        high = len(posted) if before is None else bisect_left(posted, before, key=lambda entry: entry[0])
        if after is not None and before is None:
            high = min(high, low + limit)
        low = max(low, high - limit)
        return [self._state.present(self._state.messages[message_id]) for _, message_id in reversed(posted[low:high])]

    async def thread(
        self, timeline_id: TimelineId, message_id: MessageId, *, after: int = 0, limit: int
    ) -> list[Message]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        inside = {message_id}
        replies: list[Message] = []
        for _, key in timeline.posted:  # an answer comes after what it answers
            message = self._state.messages[key]
            if message.reply_to in inside:
                inside.add(key)
                replies.append(message)
        return [self._state.present(each) for each in replies if each.offset > after][:limit]

    async def versions(self, timeline_id: TimelineId, message_id: MessageId) -> list[Version]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        if timeline is None:
            return []
        said = (timeline.events[offset] for offset in timeline.about.get(message_id, ()))
        return [
            Version(event.message.text, event.at) for event in said if isinstance(event, MessagePosted | MessageEdited)
        ]
