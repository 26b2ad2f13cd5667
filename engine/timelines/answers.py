"""The answers in progress in one timeline: plain state, told the time.

However fast an author writes, subscribers get a delta of each answer every 40 milliseconds at most, the first at once.
"""

from collections.abc import Iterator
from typing import Final

from engine.domain.answers import AnswerDelta, AnswerSoFar, StopReason
from engine.domain.fields import MessageId, ParticipantId
from engine.domain.people import Principal
from engine.errors import InProgress, Overloaded
from engine.timelines.answer_commands import AnswerAuthor
from engine.timelines.pace import Pace, is_due

INTERVAL: Final = 0.04
"""Seconds between two deltas of one answer."""
EARLY: Final = 0.015
"""Seconds by which one may be early, and those after it wait for it: what comes from models strays so far, and needs no timer."""
MOST: Final = 128
"""How many answers are in progress in one timeline at most."""
MOST_OF_ONE: Final = 8
"""How many of them are by one author."""

_NEVER: Final = float("inf")


class Answer:
    """One answer. `text` is all of it; subscribers have been told `told` of it, in `index` deltas.

    It may take until `deadline`, or until `abandoned_at` while its author may have gone.
    `client_id` is set while it is being posted, and when that did not succeed: `finishing` tells. `unwanted` is set when somebody
    has made it pointless meanwhile, and says who and how.
    """

    def __init__(
        self, answer_id: str, by: Principal, question: MessageId | None, author: AnswerAuthor, *, deadline: float
    ) -> None:
        self.id = answer_id
        self.by = by
        self.question = question
        self.author = author
        self.deadline = deadline
        self.abandoned_at = _NEVER
        self.pace = Pace(INTERVAL, early=EARLY)
        self.length = 0
        self.index = 0
        self.finishing = False
        self.client_id: str | None = None
        self.unwanted: tuple[ParticipantId, StopReason] | None = None
        self._told: list[str] = []
        self._pending: list[str] = []

    @property
    def told(self) -> str:
        """What subscribers know."""
        return "".join(self._told)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join((*self._told, *self._pending))

    @property
    def ends_at(self) -> float:
        """When it fails, if it does not end before."""
        return min(self.deadline, self.abandoned_at)

    @property
    def so_far(self) -> AnswerSoFar:
        """What someone is shown who comes now, to hear the following deltas."""
        told = self.told
        return AnswerSoFar(self.id, self.by.participant, self.question, self.index, len(told), told)

    def extend(self, text: str) -> None:
        """Add to it."""
        self._pending.append(text)
        self.length += len(text)

    def take(self) -> AnswerDelta | None:
        """What subscribers do not know yet."""
        if not self._pending:
            return None
        text = "".join(self._pending)
        delta = AnswerDelta(self.id, self.index, text, self.length)
        self._pending.clear()
        self._told.append(text)
        self.index += 1
        return delta


class Answers:
    """Those in progress. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._by_id: dict[str, Answer] = {}
        self._untold: dict[str, Answer] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Answer]:
        return iter(tuple(self._by_id.values()))

    def get(self, answer_id: str) -> Answer | None:
        """One of them."""
        return self._by_id.get(answer_id)

    def of(self, answer_id: str, author: ParticipantId) -> Answer | None:
        """One of them, if it is by this author."""
        answer = self._by_id.get(answer_id)
        return answer if answer is not None and answer.by.id == author else None

    def check_room_for(self, answer_id: str, author: ParticipantId) -> None:
        """Refuse one more: `InProgress` for an id that is in use, `Overloaded` over the limits."""
        if answer_id in self._by_id:
            raise InProgress("an answer with this id is in progress")
        if len(self._by_id) >= MOST:
            raise Overloaded(f"{MOST} answers are in progress here already")
        if sum(each.by.id == author for each in self) >= MOST_OF_ONE:
            raise Overloaded(f"at most {MOST_OF_ONE} answers of one author are in progress at a time")

    def add(self, answer: Answer) -> None:
        """One has been started."""
        self._by_id[answer.id] = answer

    def extend(self, answer: Answer, text: str) -> None:
        """One of them goes on."""
        if text:
            answer.extend(text)
            self._untold[answer.id] = answer

    def remove(self, answer: Answer) -> None:
        """One of them is over."""
        del self._by_id[answer.id]
        self._untold.pop(answer.id, None)

    def take(self, now: float) -> list[AnswerDelta]:
        """What subscribers are to be told now."""
        due = [each for each in self._untold.values() if each.pace.allows(now)]
        return [delta for each in due if (delta := self.take_of(each)) is not None]

    def take_of(self, answer: Answer) -> AnswerDelta | None:
        """The rest of one of them, whatever its pace."""
        self._untold.pop(answer.id, None)
        return answer.take()

    def overdue(self, now: float) -> list[Answer]:
        """Those that have taken too long."""
        return [each for each in self if is_due(each.ends_at, now)]

    @property
    def due(self) -> float:
        """When there is something to do; infinity while nothing is in sight."""
        soonest = min((each.pace.next for each in self._untold.values()), default=_NEVER)
        return min(soonest, min((each.ends_at for each in self._by_id.values()), default=_NEVER))
