"""What agents may spend in a day, taken from the database before they speak."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

import msgspec

from engine.agents.stage import Stage
from engine.domain.agents import AgentBudgets, AgentDefinition
from engine.domain.fields import TimelineId

USED_UP: Final = {
    "answers": "the agent has given all its answers of today",
    "tokens": "the agent has used up its tokens of today",
    "room_answers": "agents have given all the answers that they may give here today",
    "room_tokens": "agents have used up the tokens that they may use here today",
}
"""The budgets by name, as a sentence for people."""


def limits(stage: Stage, definition: AgentDefinition) -> AgentBudgets | None:
    """The budgets of an agent and of the timelines that it speaks in; None: there are none."""
    budgets = AgentBudgets(
        answers=definition.daily_answers,
        tokens=definition.daily_tokens,
        room_answers=stage.settings.room_answers,
        room_tokens=stage.settings.room_tokens,
    )
    return None if all(limit is None for limit in msgspec.structs.astuple(budgets)) else budgets


async def take_answer(
    stage: Stage, definition: AgentDefinition, timeline_id: TimelineId, budgets: AgentBudgets
) -> str | None:
    """Take one answer from the budgets: the name of the one that is used up, if one is."""
    day = stage.clock.now().date()
    return await stage.around.storage.agents.take_answer(definition.id, timeline_id, day, budgets)


def until_tomorrow(now: datetime) -> float:
    """Seconds until the budgets are those of another day."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return (midnight - now).total_seconds()
