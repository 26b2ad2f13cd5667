"""An agent is asked to answer the same message once more."""

import pytest

from engine.agents import Turn
from engine.agents.agents import Agents
from engine.domain.agents import AgentChanges, Policy
from engine.domain.answers import AnswerCancelled
from engine.domain.fields import MessageId, ParticipantId
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Conflict, EngineError, Forbidden, InvalidRequest, NotFound, RateLimited
from engine.timelines.answer_commands import CancelAnswer
from engine.timelines.commands import Delete
from tests.engine.agents.scripted import SCRIPTS, TURNS, agent, events, hanging, joined, quiet, slowly, spoken
from tests.engine.timelines.acting import Place

pytestmark = pytest.mark.anyio


async def test_another_answer_is_another_reply_to_the_same_question_and_the_first_one_stays(
    engine: Engine, lobby: Place, ada: Principal
) -> None:
    ann = await joined(lobby, ada)
    SCRIPTS["Ann"] = slowly("first")
    asked = (await lobby.post(ada, "hello")).message
    await quiet()
    await lobby.post(ada, "something else")
    await quiet()
    SCRIPTS["Ann"] = slowly("second")

    given = await engine.agents.regenerate(ada, f"room:{lobby.id}", asked.id, ann.id)
    await quiet()

    answers = await spoken(lobby, ada)
    assert [(each.text, each.reply_to == asked.id) for each in answers] == [
        ("first", True),
        ("first", False),
        ("second", True),
    ]
    assert answers[-1].answer_id == given != answers[0].answer_id


async def test_who_answers_again_sees_what_it_saw_then_and_not_what_it_said(
    engine: Engine, lobby: Place, ada: Principal
) -> None:
    ann = await joined(lobby, ada)
    asked = (await lobby.post(ada, "hello")).message
    await quiet()

    await engine.agents.regenerate(ada, f"room:{lobby.id}", asked.id, ann.id)
    await quiet()

    first, second = (_seen(turn) for turn in TURNS)
    assert first == second
    assert second[-1] == "hello"


async def test_a_stopped_answer_is_asked_for_again(engine: Engine, lobby: Place, ada: Principal) -> None:
    ann = await joined(lobby, ada)
    SCRIPTS["Ann"] = hanging
    listener, _ = await lobby.listen(ada)
    asked = (await lobby.post(ada, "hello")).message
    await quiet(5)
    with pytest.raises(Conflict, match="about to answer"):
        await engine.agents.regenerate(ada, f"room:{lobby.id}", asked.id, ann.id)
    (started,) = events(listener)
    await lobby.ref.ask(CancelAnswer(ada, started.answer_id))
    await quiet(5)
    SCRIPTS["Ann"] = slowly("here I am")

    await engine.agents.regenerate(ada, f"room:{lobby.id}", asked.id, ann.id)
    await quiet()

    assert any(isinstance(each, AnswerCancelled) for each in events(listener))
    assert [each.text for each in await spoken(lobby, ada)] == ["here I am"]


async def test_what_cannot_be_answered_again_is_refused(
    engine: Engine, lobby: Place, ada: Principal, cleo: Principal
) -> None:
    ann = await joined(lobby, ada, policy=Policy.MENTION, cooldown_seconds=60)
    mute = await joined(lobby, ada, "Mute", Policy.NEVER)
    stranger = await agent(engine, ada, "Elsewhere")
    asked = (await lobby.post(ada, "hello")).message
    gone = (await lobby.post(ada, "not this")).message
    await lobby.ref.ask(Delete(ada, gone.id))
    agents, channel = engine.agents, f"room:{lobby.id}"

    refusals = {
        "not a member": await _refusal(agents, cleo, channel, asked.id, ann.id),
        "no such room": await _refusal(agents, ada, "room:nowhere", asked.id, ann.id),
        "no such message": await _refusal(agents, ada, channel, MessageId("nothing"), ann.id),
        "deleted": await _refusal(agents, ada, channel, gone.id, ann.id),
        "not here": await _refusal(agents, ada, channel, asked.id, stranger.id),
        "never speaks": await _refusal(agents, ada, channel, asked.id, mute.id),
    }
    await engine.agents.regenerate(ada, channel, asked.id, ann.id)
    await quiet(10)
    refusals["has just answered"] = await _refusal(agents, ada, channel, asked.id, ann.id)
    (answer,) = await spoken(lobby, ada)
    refusals["itself"] = await _refusal(agents, ada, channel, answer.id, ann.id)

    assert refusals == {
        "not a member": Forbidden,
        "no such room": NotFound,
        "no such message": NotFound,
        "deleted": Conflict,
        "not here": NotFound,
        "never speaks": Conflict,
        "has just answered": RateLimited,
        "itself": InvalidRequest,
    }


async def test_an_answer_that_is_asked_for_again_counts_among_those_of_the_day(
    engine: Engine, lobby: Place, ada: Principal
) -> None:
    ann = await joined(lobby, ada)
    await engine.agents.change(ann.id, AgentChanges(daily_answers=1))
    asked = await lobby.post(ada, "hello")
    await quiet()

    await engine.agents.regenerate(ada, f"room:{lobby.id}", asked.message.id, ann.id)
    await quiet()

    assert len(await spoken(lobby, ada)) == 1


def _seen(turn: Turn) -> list[str]:
    return [each.text for each in turn.history]


async def _refusal(
    agents: Agents, by: Principal, channel: str, message_id: MessageId, agent_id: ParticipantId
) -> type[EngineError] | None:
    try:
        await agents.regenerate(by, channel, message_id, agent_id)
    except EngineError as refusal:
        return type(refusal)
    return None
