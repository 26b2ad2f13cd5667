"""Answers in progress, over REST: what does not want to be live can still end one, and ask for another.

What agents outside remember is here too: who gives an answer may read and write it, as long as that lasts.
"""

from typing import Final

import msgspec

from actors import Ref
from engine.domain.documents import Chunk
from engine.domain.fields import AnswerId, MessageId, ParticipantId, TimelineId, TimelineKind
from engine.domain.memories import Keywords, Memory, MemoryId, MemoryText
from engine.domain.people import Principal
from engine.engine import Engine
from engine.timelines.answer_commands import CancelAnswer
from engine.timelines.shared import SharedTimeline
from gateway.rest.endpoints import Endpoint, delete, get, post
from gateway.rest.pages import Page
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


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent is to remember of the one who asks."""

    text: MemoryText
    keywords: Keywords = []


async def recall_for_answer(
    engine: Engine, by: Principal, timeline: Ref[SharedTimeline], answer_id: AnswerId
) -> Page[Memory]:
    """What an agent outside remembers that bears on the question which it is answering, oldest first; its readers are told.

    Those of the one who asks and of this place, as agents inside are given them, for as long as the answer is in progress.
    """
    recalled = await engine.agents.notebooks.recall(by, timeline, answer_id)
    return Page(items=list(recalled), next=None)


async def consult_for_answer(
    engine: Engine, by: Principal, timeline: Ref[SharedTimeline], answer_id: AnswerId
) -> Page[Chunk]:
    """What of its documents bears on the question that an agent outside is answering, in the order in which it is read.

    As agents inside are given it, for as long as the answer is in progress.
    """
    return Page(items=list(await engine.agents.notebooks.consult(by, timeline, answer_id)), next=None)


async def remember_for_answer(
    engine: Engine, by: Principal, timeline: Ref[SharedTimeline], answer_id: AnswerId, body: Noted
) -> Memory:
    """Have an agent outside remember something of the one whose message it is answering. The same words again change nothing."""
    return await engine.agents.notebooks.remember(by, timeline, answer_id, body.text, body.keywords)


async def forget_for_answer(
    engine: Engine, by: Principal, timeline: Ref[SharedTimeline], answer_id: AnswerId, memory_id: MemoryId
) -> None:
    """Have an agent outside forget something that it knows here of the one whose message it is answering."""
    await engine.agents.notebooks.forget(by, timeline, answer_id, memory_id)


_TAG: Final = "Messages"
_MEMORIES: Final = "/answers/{answer_id}/memories"
_REFUSED: Final = ("forbidden", "conflict", "rate_limited")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *shared(post, "/answers/{answer_id}/cancel", cancel_answer, tag=_TAG, status=204, problems=("conflict",)),
    *shared(get, _MEMORIES, recall_for_answer, tag="Agents", problems=("conflict",)),
    *shared(get, "/answers/{answer_id}/documents", consult_for_answer, tag="Agents", problems=("conflict",)),
    *shared(post, _MEMORIES, remember_for_answer, tag="Agents", status=201, problems=("conflict",)),
    *shared(delete, _MEMORIES + "/{memory_id}", forget_for_answer, tag="Agents", status=204, problems=("conflict",)),
    post("/rooms/{room_id}/messages/{message_id}/regenerate", answer_again, tag=_TAG, status=202, problems=_REFUSED),
    post(
        "/conversations/{conversation_id}/messages/{message_id}/regenerate",
        answer_again_in_conversation,
        tag=_TAG,
        status=202,
        problems=_REFUSED,
    ),
)
