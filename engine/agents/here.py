"""What an agent sees of its timeline, with the rights of the member that it is, and as it was at the question."""

from collections.abc import Sequence

from actors import Ref
from engine.agents.window import MOST, fitting
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.domain.rooms import Member
from engine.errors import InvalidRequest
from engine.search.searching import Searching
from engine.storage.repositories import Storage
from engine.timelines.commands import Scene
from engine.timelines.directory import Timelines
from engine.timelines.shared import SharedTimeline


class Surroundings:
    """What is asked of timelines and the database for all agents."""

    def __init__(self, storage: Storage, timelines: Timelines) -> None:
        self.storage = storage
        self.timelines = timelines
        self.searching = Searching(storage)


class InTimeline:
    """See `turn.Here`. The timeline itself decides, at each call, whether the agent may still read."""

    def __init__(
        self, around: Surroundings, ref: Ref[SharedTimeline], by: Principal, question: Message, scene: Scene
    ) -> None:
        self._around = around
        self._ref = ref
        self._by = by
        self._until = question.offset + 1
        self._scene = scene

    async def search(self, text: str, *, limit: int = 10) -> Sequence[Message]:
        """See `Here.search`."""
        try:
            found = await self._around.searching.in_timeline(
                self._ref, self._by, text, before=self._until, limit=min(limit, MOST), language=None
            )
        except InvalidRequest:
            return []
        return sorted(found.items, key=lambda each: -each.offset)

    async def messages(self, *, before: int | None = None, limit: int = 50) -> Sequence[Message]:
        """See `Here.messages`."""
        before = self._until if before is None else min(before, self._until)
        page = await self._around.timelines.messages(self._ref, self._by, before=before, limit=min(limit, MOST))
        return page.items

    async def members(self) -> Sequence[Member]:
        """See `Here.members`."""
        return self._scene.members


async def completed(scene: Scene, around: Surroundings, question: Message) -> Scene:
    """The scene of a question, from memory and, if it goes further back, from the database."""
    if scene.complete:
        return scene
    timeline_id = TimelineId(question.timeline_id)
    messages = await around.storage.messages.page(timeline_id, before=question.offset + 1, limit=MOST)
    return Scene(scene.room, scene.conversation, scene.members, messages, True, scene.replies)  # noqa: FBT003 - a field


def history(scene: Scene, budget: int, itself: ParticipantId) -> tuple[Message, ...]:
    """What was said up to the question, as far as it fits, and what other agents have answered to it already.

    An agent that answers once more does not see its answer before.
    """
    replies = [each for each in scene.replies if each.deleted_at is None and each.author.id != itself]
    return (*fitting(scene.messages, budget), *replies)
