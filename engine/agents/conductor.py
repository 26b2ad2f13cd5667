"""Who speaks when: one conductor for each timeline with agents.

It hears what is said, decides which agents want to answer it, and gives them the floor one after the other: in the order of the
messages, and for one message in the order in which the agents joined. So each sees what those before it have said. How far each
agent has come is kept in the database; when a conductor wakes, after a pause, a crash or a restart of the server, it looks at what
was said since, and what is recent and without an answer is answered then.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import structlog
from msgspec import UNSET

from actors import Actor, Answer, Call, DropOldest, Exit, Mailbox, Message, handles
from engine.agents.admission import admit
from engine.agents.cues import Admit, Begun, Speak
from engine.agents.policies import addresses, wants
from engine.agents.stage import Stage
from engine.agents.utterance import Outcome, answer_id
from engine.agents.window import MOST, tokens
from engine.domain.agents import EXTERNAL, AgentDefinition, AgentPlace, Policy
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId, TimelineKind
from engine.domain.messages import Message as ChatMessage
from engine.errors import Conflict, EngineError, InvalidRequest, NotFound, Overloaded, RateLimited
from engine.timelines.answer_commands import StartAnswer

log = structlog.get_logger(__name__)

WAITING: Final = 64
"""Turns that wait in one timeline at most; further ones are not taken."""
REMEMBERED: Final = 256
"""Messages of agents whose replies are known to be meant for them."""
SLACK: Final = 60.0
"""Seconds that an agent's actor has beyond its own deadlines."""


class Heard(Message["Conductor", None], frozen=True):
    """These were posted, in this order."""

    messages: tuple[ChatMessage, ...]


class Gone(Message["Conductor", None], frozen=True):
    """An agent is no member any more."""

    agent_id: ParticipantId


class Wake(Message["Conductor", None], frozen=True):
    """Something may have been left undone. Waking is enough: `started` looks."""


class Regenerate(Message["Conductor", str], frozen=True):
    """An agent is to answer a message once more, whatever its policy would say. Answers the id of the answer to come.

    `NotFound` when the agent is not here; `InvalidRequest` when it is a program's, which hears of messages only, and for what it said
    itself; `Conflict` when it is about to answer that message, or may not answer now; `RateLimited` before its cooldown is over.
    """

    agent_id: ParticipantId
    question: ChatMessage


class Cue(NamedTuple):
    """One agent's turn to answer one message; `again` is set when that was asked for once more."""

    agent_id: ParticipantId
    question: ChatMessage
    addressed: bool
    again: str = ""


class _Ended(Message["Conductor", None], frozen=True):
    """An agent has come to the end of its turn."""

    cue: Cue
    answer: Answer[Outcome]


class _Impatient(Message["Conductor", None], frozen=True):
    """Whoever has the floor has had time to begin."""

    cue: Cue


class _Kept(Message["Conductor", None], frozen=True):
    """How far the agents have come is written down, or could not be."""

    places: list[AgentPlace]
    answer: Answer[None]


class _Admitted(Message["Conductor", None], frozen=True):
    """An answer from outside has begun, or has not."""

    call: Call[Admit, str]
    answer: Answer[str]


class _Counted(Message["Conductor", None], frozen=True):
    """What an answer from outside has cost is written down, or could not be."""

    answer: Answer[None]


