"""Answers: messages that appear piece by piece while their author is still at them.

An answer is started, grows by deltas, and ends once: completed, failed or cancelled. These events are told to whoever listens and
kept by nobody; what lasts is the message in which an answer ends. `length` and `index` let a reader see whether anything is
missing: a delta's text takes the answer to `length` characters (Unicode code points), and `index` counts the deltas from 0.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from engine.domain.fields import MessageId, ParticipantId
from engine.domain.memories import MemoryId
from engine.domain.people import Participant


class StopReason(StrEnum):
    """Why a timeline ends an answer without its author."""

    CANCELLED = "cancelled"
    """Someone did not want it any more."""
    QUESTION_EDITED = "question_edited"
    QUESTION_DELETED = "question_deleted"
    AUTHOR_GONE = "author_gone"
    """Its author left, was removed or was muted."""
    ARCHIVED = "archived"
    """The timeline was closed."""
    TOO_LONG = "too_long"
    """It has more characters than an answer may have."""
    TIMEOUT = "timeout"
    """It has taken longer than an answer may take."""
    INVALID_TEXT = "invalid_text"
    """It holds U+0000 or half a surrogate pair."""
    DISCONNECTED = "disconnected"
    """Its author writes from outside, and has not come back."""
    STOPPING = "stopping"
    """The server stops, or this timeline does: it restarts, or another process has it now."""


class ToolState(StrEnum):
    """How far the use of a tool has come."""

    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"


class AnswerStarted(msgspec.Struct, frozen=True, tag="answer.started", tag_field="type"):
    """`author` is answering `question`, if it is one message that is answered."""

    answer_id: str
    author: Participant
    question: MessageId | None


class AnswerDelta(msgspec.Struct, frozen=True, tag="answer.delta", tag_field="type"):
    """The answer goes on. Where deltas were merged for a slow reader, `index` is that of the last of them."""

    answer_id: str
    index: int
    text: str
    length: int


class AnswerCompleted(msgspec.Struct, frozen=True, tag="answer.completed", tag_field="type"):
    """The answer is this message, which was posted before."""

    answer_id: str
    message_id: MessageId


class AnswerFailed(msgspec.Struct, frozen=True, tag="answer.failed", tag_field="type"):
    """The answer could not be finished. With `text` it is kept as far as it came, and posted as a message that is `partial`."""

    answer_id: str
    code: str
    detail: str
    text: str | UnsetType = UNSET


class AnswerCancelled(msgspec.Struct, frozen=True, tag="answer.cancelled", tag_field="type"):
    """`by` stopped the answer, by what `reason` says. `text` as in `answer.failed`."""

    answer_id: str
    by: ParticipantId
    reason: StopReason
    text: str | UnsetType = UNSET


class AnswerTool(msgspec.Struct, frozen=True, tag="answer.tool", tag_field="type"):
    """For this answer a tool has been called, or has come to its end."""

    answer_id: str
    name: str
    state: ToolState


class MemoryUsed(msgspec.Struct, frozen=True):
    """A memory without its text, which only those read who may: the person whom it is `about`, and administrators."""

    id: MemoryId
    about: ParticipantId | None


class AnswerMemories(msgspec.Struct, frozen=True, tag="answer.memories", tag_field="type"):
    """For this answer its author, an agent, is given what it remembers."""

    answer_id: str
    memories: tuple[MemoryUsed, ...]


AnswerEvent: TypeAlias = (
    AnswerStarted | AnswerDelta | AnswerMemories | AnswerTool | AnswerCompleted | AnswerFailed | AnswerCancelled
)


class AnswerSoFar(msgspec.Struct, frozen=True):
    """An answer in progress, for those who come while it is. The delta with this `index` is the next; `length` is that of `text`."""

    answer_id: str
    author: Participant
    question: MessageId | None
    index: int
    length: int
    text: str
