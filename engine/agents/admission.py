"""How answers of agents outside begin: by the same rules as those of agents inside."""

from engine.agents.budgets import USED_UP, beginning, take_answer, until_tomorrow
from engine.agents.stage import Stage
from engine.domain.fields import TimelineId
from engine.errors import QuotaExceeded, RateLimited
from engine.timelines.answer_commands import StartAnswer


async def admit(stage: Stage, channel: str, start: StartAnswer, *, silence: RateLimited | None) -> str:
    """Begin an answer; `silence` is why the agent is to be silent now, if it is.

    What was admitted before, and has been forgotten by a process that died, is admitted again. `QuotaExceeded` when a budget is used
    up, and what the timeline refuses: that costs nothing.
    """
    ref, timeline_id = stage.timeline(channel), TimelineId(channel.partition(":")[2])
    counted = stage.around.storage.agents.counted
    if silence is not None and not await counted(start.by.id, timeline_id, start.answer_id):
        raise silence
    definition = stage.definitions.known.get(start.by.id)
    if definition is None:
        return await ref.ask(start)
    over = await take_answer(stage, definition, timeline_id, start.answer_id)
    if over is not None:
        raise QuotaExceeded(USED_UP[over], retry_after=until_tomorrow(stage.clock.now()))
    async with beginning(stage, start, timeline_id):
        return await ref.ask(start)