class Conductor(Actor):
    """The order of turns in one timeline."""

    mailbox = Mailbox(1024, overflow=DropOldest())

    def __init__(self, channel: str, stage: Stage) -> None:
        kind, _, timeline_id = channel.partition(":")
        self._channel = channel
        self._kind = TimelineKind(kind)
        self._timeline_id = TimelineId(timeline_id)
        self._stage = stage
        self._seen = 0
        """The offset of the last message that was considered."""
        self._in_a_row = 0
        """Messages of agents since somebody else wrote."""
        self._broken_off: set[tuple[ParticipantId, MessageId]] = set()
        """Answers that ended before their end since then: what they said may be on its way to become a message."""
        self._authors: OrderedDict[MessageId, ParticipantId] = OrderedDict()
        self._waiting: deque[Cue] = deque()
        self._speaking: Cue | None = None
        self._aside: list[Cue] = []
        """Those who have the floor no more, for they did not begin, and may still speak."""
        self._undone: list[Cue] = []
        self._answered: dict[ParticipantId, datetime] = {}
        self._kept: dict[ParticipantId, int] = {}
        self._keeping = False

    async def started(self) -> None:
        """Look at what was said lately, and take up what is still to be answered."""
        storage = self._stage.around.storage
        for place in await storage.agents.places(self._timeline_id):
            self._kept[place.agent_id] = place.cursor
            if place.answered_at is not None:
                self._answered[place.agent_id] = place.answered_at
        page = await storage.messages.page(self._timeline_id, limit=MOST)
        oldest = self._stage.clock.now() - timedelta(seconds=self._stage.settings.recent)
        for message in reversed(page):
            self._consider(message, since=oldest)
        if self._waiting:
            # The page goes to the end, so it has every answer to what stands in it.
            given = {(each.author.id, each.client_id) for each in page}
            self._waiting = deque(
                cue for cue in self._waiting if (cue.agent_id, answer_id(cue.agent_id, cue.question)) not in given
            )
            self.send_after(0.0, Wake())

    async def stopping(self, why: Exit) -> None:
        """Remember what needs not be looked at again."""
        if why.error is None and (places := self._places()):
            try:
                await self._stage.around.storage.agents.keep(places)
            except EngineError as error:
                log.warning("agents.places_not_kept", timeline=self._channel, reason=str(error))

    # -- what is said --------------------------------------------------------------------------------------------------

    @handles(Heard)
    async def heard(self, message: Heard) -> None:
        """Take in what was posted."""
        for each in message.messages:
            if each.offset > self._seen:
                self._consider(each)
                self._charge(each)
        self._go_on()

    @handles(Wake)
    async def wake(self, message: Wake) -> None:
        """Go on with what was found at the start."""
        del message
        self._go_on()

    @handles(Gone)
    async def gone(self, message: Gone) -> None:
        """Whoever has left has nothing to say any more."""
        self._waiting = deque(cue for cue in self._waiting if cue.agent_id != message.agent_id)

    @handles(Regenerate)
    async def regenerate(self, message: Regenerate) -> str:
        """Let an agent answer once more, when its turn comes."""
        cue = Cue(message.agent_id, message.question, addressed=True, again=self._stage.clock.new_id())
        agent = self._stage.definitions.known.get(cue.agent_id)
        if agent is None or cue.agent_id not in self._stage.rosters.of(self._timeline_id):
            raise NotFound("that agent is not here")
        if agent.model == EXTERNAL:
            raise InvalidRequest.field("agent_id", "that agent is a program outside: post the question again")
        if message.question.author.id == cue.agent_id:
            raise InvalidRequest.field("message_id", "an agent does not answer itself")
        if any((each.agent_id, each.question.id) == (cue.agent_id, cue.question.id) for each in self._pending()):
            raise Conflict("that agent is about to answer this message")
        if (reason := self._refusal(cue)) == "cooldown":
            raise RateLimited("that agent has just answered", retry_after=agent.cooldown_seconds)
        if reason is not None or agent.policy(self._kind) is Policy.NEVER:
            raise Conflict(f"that agent does not answer this: {reason or 'it never answers here'}")
        if len(self._waiting) >= WAITING:
            raise Overloaded("too many turns wait here")
        self._waiting.append(cue)
        self._go_on()
        return answer_id(cue.agent_id, cue.question, cue.again)

    def _consider(self, message: ChatMessage, *, since: datetime | None = None) -> None:
        """Find out who wants to answer a message."""
        self._seen = max(self._seen, message.offset)
        by_agent = message.author.kind is ParticipantKind.AGENT
        if by_agent:
            self._count(message)
        else:
            self._in_a_row = 0
            self._broken_off.clear()
        if since is not None and message.created_at < since:
            return
        answered = self._authors.get(message.reply_to) if message.reply_to is not None else None
        for agent_id, joined_at in self._stage.rosters.of(self._timeline_id).items():
            agent = self._stage.definitions.known.get(agent_id)
            if (
                agent is None
                or agent.model == EXTERNAL
                or message.created_at < joined_at
                or message.offset <= self._kept.get(agent_id, 0)
            ):
                continue
            if wants(agent.policy(self._kind), message, agent, answered):
                self._take(Cue(agent_id, message, self._is_for(message, agent, answered)))

    def _is_for(self, message: ChatMessage, agent: AgentDefinition, answered: ParticipantId | None) -> bool:
        return self._kind is TimelineKind.CONVERSATION or addresses(message, agent, answered)

    def _take(self, cue: Cue) -> None:
        """Let a turn wait for the floor.

        What another agent says is not answered by one that will answer the same message anyway, having heard it by then; and of
        what agents say only the latest is.
        """
        question = cue.question
        if question.author.kind is ParticipantKind.AGENT:
            own = [each for each in self._pending() if each.agent_id == cue.agent_id]
            if any(each.question.id == question.reply_to for each in own):
                return
            self._waiting = deque(
                each
                for each in self._waiting
                if each.agent_id != cue.agent_id or each.question.author.kind is not ParticipantKind.AGENT
            )
        if len(self._waiting) >= WAITING:
            log.warning("agents.turn_dropped", timeline=self._channel, agent=cue.agent_id)
        else:
            self._waiting.append(cue)

    def _count(self, message: ChatMessage) -> None:
        """An agent has said something. When it rests is known from this, too: a process may die before it has written that down."""
        author = message.author.id
        self._in_a_row += 1
        self._broken_off.discard((author, message.reply_to or message.id))
        if message.answer_id is not UNSET and not message.partial:
            self._answered[author] = max(message.created_at, self._answered.get(author, message.created_at))
        self._remember(message)

    def _remember(self, message: ChatMessage) -> None:
        self._authors[message.id] = message.author.id
        while len(self._authors) > REMEMBERED:
            self._authors.popitem(last=False)

    # -- who has the floor ---------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Give the floor to the next who may have it."""
        while self._speaking is None and (cue := self._next()) is not None:
            if (reason := self._refusal(cue)) is not None:
                log.debug("agent.turn_refused", timeline=self._channel, agent=cue.agent_id, reason=reason)
                continue
            self._speaking = cue
            settings = self._stage.settings
            self.request(
                self._stage.actor(cue.agent_id, self._channel),
                Speak(cue.question, cue.addressed, cue.again),
                partial(_Ended, cue),
                timeout=settings.total + SLACK,
            )
            self.send_after(settings.patience, _Impatient(cue), key=_Impatient)

    def _next(self) -> Cue | None:
        """The first that waits and is not still busy with an earlier turn."""
        busy = {each.agent_id for each in self._aside}
        for index, cue in enumerate(self._waiting):
            if cue.agent_id not in busy:
                del self._waiting[index]
                return cue
        return None

    def _refusal(self, cue: Cue) -> str | None:
        """Why this turn is not taken after all."""
        agent = self._stage.definitions.known.get(cue.agent_id)
        if agent is None or cue.agent_id not in self._stage.rosters.of(self._timeline_id):
            return "gone"
        if cue.question.author.kind is ParticipantKind.AGENT and self._among_themselves():
            return "agents among themselves"
        return "cooldown" if self._rest_of(agent) > 0 else None

    def _among_themselves(self) -> bool:
        """Whether agents have said so much in a row that they answer no agent any more."""
        return self._in_a_row + len(self._broken_off) >= self._stage.settings.chain

    def _rest_of(self, agent: AgentDefinition) -> float:
        """For how many seconds an agent has to be silent yet."""
        if (last := self._answered.get(agent.id)) is None:
            return 0.0
        return (last + timedelta(seconds=agent.cooldown_seconds) - self._stage.clock.now()).total_seconds()

    @handles(Begun)
    async def begun(self, message: Begun) -> None:
        """Whoever speaks keeps the floor."""
        if self._speaking is not None and self._speaking.agent_id == message.agent_id:
            self.cancel_timer(_Impatient)

    @handles(_Impatient)
    async def impatient(self, message: _Impatient) -> None:
        """Let the next one speak; this one may still come in."""
        if self._speaking is message.cue:
            self._aside.append(message.cue)
            self._speaking = None
            self._go_on()

    @handles(_Ended)
    async def ended(self, message: _Ended) -> None:
        """Remember what came of a turn, and go on."""
        cue, answer = message.cue, message.answer
        outcome = Outcome.FAILED if answer.error is not None else answer.value
        if answer.error is not None:
            log.warning("agent.turn_lost", timeline=self._channel, agent=cue.agent_id, reason=str(answer.error))
        if self._speaking is cue:
            self._speaking = None
            self.cancel_timer(_Impatient)
        else:
            self._aside = [each for each in self._aside if each is not cue]
        if outcome is Outcome.ANSWERED:
            self._answered[cue.agent_id] = self._stage.clock.now()
        if outcome in {Outcome.STOPPED, Outcome.FAILED}:
            self._broken_off.add((cue.agent_id, cue.question.id))
        if outcome is Outcome.UNDONE:
            self._undone.append(cue)
        self._keep()
        self._go_on()

    # -- agents outside ------------------------------------------------------------------------------------------------

    @handles(Admit, batch=1)
    async def admit(self, calls: list[Call[Admit, str]]) -> None:
        """Let an answer from outside begin, beside the turns."""
        for call in calls:
            start = call.message.start
            silence = self._silence(start)
            self.spawn(
                partial(admit, self._stage, self._channel, start, silence=silence), then=partial(_Admitted, call)
            )

    def _silence(self, start: StartAnswer) -> RateLimited | None:
        """Why an answer from outside may not begin now: it rests, or it answers an agent and they have said enough."""
        agent = self._stage.definitions.known.get(start.by.id)
        if agent is not None and (rest := self._rest_of(agent)) > 0:
            return RateLimited(f"the agent rests for {rest:.0f} seconds more", retry_after=rest)
        if start.question in self._authors and self._among_themselves():
            return RateLimited("agents have said enough among themselves here: it is for a person to speak")
        return None

    @handles(_Admitted)
    async def admitted(self, message: _Admitted) -> None:
        """Tell whoever asked."""
        message.call.settle(message.answer)

    def _charge(self, message: ChatMessage) -> None:
        """Count the tokens of an answer from outside: how many it took there nobody knows, so those of its text."""
        agent = self._stage.definitions.known.get(message.author.id)
        if agent is None or agent.model != EXTERNAL or message.answer_id is UNSET:
            return
        storage, day = self._stage.around.storage.agents, self._stage.clock.now().date()
        write = partial(storage.spend, agent.id, self._timeline_id, day, tokens=tokens(message.text))
        self.spawn(write, then=_Counted)

    @handles(_Counted)
    async def counted(self, message: _Counted) -> None:
        """What could not be written down is not counted."""
        if message.answer.error is not None:
            log.warning("agent.not_counted", timeline=self._channel, reason=str(message.answer.error))

    # -- how far they have come ----------------------------------------------------------------------------------------

    def _pending(self) -> Iterable[Cue]:
        if self._speaking is not None:
            yield self._speaking
        yield from self._aside
        yield from self._waiting
        yield from self._undone

    def _places(self) -> list[AgentPlace]:
        """Where each agent stands, as far as that has changed."""
        first: dict[ParticipantId, int] = {}
        for cue in self._pending():
            if cue.again:  # not made up for: whoever asked for it sees that it did not come
                continue
            first[cue.agent_id] = min(first.get(cue.agent_id, cue.question.offset), cue.question.offset)
        found: list[AgentPlace] = []
        for agent_id in self._stage.rosters.of(self._timeline_id):
            cursor = first[agent_id] - 1 if agent_id in first else self._seen
            if cursor > self._kept.get(agent_id, 0):
                place = AgentPlace(
                    agent_id=agent_id,
                    timeline_id=self._timeline_id,
                    cursor=cursor,
                    answered_at=self._answered.get(agent_id),
                )
                found.append(place)
        return found

    def _keep(self) -> None:
        """Write it down, beside the turns; one write at a time."""
        if not self._keeping and (places := self._places()):
            self._keeping = True
            self.spawn(self._stage.around.storage.agents.keep, places, then=partial(_Kept, places))

    @handles(_Kept)
    async def kept(self, message: _Kept) -> None:
        """Go on with what has come meanwhile. What could not be written is with the next turn."""
        self._keeping = False
        if message.answer.error is not None:
            log.warning("agents.places_not_kept", timeline=self._channel, reason=str(message.answer.error))
            return
        for place in message.places:
            self._kept[place.agent_id] = max(place.cursor, self._kept.get(place.agent_id, 0))
        self._keep()
