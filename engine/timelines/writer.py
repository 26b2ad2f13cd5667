"""The writer of a timeline: how changes become durable events, one turn after the other.

    waiting -> (recall) -> decide -> write -> answer and publish
                  ^                    |
                  +--- catch up <- claim (adrift)

Everything that waits is decided together, in order, against the state as it will be (`Turn`), and handed to the journal as one
entry. One thing is under way at a time, so events come out in offset order; meanwhile changes wait here, and the timeline serves
its readers. When the outcome of a write is unknown the timeline is adrift: it claims its log anew and catches up with it before it
writes again. A turn of patient changes alone, once durable, stays under way while somebody is on the way elsewhere; it is answered and
published at once when another change comes to this timeline. Nothing here waits or does I/O: answers come back through the timeline's
mailbox.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import structlog

from actors import Answer, Call, Message, Ref
from engine.domain.events import Event
from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.messages import Message as ChatMessage
from engine.domain.quota import week_of
from engine.errors import EngineError, InvalidRequest, Overloaded, Overtaken, StorageUnavailable, TimelineMoved
from engine.journal import Claim, Write, WriteConflict, WriteInvalid, WriteOverQuota
from engine.storage.repositories import Append, Claimed
from engine.timelines.archive import Recall, RecallEvents, RecallPosts
from engine.timelines.commands import Post, Posted
from engine.timelines.state import PostKey, TimelineState
from engine.timelines.surroundings import Surroundings
from engine.timelines.translating import AddTranslations
from engine.timelines.turn import TURN, Turn

R = TypeVar("R")
A = TypeVar("A")

log = structlog.get_logger(__name__)

WAITING = 4096
"""The most changes that wait for one timeline; further ones are refused."""
PATIENCE = 0.5
"""Seconds. Who has waited longer when a write fails is refused with it; who has just come is tried once more. Together with one
more claim nobody waits longer than the write's time limit and this."""
GIVE_WAY: Final = 0.03
"""Seconds for which those who post come first, at most, before patient changes that are durable are published."""

Decide = Callable[[Turn, Any], Any]
"""How a command is decided: adds its events to the turn and gives its answer, or raises an `EngineError`."""

Needs = Callable[[Any], tuple[MessageId | None, ...]]
"""Which messages a command is about. None stands for none."""


class Change(NamedTuple):
    """A command that waits for its turn. `needs` are messages that must be in memory then; `since` is when it came."""

    call: Call[Any, Any]
    decide: Decide
    needs: tuple[MessageId | None, ...]
    since: float

    @property
    def is_patient(self) -> bool:
        """Whether it would rather be refused than be in the way of those who are served."""
        message = self.call.message
        return isinstance(message, AddTranslations) and message.patient


class Outcome(NamedTuple):
    """What a change will be answered once its turn is committed: refusals too, they may rest on what the turn changes."""

    change: Change
    answer: Answer[Any]


class Owner(Protocol):
    """What a writer needs of its timeline."""

    def ask_later(self, ref: Ref[A], message: Message[A, R], then: Callable[[Answer[R]], None], timeout: float) -> None:
        """Ask an actor; `then` gets the answer in a later turn of this timeline."""
        ...

    def wait_for_way(self, seconds: float, then: Callable[[Answer[bool]], None]) -> None:
        """Wait until nobody is on the way, or so many seconds; `then` is told in a later turn of this timeline which it was."""
        ...

    def publish(self, events: Sequence[Event]) -> None:
        """Take in events that are durable, and tell the subscribers."""
        ...

    def moved(self) -> None:
        """Another process owns the log: leave."""
        ...


