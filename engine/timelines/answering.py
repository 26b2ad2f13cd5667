"""Answers in a timeline: how they begin, reach subscribers, become messages, and end.

    started -> delta, delta, ... -> (posting) -> completed
                    |                   |
                    +---> failed <------+
                    +---> cancelled

Each ends once, by one of the three. It is completed by the commit of its message, whoever learns of that first: so a commit whose
answer was lost completes it too. Answers live in memory only: none outlives its process.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

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
    AnswerMemories,
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
from engine.domain.fields import MessageId, ParticipantId
from engine.domain.people import Principal
from engine.errors import Conflict, EngineError, InvalidRequest, NotFound, Overloaded, TryLater
from engine.storage.records import is_storable
from engine.timelines.answer_commands import (
    AbandonAnswer,
    CancelAnswer,
    ExtendAnswer,
    FailAnswer,
    FinishAnswer,
    ReadQuestion,
    StartAnswer,
    UseMemories,
    UseTool,
)
from engine.timelines.answer_host import Host
from engine.timelines.answer_posting import AnswerPosting, Outdated
from engine.timelines.answers import Answer, Answers
from engine.timelines.commands import Posted
from engine.timelines.fanout import Delta, Publication
from engine.timelines.surroundings import Surroundings
from engine.timelines.turn import Turn

log = structlog.get_logger(__name__)

_FAILURES: Final = {
    StopReason.TOO_LONG: "it grew longer than an answer may be",
    StopReason.TIMEOUT: "it took longer than an answer may take",
    StopReason.INVALID_TEXT: "its text holds U+0000 or half a surrogate pair",
    StopReason.DISCONNECTED: "its author has gone",
    StopReason.STOPPING: "the server stops here; ask again",
}
"""What the timeline ends by itself has failed. What people do, on purpose or by the way, cancels."""


_NEVER: Final = float("inf")


class Answering:
    """The answers of one timeline. Everything happens inside its turns."""

    def __init__(self, host: Host, surroundings: Surroundings) -> None:
        self._channel = host.channel
        self._host = host
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._posting = AnswerPosting(host, surroundings)
        self._answers = Answers()

    def __bool__(self) -> bool:
        return len(self._answers) > 0

    def so_far(self) -> tuple[AnswerSoFar, ...]:
        """What a new subscriber is shown."""
        return tuple(each.so_far for each in self._answers)

    # -- by their authors ----------------------------------------------------------------------------------------------

    def start(self, calls: Iterable[Call[StartAnswer, str]]) -> None:
        """Begin answers: at once when the question is in memory, else when it has been looked up."""
        for call in calls:
            question = call.message.question
            turn = self._host.as_of_now()
            if question is None or turn.message(question) is not None:
                self._begin(call, turn)
            else:
                looked_up: Call[StartAnswer, str] = Call(call.message, partial(self._begin_later, call))
                self._host.propose([looked_up], _check_question, needs=lambda start: (start.question,))

    def _begin_later(self, call: Call[StartAnswer, str], found: Outcome[None]) -> None:
        if found.error is None:
            self._begin(call, self._host.as_of_now())
        else:
            call.settle(found)

    def _begin(self, call: Call[StartAnswer, str], turn: Turn) -> None:
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
        deadline = self._surroundings.monotonic() + self._settings.answer_seconds
        self._answers.add(Answer(start.answer_id, start.by, start.question, start.author, deadline=deadline))
        self._surroundings.underway.channels.add(self._channel)
        self._tell(AnswerStarted(start.answer_id, start.by.participant, start.question))
        self._rearm()
        call.answer(start.answer_id)

    def extend(self, command: ExtendAnswer) -> None:
        """Let an answer grow, up to its limit."""
        answer = self._of(command.answer_id, command.by)
        answer.abandoned_at = _NEVER
        answer.author = command.author or answer.author
        if answer.finishing:
            return
        text = command.text
        if command.at is not None:
            if command.at > answer.length:
                raise InvalidRequest.field("at", f"at most {answer.length}, the length of the answer, not {command.at}")
            text = text[answer.length - command.at :]
        if not is_storable(text):
            self._stop(answer, StopReason.INVALID_TEXT)
            return
        self._answers.extend(answer, text)
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
        if answer is None:
            self._posting.find_earlier(call)
            return
        _check_not_finishing(answer)
        text = answer.text if command.text is None else command.text
        if (fault := self._posting.check(text)) is not None:
            code, refusal = fault
            self._fail(answer, code, str(refusal))
            raise refusal
        if text.startswith(answer.text):
            self._answers.extend(answer, text[answer.length :])
        if (rest := self._answers.take_of(answer)) is not None:
            self._tell(rest)
        answer.finishing, answer.client_id = True, command.client_id
        self._posting.post(answer, text, partial(self._finished, answer, call), language=command.language)

    def _finished(self, answer: Answer, call: Call[FinishAnswer, Posted], posted: Outcome[Posted]) -> None:
        """Its message is committed, or will not be."""
        if self._answers.get(answer.id) is not answer:
            pass  # the timeline has stopped, or has learned of the message by itself
        elif posted.error is None:
            if not posted.value.created:
                self._complete(answer, posted.value.message.id)
            # Otherwise `learn` is about to complete it; until then nothing else of the same commit may end it.
        elif answer.unwanted is not None:
            self._cancel(answer, *answer.unwanted)
        elif isinstance(posted.error, TryLater | Outdated):
            answer.finishing = False  # outdated by the same commit: `learn` is about to cancel it
        else:
            code = posted.error.code if isinstance(posted.error, EngineError) else EngineError.code
            self._fail(answer, code, str(posted.error), kept=False)
        call.settle(posted)

    def question(self, command: ReadQuestion) -> MessageId:
        """What an answer answers."""
        question = self._of(command.answer_id, command.by).question
        if question is None:
            raise Conflict("the answer is to no message: there is nobody who asks")
        return question

    def use_tool(self, command: UseTool) -> None:
        """Show that a tool is used."""
        answer = self._of(command.answer_id, command.by)
        self._tell(AnswerTool(answer.id, command.name, command.state))

    def use_memories(self, command: UseMemories) -> None:
        """Show that memories are used."""
        answer = self._of(command.answer_id, command.by)
        self._tell(AnswerMemories(answer.id, command.memories))

    def fail(self, command: FailAnswer) -> None:
        """An author gives up."""
        answer = self._of(command.answer_id, command.by)
        _check_not_finishing(answer)
        self._fail(answer, command.code, command.detail)

    def abandon(self, command: AbandonAnswer) -> None:
        """An author may have gone."""
        answer = self._of(command.answer_id, command.by)
        if answer.author is command.author:
            answer.abandoned_at = self._surroundings.monotonic() + command.seconds
            self._rearm()

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
        """Take in what the timeline has committed. What stands behind an answer in the same commit comes too late to end it."""
        if not self._answers and not self._posting.waiting:
            return
        for event in events:
            if isinstance(event, MessagePosted) and event.message.answer_id is not UNSET:
                answer = self._answers.get(event.message.answer_id)
                if answer is not None:
                    self._complete(answer, event.message.id)
        for event in events:
            match event:
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
        """Cancel those to a question, or by an author, or all; those that wait to be posted are refused that."""
        for answer in (*self._answers, *self._posting.waiting):
            if question not in {None, answer.question} or author not in {None, answer.by.id}:
                continue
            if answer in self._posting.waiting:
                answer.unwanted = answer.unwanted or (actor, reason)
            else:
                self._cancel(answer, actor, reason)

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Tell what is due, and end what has taken too long."""
        now = self._surroundings.monotonic()
        for delta in self._answers.take(now):
            self._tell(delta)
        for answer in self._answers.overdue(now):
            if answer.finishing:
                answer.deadline, answer.abandoned_at = now + self._settings.write_timeout, _NEVER
            else:
                self._stop(
                    answer, StopReason.TIMEOUT if answer.deadline <= answer.abandoned_at else StopReason.DISCONNECTED
                )
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
        text = self._posting.worth_keeping(answer) if reason is StopReason.CANCELLED else ""
        self._end(answer, AnswerCancelled(answer.id, by, reason, text or UNSET))
        answer.author.stop(answer.id, reason)
        self._keep(answer, text)

    def _stop(self, answer: Answer, reason: StopReason) -> None:
        """End it for a rule's sake."""
        self._fail(answer, reason, _FAILURES[reason])
        answer.author.stop(answer.id, reason)

    def _fail(self, answer: Answer, code: str, detail: str, *, kept: bool = True) -> None:
        text = self._posting.worth_keeping(answer) if kept else ""
        self._end(answer, AnswerFailed(answer.id, code, detail, text or UNSET))
        self._keep(answer, text)

    def _end(self, answer: Answer, event: AnswerEvent) -> None:
        self._answers.remove(answer)
        if not self._answers:
            self._surroundings.underway.channels.discard(self._channel)
        self._tell(event)
        self._rearm()

    def _keep(self, answer: Answer, text: str) -> None:
        """Post what an unfinished answer says; when that cannot be, it is gone."""
        if text:
            self._posting.post(answer, text, partial(self._kept, answer.id), partly=True)

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


def _check_question(turn: Turn, start: StartAnswer) -> None:
    assert start.question is not None
    question = turn.message(start.question)
    if question is None:
        raise InvalidRequest.field("question", "there is no such message in this timeline")
    if question.deleted_at is not None:
        raise Conflict("the question is deleted")


def _check_not_finishing(answer: Answer) -> None:
    if answer.finishing:
        raise Conflict("the answer is being posted")


def _nothing() -> NotFound:
    return NotFound("there is no such answer in progress")
