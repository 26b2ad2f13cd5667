"""Authors of answers, and readers who put together what they hear."""

from typing import Any

import msgspec

from actors import Ref
from engine.domain.answers import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerDelta,
    AnswerEvent,
    AnswerFailed,
    AnswerMemories,
    AnswerSoFar,
    AnswerStarted,
    AnswerTool,
    StopReason,
)
from engine.domain.fields import MessageId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.timelines.answer_commands import CancelAnswer, ExtendAnswer, FailAnswer, FinishAnswer, StartAnswer
from engine.timelines.commands import Posted
from engine.timelines.fanout import Publication
from engine.timelines.shared import SharedTimeline
from tests.engine.timelines.acting import Listener

Ending = AnswerCompleted | AnswerFailed | AnswerCancelled

_EVENTS: msgspec.json.Decoder[AnswerEvent] = msgspec.json.Decoder(AnswerEvent)


def told(publications: list[Publication]) -> list[AnswerEvent]:
    """What there is about answers among publications, in order."""
    ephemeral = [each.data for each in publications if each.offset is None]
    return [_EVENTS.decode(data) for data in ephemeral if msgspec.json.decode(data)["type"].startswith("answer.")]


def kinds(listener: Listener) -> list[str]:
    """The types of all events that a sink got, durable and ephemeral."""
    return [msgspec.json.decode(each.data)["type"] for each in listener.publications]


def deltas(listener: Listener) -> list[AnswerDelta]:
    return [each for each in told(listener.publications) if isinstance(each, AnswerDelta)]


class Author:
    """Writes answers in one timeline; keeps what it is told to stop."""

    def __init__(self, timeline: Ref[SharedTimeline], by: Principal) -> None:
        self.timeline = timeline
        self.by = by
        self.stopped: list[tuple[str, StopReason]] = []

    def stop(self, answer_id: str, reason: StopReason) -> None:
        self.stopped.append((answer_id, reason))

    async def start(self, answer_id: str = "a1", question: Message | None = None) -> None:
        asked: MessageId | None = None if question is None else question.id
        await self.timeline.ask(StartAnswer(self.by, answer_id, asked, self))

    async def extend(self, *texts: str, answer_id: str = "a1") -> None:
        for text in texts:
            await self.timeline.ask(ExtendAnswer(self.by, answer_id, text))

    async def finish(self, answer_id: str = "a1", **given: Any) -> Posted:
        return await self.timeline.ask(FinishAnswer(self.by, answer_id, **given))

    async def fail(self, answer_id: str = "a1", code: str = "model", detail: str = "the model broke off") -> None:
        await self.timeline.ask(FailAnswer(self.by, answer_id, code, detail))


async def cancel(timeline: Ref[SharedTimeline], by: Principal, answer_id: str = "a1") -> None:
    await timeline.ask(CancelAnswer(by, answer_id))


class Reader:
    """Puts answers together, and fails as soon as anything is missing, repeated, out of order, or after the end."""

    def __init__(self, so_far: tuple[AnswerSoFar, ...] = ()) -> None:
        self.texts = {each.answer_id: each.text for each in so_far}
        self.endings: dict[str, Ending] = {}
        self._next = {each.answer_id: each.index for each in so_far}
        assert all(each.length == len(each.text) for each in so_far)

    def hear(self, event: AnswerEvent, *, may_be_merged: bool = False) -> None:
        assert event.answer_id not in self.endings, "something came after the end"
        match event:
            case AnswerStarted(answer_id=answer_id):
                assert answer_id not in self.texts, "it was started twice"
                self.texts[answer_id], self._next[answer_id] = "", 0
            case AnswerDelta(answer_id=answer_id, index=index, text=text, length=length):
                expected = self._next[answer_id]
                assert index == expected or (may_be_merged and index > expected), "a delta is missing or out of order"
                self._next[answer_id] = index + 1
                self.texts[answer_id] += text
                assert length == len(self.texts[answer_id]), "the length is not that of the text"
            case AnswerTool() | AnswerMemories():
                assert event.answer_id in self.texts
            case _:
                self.endings[event.answer_id] = event