class Writer:
    """Belongs to one timeline and runs inside its turns. `claimed` proves that the timeline owns its log."""

    def __init__(
        self, timeline_id: TimelineId, owner: Owner, state: TimelineState, claimed: Claimed, surroundings: Surroundings
    ) -> None:
        self.claimed = claimed
        self._id = timeline_id
        self._owner = owner
        self._state = state
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._waiting: deque[Change] = deque()
        self._recalled: dict[MessageId, ChatMessage | None] = {}
        self._earlier: dict[PostKey, ChatMessage | None] = {}
        self._under_way = False
        self._unpublished: tuple[Sequence[Event], list[Outcome]] | None = None
        self._adrift = False
        self._singly = 0
        self._seen_term = claimed.term

    def propose(self, calls: Iterable[Call[Any, Any]], decide: Decide, needs: Needs | None = None) -> None:
        """Let calls wait for the next turn, in which `decide` is asked about each. `needs` names the messages that it is about."""
        now = self._surroundings.monotonic()
        for call in calls:
            if len(self._waiting) >= WAITING:
                call.refuse(Overloaded("too many changes wait for this timeline"))
            else:
                self._waiting.append(Change(call, decide, needs(call.message) if needs else (), now))
        self._publish()
        self._advance()

    def see_term(self, term: int) -> None:
        """The database answers, and this is the log's term in it."""
        self._seen_term = max(self._seen_term, term)
        if self._adrift and not self._under_way:
            self._claim()
        self._advance()

    def _advance(self) -> None:
        """Begin what is next, unless something is under way."""
        while not self._under_way:
            if not self._adrift and self._seen_term > self.claimed.term:
                self._leave(TimelineMoved("another process owns this timeline now"), [])
            if not self._waiting:
                return
            if self._adrift:
                self._claim()
            elif wanted := self._unknown():
                self._recall(wanted)
            elif keys := self._perhaps_repeated():
                self._recall_posts(keys)
            else:
                self._take_turn()

    # -- recall --------------------------------------------------------------------------------------------------------

    @property
    def _turn_size(self) -> int:
        return 1 if self._singly else TURN

    def _unknown(self) -> tuple[MessageId, ...]:
        """The messages that the next turn needs and memory does not have. Nearly always there are none."""
        next_turn = islice(self._waiting, self._turn_size)
        needed = [each for change in next_turn for each in change.needs if each is not None]
        if not needed:
            return ()
        recent, recalled = self._state.recent.messages, self._recalled
        return tuple(dict.fromkeys(each for each in needed if each not in recent and each not in recalled))

    def _recall(self, wanted: tuple[MessageId, ...]) -> None:
        self._under_way = True
        archive = self._surroundings.archive(self._id)
        self._owner.ask_later(
            archive, Recall(wanted), partial(self._take_recalled, wanted), self._settings.read_timeout
        )

    def _take_recalled(self, wanted: tuple[MessageId, ...], answer: Answer[dict[MessageId, ChatMessage]]) -> None:
        self._under_way = False
        if answer.error is None:
            found = answer.result()
            self._recalled.update((each, found.get(each)) for each in wanted)
        else:
            self._give_up(wanted)
        self._advance()

    def _perhaps_repeated(self) -> tuple[PostKey, ...]:
        """The client_ids of the next turn that memory does not know and whose authors come to the end of their quota.

        Whoever repeats themselves is answered even then, so what is older than memory has to be looked up before it is refused.
        """
        recent = self._state.recent
        if recent.start == 0:
            return ()  # all there ever was is in memory
        quotas, week = self._surroundings.quotas, week_of(self._surroundings.clock.now())
        wanted: defaultdict[ParticipantId, int] = defaultdict(int)
        limited: list[tuple[PostKey, int]] = []
        for change in islice(self._waiting, self._turn_size):
            message = change.call.message
            if not isinstance(message, Post) or (limit := quotas.limit(message.by)) is None:
                continue
            wanted[message.by.id] += 1
            key = _post_key(change)
            if key is not None and key not in self._earlier and recent.posted(key) is None:
                limited.append((key, limit))
        return tuple(
            dict.fromkeys(key for key, limit in limited if quotas.known(key[0], week) + wanted[key[0]] > limit)
        )

    def _recall_posts(self, keys: tuple[PostKey, ...]) -> None:
        self._under_way = True
        archive = self._surroundings.archive(self._id)
        then = partial(self._take_recalled_posts, keys)
        self._owner.ask_later(archive, RecallPosts(keys), then, self._settings.read_timeout)

    def _take_recalled_posts(self, keys: tuple[PostKey, ...], answer: Answer[dict[PostKey, ChatMessage]]) -> None:
        self._under_way = False
        if answer.error is None:
            found = answer.result()
            self._earlier.update((key, found.get(key)) for key in keys)
        else:
            doubtful = [change for change in self._waiting if _post_key(change) in keys]
            self._waiting = deque(change for change in self._waiting if _post_key(change) not in keys)
            self._refuse(doubtful, _unavailable())
            self._give_up()
        self._advance()

    # -- decide and write ----------------------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        turn = Turn(self._state, self._recalled, self._earlier, self._surroundings.clock.now())
        outcomes = self._decide(turn)
        if not turn.events:
            self._answer(outcomes)
            return
        self._under_way = True
        patient = _are_patient(outcomes)
        if not patient:
            self._surroundings.traffic.writing.add(self._id)
        entry = Append(self._id, self.claimed.term, tuple(turn.events), turn.limits, turn.fingerprints)
        self._owner.ask_later(
            self._surroundings.journal,
            Write(entry, patient),
            partial(self._written, turn.events, outcomes),
            self._settings.write_timeout,
        )

    def _decide(self, turn: Turn) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(min(self._turn_size, len(self._waiting))):
            change = self._waiting.popleft()
            if change.call.settled:
                continue  # the caller has gone
            try:
                answer = Answer(change.decide(turn, change.call.message))
            except EngineError as refusal:
                answer = Answer.failed(refusal)
            outcomes.append(Outcome(change, answer))
        self._singly = max(0, self._singly - 1)
        return outcomes

    def _answer(self, outcomes: Iterable[Outcome]) -> None:
        for change, answer in outcomes:
            change.call.settle(answer)
        self._recalled.clear()
        self._earlier.clear()

    def _written(self, events: Sequence[Event], outcomes: list[Outcome], answer: Answer[None]) -> None:
        """Go on after a write: publish what is durable, or find out why it is not."""
        self._under_way = False
        self._surroundings.traffic.writing.discard(self._id)
        match answer.error:
            case None:
                self._unpublished = events, outcomes
                if self._surroundings.traffic.busy and not self._waiting and _are_patient(outcomes):
                    self._under_way = True
                    self._owner.wait_for_way(GIVE_WAY, self._go_on)
                else:
                    self._publish()
            case TimelineMoved() as moved:
                self._leave(moved, outcomes)
            case WriteConflict():
                self._find_earlier_posts(outcomes)
            case WriteOverQuota() as over:
                self._surroundings.quotas.learn(over.used)
                self._decide_again(outcomes)
            case WriteInvalid() as invalid:
                self._retry_singly(outcomes, invalid)
            case Overtaken() as overtaken:
                self._refuse((outcome.change for outcome in outcomes), overtaken)
            case error:
                self._drift(error, outcomes)
        self._advance()

    def _publish(self) -> None:
        """Answer and publish what is durable, unless that is done."""
        if self._unpublished is not None:
            (events, outcomes), self._unpublished = self._unpublished, None
            self._under_way = False
            self._answer(outcomes)
            self._owner.publish(events)

    def _go_on(self, _free: Answer[bool]) -> None:
        self._publish()
        self._advance()

    def _leave(self, moved: TimelineMoved, outcomes: Iterable[Outcome]) -> None:
        """Another process owns the log: everyone who waits is sent there."""
        self._refuse((outcome.change for outcome in outcomes), moved)
        self._refuse(self._waiting, moved)
        self._waiting.clear()
        self._under_way = True  # nothing is begun any more
        self._owner.moved()

    def _retry_singly(self, outcomes: list[Outcome], invalid: WriteInvalid) -> None:
        """Decide the turn's commands one by one, so that only the one that the database cannot hold is refused."""
        if len(outcomes) == 1:
            self._refuse([outcomes[0].change], InvalidRequest(str(invalid)))
            return
        self._singly = len(outcomes)
        self._decide_again(outcomes)

    def _decide_again(self, outcomes: Sequence[Outcome]) -> None:
        self._waiting.extendleft(outcome.change for outcome in reversed(outcomes))

    # -- a client_id that is older than memory -------------------------------------------------------------------------

    def _find_earlier_posts(self, outcomes: list[Outcome]) -> None:
        """Fetch the messages that the client_ids of this turn stand for already."""
        keys = tuple(key for outcome in outcomes if (key := _post_key(outcome.change)) is not None)
        self._under_way = True
        archive = self._surroundings.archive(self._id)
        then = partial(self._take_earlier_posts, outcomes)
        self._owner.ask_later(archive, RecallPosts(keys), then, self._settings.read_timeout)

    def _take_earlier_posts(self, outcomes: list[Outcome], answer: Answer[dict[PostKey, ChatMessage]]) -> None:
        """Answer those who repeat themselves, and decide about the others once more."""
        self._under_way = False
        if answer.error is not None:
            self._refuse((outcome.change for outcome in outcomes), _unavailable())
            self._give_up()
            self._advance()
            return
        earlier = answer.result()
        if not earlier:
            # The offsets are taken under our own term: memory and log disagree. A restart reads the log anew.
            msg = f"the log of {self._id} refuses what follows offset {self._state.head}"
            raise RuntimeError(msg)
        remaining: list[Outcome] = []
        for outcome in outcomes:
            key = _post_key(outcome.change)
            if key is not None and key in earlier:
                outcome.change.call.answer(Posted(earlier[key], created=False))
            else:
                remaining.append(outcome)
        self._decide_again(remaining)
        self._advance()

    # -- adrift --------------------------------------------------------------------------------------------------------

    def _drift(self, error: Exception, outcomes: Iterable[Outcome]) -> None:
        """The outcome of a write is unknown: those who made it are told so, and the log is claimed before the next."""
        if not self._adrift:
            log.warning("timeline.adrift", timeline=self._id, offset=self._state.head, reason=str(error))
        self._adrift = True
        self._surroundings.adrift.add(self._id)
        self._singly = 0
        self._recalled.clear()
        self._earlier.clear()
        self._refuse((outcome.change for outcome in outcomes), _unavailable())
        self._give_up()

    def _claim(self) -> None:
        self._under_way = True
        journal = self._surroundings.journal
        self._owner.ask_later(journal, Claim(self._id), self._take_claim, self._settings.write_timeout)

    def _take_claim(self, answer: Answer[Claimed]) -> None:
        """See where the log stands: where we thought, or further."""
        if answer.error is not None:
            self._stay_adrift()
            return
        claimed, head = answer.result(), self._state.head
        if claimed.epoch != self.claimed.epoch or claimed.head < head:
            msg = f"the log of {self._id} was at {head} and is at {claimed.head} of {claimed.epoch}: another one"
            raise RuntimeError(msg)
        if claimed.head == head:
            self._resume(claimed, [])
            return
        archive = self._surroundings.archive(self._id)
        then = partial(self._catch_up, claimed)
        self._owner.ask_later(archive, RecallEvents(head, claimed.head - head), then, self._settings.read_timeout)

    def _catch_up(self, claimed: Claimed, answer: Answer[list[Event]]) -> None:
        if answer.error is not None:
            self._stay_adrift()
        else:
            self._resume(claimed, answer.result())

    def _resume(self, claimed: Claimed, missed: Sequence[Event]) -> None:
        self._under_way = False
        self._adrift = False
        self._surroundings.adrift.discard(self._id)
        self.claimed = claimed
        self._owner.publish(missed)
        log.info("timeline.resumed", timeline=self._id, offset=self._state.head, term=claimed.term)
        self._advance()

    def _stay_adrift(self) -> None:
        """Refuse everyone: the next change, or `see_term`, tries again."""
        self._under_way = False
        self._refuse(self._waiting, _unavailable())
        self._waiting.clear()

    @staticmethod
    def _refuse(changes: Iterable[Change], error: EngineError) -> None:
        for change in changes:
            change.call.refuse(error)

    def _give_up(self, wanted: Container[MessageId | None] = ()) -> None:
        """The database has just failed someone: refuse those who have waited long already, and those who need `wanted`."""
        before = self._surroundings.monotonic() - PATIENCE
        kept: deque[Change] = deque()
        for change in self._waiting:
            if change.since < before or any(each in wanted for each in change.needs):
                change.call.refuse(_unavailable())
            else:
                kept.append(change)
        self._waiting = kept


def _unavailable() -> StorageUnavailable:
    return StorageUnavailable("the message store does not answer; try again")


def _are_patient(outcomes: Iterable[Outcome]) -> bool:
    """Whether all of those who wait for this would rather wait than be in somebody's way."""
    return all(outcome.change.is_patient for outcome in outcomes)


def _post_key(change: Change) -> PostKey | None:
    message = change.call.message
    if isinstance(message, Post) and message.draft.client_id is not None:
        return message.by.id, message.draft.client_id
    return None
