"""What can be asked of a timeline about answers: by whoever writes one, and by those who want it to end.

Only its author extends, finishes or fails an answer; for anyone else there is none: `NotFound`. So there is once it has ended.
"""

from typing import TYPE_CHECKING, Protocol

import actors
from engine.domain.answers import MemoryUsed, StopReason, ToolState
from engine.domain.fields import MessageId
from engine.domain.people import Principal
from engine.timelines.commands import Posted, Scene

if TYPE_CHECKING:
    from engine.timelines.shared import SharedTimeline  # noqa: F401 - named as the receiver of messages


class AnswerAuthor(Protocol):
    """Whoever writes an answer, as a timeline knows them."""

    def stop(self, answer_id: str, reason: StopReason) -> None:
        """The answer is over: nothing more of it will be taken. Called inside the timeline's turn: returns at once, never raises."""
        ...


class StartAnswer(actors.Message["SharedTimeline", str], frozen=True):
    """Begin an answer under an id of the author's choice, to a message or to nothing in particular. Answers the id.

    For those who may write. `Overloaded` when many are in progress; `InvalidRequest` for a question that does not exist,
    `Conflict` for one that is deleted, `InProgress` for an id that is in use.
    """

    by: Principal
    answer_id: str
    question: MessageId | None
    author: AnswerAuthor


class OpenAnswer(actors.Message["SharedTimeline", Scene], frozen=True):
    """Begin an answer, and read in the same turn what surrounds its question: at most `limit` messages up to its `offset`."""

    start: StartAnswer
    offset: int
    limit: int


class ExtendAnswer(actors.Message["SharedTimeline", None], frozen=True):
    """Add to an answer. Subscribers hear of it within 40 milliseconds. Usually told; asked, it says whether the answer lives.

    `at` is how many characters came before `text`: what is there already is not taken twice, and a gap is an `InvalidRequest`.
    `author` is who goes on with the answer, where that may be another one than who began it.
    """

    by: Principal
    answer_id: str
    text: str
    at: int | None = None
    author: AnswerAuthor | None = None


class FinishAnswer(actors.Message["SharedTimeline", Posted], frozen=True):
    """Post an answer as a message, a reply to its question. `text` is the whole of it; None: what it has been extended to.

    The same `client_id` again returns the first result, as with posting; None takes the answer's id. When the message store does
    not answer (`TryLater`) the answer is still in progress and can be finished again; any other refusal has failed it.
    """

    by: Principal
    answer_id: str
    text: str | None = None
    client_id: str | None = None
    language: str | None = None


class FailAnswer(actors.Message["SharedTimeline", None], frozen=True):
    """Give an answer up. What it says so far is kept. `code` is for programs, `detail` a sentence for people."""

    by: Principal
    answer_id: str
    code: str
    detail: str


class AbandonAnswer(actors.Message["SharedTimeline", None], frozen=True):
    """An author may have gone: unless they go on with the answer within `seconds`, it fails. What it says so far is kept.

    One who was followed by another author leaves nothing behind.
    """

    by: Principal
    answer_id: str
    seconds: float
    author: AnswerAuthor


class ReadQuestion(actors.Message["SharedTimeline", MessageId], frozen=True):
    """What an answer in progress answers. `Conflict` when that is nothing in particular."""

    by: Principal
    answer_id: str


class UseTool(actors.Message["SharedTimeline", None], frozen=True):
    """Let the subscribers see that a tool is at work for an answer. Told; of an answer that has ended it tells nothing."""

    by: Principal
    answer_id: str
    name: str
    state: ToolState


class UseMemories(actors.Message["SharedTimeline", None], frozen=True):
    """Let the subscribers see that memories are used for an answer. Told; of an answer that has ended it tells nothing."""

    by: Principal
    answer_id: str
    memories: tuple[MemoryUsed, ...]


class CancelAnswer(actors.Message["SharedTimeline", None], frozen=True):
    """End an answer that is not wanted any more: anyone who may write, or moderates. `Conflict` when it is being posted."""

    by: Principal
    answer_id: str


class StopAnswers(actors.Message["SharedTimeline", None], frozen=True):
    """The server stops: end all answers, and keep what they say so far."""
