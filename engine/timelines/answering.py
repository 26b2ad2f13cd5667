"""Answers in a timeline: how they begin, reach subscribers, become messages, and end.

    started -> delta, delta, ... -> (posting) -> completed
                    |                   |
                    +---> failed <------+
                    +---> cancelled

Each ends once, by one of the three. It is completed by the commit of its message, whoever learns of that first: so a commit whose
answer was lost completes it too. Answers live in memory only: none outlives its process.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Protocol

import msgspec
import structlog
from msgspec import UNSET

from actors import Answer as Outcome
from actors import Call
from engine.domain.answers import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerDelta,
    AnswerEvent,
    AnswerFailed,
    AnswerSoFar,
    AnswerStarted,
    AnswerTool,
    StopReason,
)
from engine.domain.events import (
    ConversationUpdated,
    Event,
    MemberLeft,
    MemberMuted,
    MemberRemoved,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    RoomArchived,
)
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Draft
from engine.domain.people import Principal
from engine.errors import Conflict, EngineError, InvalidRequest, NotFound, Overloaded, TryLater
from engine.storage.records import is_storable
from engine.timelines import posting
from engine.timelines.answer_commands import CancelAnswer, ExtendAnswer, FailAnswer, FinishAnswer, StartAnswer, UseTool
from engine.timelines.answers import Answer, Answers
from engine.timelines.commands import Post, Posted
from engine.timelines.fanout import Delta, Publication
from engine.timelines.posting import OfAnswer
from engine.timelines.surroundings import Surroundings
from engine.timelines.turn import Turn
from engine.timelines.writer import Decide

log = structlog.get_logger(__name__)

_FAILURES: Final = {
    StopReason.TOO_LONG: "it grew longer than an answer may be",
    StopReason.TIMEOUT: "it took longer than an answer may take",
    StopReason.INVALID_TEXT: "its text holds U+0000 or half a surrogate pair",
    StopReason.STOPPING: "the server stops here; ask again",
}
"""What the timeline ends by itself has failed. What people do, on purpose or by the way, cancels."""


class Host(Protocol):
    """What answers need of their timeline."""

    id: TimelineId
    channel: str

    def as_of_now(self) -> Turn:
        """A turn to look at."""
        ...

    def check_author(self, turn: Turn, by: Principal) -> None:
        """See `Timeline.check_author`."""
        ...

    def check_open(self, turn: Turn) -> None:
        """See `Timeline.check_open`."""
        ...

    def moderates(self, turn: Turn, by: Principal) -> bool:
        """See `Timeline.moderates`."""
        ...

    def propose(
        self, calls: Iterable[Call[Any, Any]], decide: Decide, *, needs: Callable[[Any], MessageId | None] | None = None
    ) -> None:
        """See `Timeline.propose`."""
        ...

    def detect(self, text: str) -> str | None:
        """See `Timeline.detect`."""
        ...

    def tell_subscribers(self, publications: Iterable[Publication]) -> None:
        """Deliver to everyone who listens."""
        ...

    def wake_for_answers(self, due: float) -> None:
        """Call `Answering.tick` at this moment; infinity: not before it is said again."""
        ...


class Answering:
    """The answers of one timeline. Everything happens inside its turns."""

    def __init__(self, host: Host, surroundings: Surroundings) -> None:
        self._channel = host.channel
        self._host = host
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._answers = Answers()

    def __bool__(self) -> bool:
        return len(self._answers) > 0

    def so_far(self) -> tuple[AnswerSoFar, ...]:
        """What a new subscriber is shown."""
        return tuple(each.so_far for each in self._answers)

    # -- by their authors ----------------------------------------------------------------------------------------------

    def start(self, calls: Iterable[Call[StartAnswer, None]]) -> None:
        """Begin answers: at once when the question is in memory, else when it has been looked up."""
        for call in calls:
            question = call.message.question
            turn = self._host.as_of_now()
            if question is None or turn.message(question) is not None:
                self._begin(call, turn)
            else:
                looked_up: Call[StartAnswer, None] = Call(call.message, partial(self._begin_later, call))
                self._host.propose([looked_up], _check_question, needs=lambda start: start.question)

    def _begin_later(self, call: Call[StartAnswer, None], found: Outcome[None]) -> None:
        if found.error is None:
            self._begin(call, self._host.as_of_now())
        else:
            call.settle(found)

    def _begin(self, call: Call[StartAnswer, None], turn: Turn) -> None:
        start = call.message
        try:
            self._host.check_author(turn, start.by)
            self._host.check_open(turn)
            if start.question is not None and turn.message(start.question) is not None:
                _check_question(turn, start)
            if self._surroundings.underway.stopping:
                raise Overloaded("the server is stopping")
            self._answers.check_room_for(start.answer_id, start.by.id)
        except EngineError as refusal:
            call.refuse(refusal)
            return
        ends_at = self._surroundings.monotonic() + self._settings.answer_seconds
        self._answers.add(Answer(start.answer_id, start.by, start.question, start.author, ends_at=ends_at))
        self._surroundings.underway.channels.add(self._channel)
        self._tell(AnswerStarted(start.answer_id, start.by.participant, start.question))
        self._rearm()
        call.answer(None)

    def extend(self, command: ExtendAnswer) -> None:
        """Let an answer grow, up to its limit."""
        answer = self._of(command.answer_id, command.by)
        if answer.finishing:
            return
        if not is_storable(command.text):
            self._stop(answer, StopReason.INVALID_TEXT)
            return
        self._answers.extend(answer, command.text)
        if answer.length > self._settings.answer_characters:
            self._stop(answer, StopReason.TOO_LONG)
        else:
            self.tick()

    def finish(self, calls: Iterable[Call[FinishAnswer, Posted]]) -> None:
        """Post answers."""
        for call in calls:
            try:
                self._finish(call)
            except EngineError as refusal:
                call.refuse(refusal)

    def _finish(self, call: Call[FinishAnswer, Posted]) -> None:
        command = call.message
        answer = self._answers.of(command.answer_id, command.by.id)
        key = command.client_id or command.answer_id
        if answer is None:
            self._host.propose([call], partial(_posted_before, Post(command.by, Draft(text="", client_id=key))))
            return
        if answer.finishing:
            raise Conflict("the answer is being posted")
        text = answer.text if command.text is None else command.text
        try:
            posting.check_text(text, self._settings.answer_characters)
        except InvalidRequest as refusal:
            self._fail(answer, self._fault(text), str(refusal))
            raise
        if text.startswith(answer.text):
            self._answers.extend(answer, text[answer.length :])
        if (rest := self._answers.take_of(answer)) is not None:
            self._tell(rest)
        answer.finishing, answer.client_id = True, key
        post: Call[Post, Posted] = Call(_post(answer, text, command.language), partial(self._finished, answer, call))
        decide = partial(self._decide, OfAnswer(answer.id))
        self._host.propose([post], decide, needs=_question_of)

    def _fault(self, text: str) -> str:
        if not text.strip():
            return "empty"
        return StopReason.TOO_LONG if len(text) > self._settings.answer_characters else StopReason.INVALID_TEXT

    def _decide(self, answer: OfAnswer, turn: Turn, message: Post) -> Posted:
        self._host.check_author(turn, message.by)
        if (earlier := posting.earlier(turn, message)) is not None:
            return Posted(earlier, created=False)
        self._host.check_open(turn)
        return posting.post(
            turn,
            message,
            self._host.id,
            self._surroundings.clock,
            longest=self._settings.answer_characters,
            quotas=self._surroundings.quotas,
            detect=self._host.detect,
            answer=answer,
        )

    def _finished(self, answer: Answer, call: Call[FinishAnswer, Posted], posted: Outcome[Posted]) -> None:
        """Its message is committed, or will not be."""
        answer.finishing = False
        if self._answers.get(answer.id) is answer:
            if posted.error is None:
                if not posted.value.created:
                    self._complete(answer, posted.value.message.id)
            elif not isinstance(posted.error, TryLater):
                code = posted.error.code if isinstance(posted.error, EngineError) else EngineError.code
                self._fail(answer, code, str(posted.error), kept=False)
        call.settle(posted)

    def use_tool(self, command: UseTool) -> None:
        """Show that a tool is used."""
        answer = self._of(command.answer_id, command.by)
        self._tell(AnswerTool(answer.id, command.name, command.state))

    def fail(self, command: FailAnswer) -> None:
        """An author gives up."""
        answer = self._of(command.answer_id, command.by)
        _check_not_finishing(answer)
        self._fail(answer, command.code, command.detail)

    # -- by others -----------------------------------------------------------------------------------------------------

    def cancel(self, command: CancelAnswer) -> None:
        """Someone does not want an answer any more."""
        turn = self._host.as_of_now()
        if not self._host.moderates(turn, command.by):
            self._host.check_author(turn, command.by)
        answer = self._answers.get(command.answer_id)
        if answer is None:
            raise _nothing()
        _check_not_finishing(answer)
        self._cancel(answer, command.by.id, StopReason.CANCELLED)

    def learn(self, events: Sequence[Event]) -> None:
        """Take in what the timeline has committed."""
        if not self._answers:
            return
        for event in events:
            match event:
                case MessagePosted(message=message):
                    answer = self._answers.get(message.answer_id) if message.answer_id is not UNSET else None
                    if answer is not None:
                        self._complete(answer, message.id)
                case MessageEdited(message=message, actor=actor):
                    self._withdraw(actor, StopReason.QUESTION_EDITED, question=message.id)
                case MessageDeleted(message_id=message_id, actor=actor):
                    self._withdraw(actor, StopReason.QUESTION_DELETED, question=message_id)
                case MemberLeft(participant_id=gone, actor=actor) | MemberRemoved(participant_id=gone, actor=actor):
                    self._withdraw(actor, StopReason.AUTHOR_GONE, author=gone)
                case MemberMuted(participant_id=muted, until=until, actor=actor) if until is not None:
                    self._withdraw(actor, StopReason.AUTHOR_GONE, author=muted)
                case RoomArchived(actor=actor):
                    self._withdraw(actor, StopReason.ARCHIVED)
                case ConversationUpdated(conversation=conversation, actor=actor) if (
                    conversation.archived_at is not None
                ):
                    self._withdraw(actor, StopReason.ARCHIVED)
                case _:
                    pass

    def _withdraw(
        self,
        actor: ParticipantId,
        reason: StopReason,
        *,
        question: MessageId | None = None,
        author: ParticipantId | None = None,
    ) -> None:
        """Cancel those to a question, or by an author, or all."""
        for answer in self._answers:
            if not answer.finishing and question in {None, answer.question} and author in {None, answer.by.id}:
                self._cancel(answer, actor, reason)

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Tell what is due, and end what has taken too long."""
        now = self._surroundings.monotonic()
        for delta in self._answers.take(now):
            self._tell(delta)
        for answer in self._answers.overdue(now):
            if answer.finishing:
                answer.ends_at = now + self._settings.write_timeout
            else:
                self._stop(answer, StopReason.TIMEOUT)
        self._rearm()

    def stop(self) -> None:
        """The server stops: end everything that can still be kept."""
        for answer in self._answers:
            if not answer.finishing:
                self._stop(answer, StopReason.STOPPING)

    def close(self) -> None:
        """This timeline stops, and posts nothing any more."""
        ended, self._answers = self._answers, Answers()
        self._surroundings.underway.channels.discard(self._channel)
        for answer in ended:
            self._tell(AnswerFailed(answer.id, StopReason.STOPPING, _FAILURES[StopReason.STOPPING]))
            answer.author.stop(answer.id, StopReason.STOPPING)

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _complete(self, answer: Answer, message_id: MessageId) -> None:
        self._end(answer, AnswerCompleted(answer.id, message_id))

    def _cancel(self, answer: Answer, by: ParticipantId, reason: StopReason) -> None:
        """End it for someone's sake. What it says is worth keeping only if the question still stands, and its author."""
        text = self._worth_keeping(answer, kept=reason is StopReason.CANCELLED)
        self._end(answer, AnswerCancelled(answer.id, by, reason, text or UNSET))
        answer.author.stop(answer.id, reason)
        self._keep(answer, text)

    def _stop(self, answer: Answer, reason: StopReason) -> None:
        """End it for a rule's sake."""
        self._fail(answer, reason, _FAILURES[reason])
        answer.author.stop(answer.id, reason)

    def _fail(self, answer: Answer, code: str, detail: str, *, kept: bool = True) -> None:
        text = self._worth_keeping(answer, kept=kept)
        self._end(answer, AnswerFailed(answer.id, code, detail, text or UNSET))
        self._keep(answer, text)

    def _worth_keeping(self, answer: Answer, *, kept: bool) -> str:
        text = answer.text[: self._settings.answer_characters] if kept else ""
        return text if text.strip() else ""

    def _end(self, answer: Answer, event: AnswerEvent) -> None:
        self._answers.remove(answer)
        if not self._answers:
            self._surroundings.underway.channels.discard(self._channel)
        self._tell(event)
        self._rearm()

    def _keep(self, answer: Answer, text: str) -> None:
        """Post what an unfinished answer says; when that cannot be, it is gone."""
        if text:
            post: Call[Post, Posted] = Call(_post(answer, text, None), partial(self._kept, answer.id))
            decide = partial(self._decide, OfAnswer(answer.id, partial=True))
            self._host.propose([post], decide, needs=_question_of)

    def _kept(self, answer_id: str, posted: Outcome[Posted]) -> None:
        if posted.error is not None:
            log.info("answer.not_kept", timeline=self._channel, answer=answer_id, reason=str(posted.error))

    def _of(self, answer_id: str, by: Principal) -> Answer:
        answer = self._answers.of(answer_id, by.id)
        if answer is None:
            raise _nothing()
        return answer

    def _tell(self, event: AnswerEvent) -> None:
        if isinstance(event, AnswerDelta):
            self._host.tell_subscribers([Delta(self._channel, event)])
        else:
            publication = Publication(self._channel, None, msgspec.json.encode(event), missable=False)
            self._host.tell_subscribers([publication])

    def _rearm(self) -> None:
        self._host.wake_for_answers(self._answers.due)


def _post(answer: Answer, text: str, language: str | None) -> Post:
    client_id = answer.client_id or answer.id
    return Post(answer.by, Draft(text=text, client_id=client_id, reply_to=answer.question, language=language))


def _question_of(post: Post) -> MessageId | None:
    return post.draft.reply_to


def _check_question(turn: Turn, start: StartAnswer) -> None:
    assert start.question is not None
    question = turn.message(start.question)
    if question is None:
        raise InvalidRequest.field("question", "there is no such message in this timeline")
    if question.deleted_at is not None:
        raise Conflict("the question is deleted")


def _posted_before(post: Post, turn: Turn, _command: FinishAnswer) -> Posted:
    """The answer to those who finish again what is finished."""
    earlier = posting.earlier(turn, post)
    if earlier is None:
        raise _nothing()
    return Posted(earlier, created=False)


def _check_not_finishing(answer: Answer) -> None:
    if answer.finishing:
        raise Conflict("the answer is being posted")


def _nothing() -> NotFound:
    return NotFound("there is no such answer in progress")
