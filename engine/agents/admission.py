"""How answers of agents outside begin: within the rest and the budgets of their definition, as those inside."""

from contextlib import suppress

from engine.agents.budgets import USED_UP, limits, take_answer, until_tomorrow
from engine.agents.stage import Stage
from engine.domain.agents import AgentBudgets, AgentDefinition
from engine.domain.fields import TimelineId
from engine.errors import EngineError, QuotaExceeded, RateLimited, StorageUnavailable
from engine.timelines.answer_commands import StartAnswer


async def admit(stage: Stage, channel: str, start: StartAnswer, *, rest: float) -> str:
    """Begin an answer; `rest` are the seconds for which the agent has to be silent yet.

    `RateLimited` while it rests, `QuotaExceeded` when a budget is used up, and what the timeline refuses: that costs nothing.
    """
    if rest > 0:
        raise RateLimited(f"the agent rests for {rest:.0f} seconds more", retry_after=rest)
    definition = stage.definitions.known.get(start.by.id)
    budgets = None if definition is None else limits(stage, definition)
    if definition is None or budgets is None:
        return await stage.timeline(channel).ask(start)
    return await _within(stage, channel, start, definition, budgets)


async def _within(
    stage: Stage, channel: str, start: StartAnswer, definition: AgentDefinition, budgets: AgentBudgets
) -> str:
    timeline_id = TimelineId(channel.partition(":")[2])
    now = stage.clock.now()
    if (over := await take_answer(stage, definition, timeline_id, budgets)) is not None:
        raise QuotaExceeded(USED_UP[over], retry_after=until_tomorrow(now))
    try:
        return await stage.timeline(channel).ask(start)
    except EngineError:
        with suppress(StorageUnavailable):
            await stage.around.storage.agents.spend(definition.id, timeline_id, now.date(), answers=-1)
        raise
