"""How answers become messages: through the timeline's writer, like every post.

The log decides what came first: an answer stands in it before a change of its question, or not at all. So while one waits for the
writer, which takes as long as the database does, it is still withdrawn by an edit or a deletion that is decided before it.
"""

from collections.abc import Callable, Collection
from functools import partial

from actors import Answer as Outcome
from actors import Call
from engine.domain.answers import StopReason
from engine.domain.fields import MessageId
from engine.domain.messages import Draft
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.timelines import posting
from engine.timelines.answer_commands import FinishAnswer
from engine.timelines.answer_host import Host
from engine.timelines.answers import Answer
from engine.timelines.commands import Post, Posted
from engine.timelines.posting import OfAnswer
from engine.timelines.surroundings import Surroundings
from engine.timelines.turn import Turn


class Outdated(Conflict):
    """The question is not any more what was answered."""


class AnswerPosting:
    """Posts answers as their authors, replies to their questions, under the `client_id` of the answer or else its id."""

    def __init__(self, host: Host, surroundings: Surroundings) -> None:
        self._host = host
        self._clock = surroundings.clock
        self._quotas = surroundings.quotas
        self._longest = surroundings.settings.answer_characters
        self._waiting: set[Answer] = set()

    @property
    def waiting(self) -> Collection[Answer]:
        """Those that are to be posted, and are not yet: ended ones too, of which something is to be kept."""
        return self._waiting

    def check(self, text: str) -> tuple[str, InvalidRequest] | None:
        """What is wrong with a text that is to become a message, if anything: a code and the refusal."""
        try:
            posting.check_text(text, self._longest)
        except InvalidRequest as refusal:
            if not text.strip():
                return "empty", refusal
            return (StopReason.TOO_LONG if len(text) > self._longest else StopReason.INVALID_TEXT), refusal
        return None

    def worth_keeping(self, answer: Answer) -> str:
        """What is posted of an answer that was not finished; empty when that is nothing."""
        text = answer.text[: self._longest]
        return text if text.strip() else ""

    def post(
        self,
        answer: Answer,
        text: str,
        then: Callable[[Outcome[Posted]], None],
        *,
        language: str | None = None,
        partly: bool = False,
    ) -> None:
        """Post it in the next turn; `then` gets the outcome, within a turn of the timeline.

        `Outdated` when it has become `unwanted` before, or its question is changed in the same turn, before it.
        """
        client_id = answer.client_id or answer.id
        draft = Draft(text=text, client_id=client_id, reply_to=answer.question, language=language)
        self._waiting.add(answer)

        def settled(outcome: Outcome[Posted]) -> None:
            self._waiting.discard(answer)
            then(outcome)

        post: Call[Post, Posted] = Call(Post(answer.by, draft), settled)
        decide = partial(self._decide, answer, OfAnswer(answer.id, partly))
        self._host.propose([post], decide, needs=_question_of)

    def find_earlier(self, call: Call[FinishAnswer, Posted]) -> None:
        """Answer whoever finishes again what was posted."""
        command = call.message
        key = command.client_id or command.answer_id

        def decide(turn: Turn, _command: FinishAnswer) -> Posted:
            earlier = posting.earlier(turn, Post(command.by, Draft(text="", client_id=key)))
            if earlier is None:
                raise NotFound("there is no such answer in progress")
            return Posted(earlier, created=False)

        self._host.propose([call], decide)

    def _decide(self, answer: Answer, made_of: OfAnswer, turn: Turn, message: Post) -> Posted:
        self._host.check_author(turn, message.by)
        if (earlier := posting.earlier(turn, message)) is not None:
            return Posted(earlier, created=False)
        self._host.check_open(turn)
        if answer.unwanted is not None or (answer.question is not None and turn.changes(answer.question)):
            raise Outdated("the question was edited or deleted before the answer was posted")
        return posting.post(
            turn,
            message,
            self._host.id,
            self._clock,
            longest=self._longest,
            quotas=self._quotas,
            detect=self._host.detect,
            answer=made_of,
        )


def _question_of(post: Post) -> tuple[MessageId | None]:
    return (post.draft.reply_to,)
