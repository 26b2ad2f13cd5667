"""Answers in progress, over REST: what does not want to be live can still end one, and ask for another."""

from typing import Final

import msgspec

from actors import Ref
from engine.domain.fields import AnswerId, MessageId, ParticipantId, TimelineId, TimelineKind
from engine.domain.people import Principal
from engine.engine import Engine
from engine.timelines.answer_commands import CancelAnswer
from engine.timelines.shared import SharedTimeline
from gateway.rest.endpoints import Endpoint, post
from gateway.rest.shared import shared


async def cancel_answer(by: Principal, timeline: Ref[SharedTimeline], answer_id: AnswerId) -> None:
    """End an answer that is being written. What it says so far is kept as a message that is `partial`."""
    await timeline.ask(CancelAnswer(by, answer_id))


class AnswerAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to answer."""

    agent_id: ParticipantId


class AnswerToCome(msgspec.Struct, frozen=True):
    """The id of an answer that is still to be written."""

    answer_id: str


async def answer_again(
    engine: Engine, by: Principal, room_id: TimelineId, message_id: MessageId, body: AnswerAgain
) -> AnswerToCome:
    """Let an agent answer a message once more. It becomes another reply to it; the one before stays."""
    channel = f"{TimelineKind.ROOM}:{room_id}"
    return AnswerToCome(await engine.agents.regenerate(by, channel, message_id, body.agent_id))


async def answer_again_in_conversation(
    engine: Engine, by: Principal, conversation_id: TimelineId, message_id: MessageId, body: AnswerAgain
) -> AnswerToCome:
    """Let an agent answer a message once more. It becomes another reply to it; the one before stays."""
    channel = f"{TimelineKind.CONVERSATION}:{conversation_id}"
    return AnswerToCome(await engine.agents.regenerate(by, channel, message_id, body.agent_id))


_TAG: Final = "Messages"
_REFUSED: Final = ("forbidden", "conflict", "rate_limited")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *shared(post, "/answers/{answer_id}/cancel", cancel_answer, tag=_TAG, status=204, problems=("conflict",)),
    post("/rooms/{room_id}/messages/{message_id}/regenerate", answer_again, tag=_TAG, status=202, problems=_REFUSED),
    post(
        "/conversations/{conversation_id}/messages/{message_id}/regenerate",
        answer_again_in_conversation,
        tag=_TAG,
        status=202,
        problems=_REFUSED,
    ),
)
