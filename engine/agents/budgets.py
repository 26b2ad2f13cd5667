"""What agents may spend in a day, taken from the database before they speak.

An answer is counted under its id, and stays counted until it is posted. So one that was begun and is begun again, by a process after
another one that was killed, costs nothing more.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, time, timedelta
from typing import Final

from engine.agents.stage import Stage
from engine.domain.agents import AgentBudgets, AgentDefinition
from engine.domain.fields import TimelineId
from engine.errors import EngineError, InProgress, StorageUnavailable
from engine.timelines.answer_commands import StartAnswer

USED_UP: Final = {
    "answers": "the agent has given all its answers of today",
    "tokens": "the agent has used up its tokens of today",
    "room_answers": "agents have given all the answers that they may give here today",
    "room_tokens": "agents have used up the tokens that they may use here today",
}
"""The budgets by name, as a sentence for people."""


def limits(stage: Stage, definition: AgentDefinition) -> AgentBudgets:
    """The budgets of an agent and of the timelines that it speaks in."""
    return AgentBudgets(
        answers=definition.daily_answers,
        tokens=definition.daily_tokens,
        room_answers=stage.settings.room_answers,
        room_tokens=stage.settings.room_tokens,
    )


async def take_answer(stage: Stage, definition: AgentDefinition, timeline_id: TimelineId, answer_id: str) -> str | None:
    """Take an answer from the budgets, unless it is counted already: the name of the one that is used up, if one is."""
    day, budgets = stage.clock.now().date(), limits(stage, definition)
    return await stage.around.storage.agents.take_answer(definition.id, timeline_id, answer_id, day, budgets)


@asynccontextmanager
async def beginning(stage: Stage, start: StartAnswer, timeline_id: TimelineId) -> AsyncIterator[None]:
    """Around the beginning of an answer that is counted. What the timeline refuses is given back, but not what is in progress already."""
    try:
        yield
    except InProgress:
        raise
    except EngineError:
        with suppress(StorageUnavailable):
            await stage.around.storage.agents.give_back(start.by.id, timeline_id, start.answer_id)
        raise


def until_tomorrow(now: datetime) -> float:
    """Seconds until the budgets are those of another day."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return (midnight - now).total_seconds()
