"""An agent in a timeline: says one thing at a time, and sees to it that each comes to an end."""

from contextlib import suppress
from functools import partial

import structlog

from actors import Actor, Answer, AskFailed, Call, Exit, Mailbox, Message, OwnedTask, handles
from engine.agents.agent import Agent
from engine.agents.cues import Begun, Speak
from engine.agents.registry import Make
from engine.agents.stage import Stage
from engine.agents.utterance import Outcome, Utterance
from engine.agents.window import tokens_of
from engine.domain.agents import AgentDefinition
from engine.domain.answers import StopReason
from engine.domain.fields import ParticipantId, TimelineId
from engine.errors import EngineError, Overloaded

log = structlog.get_logger(__name__)


class _Stop(Message["AgentActor", None], frozen=True):
    """The timeline has ended an answer."""

    answer_id: str
    reason: StopReason


class _Said(Message["AgentActor", None], frozen=True):
    """An utterance has come to its end by itself."""

    utterance: Utterance
    answer: Answer[Outcome]


class _Look(Message["AgentActor", None], frozen=True):
    """Perhaps the utterance is overdue: the actor's own timer."""


class _Counted(Message["AgentActor", None], frozen=True):
    """What an answer has cost is written down, or could not be."""

    answer: Answer[None]


class AgentActor(Actor):
    """One agent in one timeline. Whatever its generator does, the answer ends within its deadlines, and nobody waits longer."""

    mailbox = Mailbox(256)

    def __init__(self, agent_id: ParticipantId, channel: str, stage: Stage) -> None:
        self._id = agent_id
        self._channel = channel
        self._stage = stage
        self._minds: dict[Make, Agent] = {}
        self._call: Call[Speak, Outcome] | None = None
        self._utterance: Utterance | None = None
        self._task: OwnedTask | None = None

    async def stopping(self, why: Exit) -> None:
        """What is being said ends here; those who read are told."""
        if self._utterance is not None:
            self._fail(self._utterance)

    def may_passivate(self) -> bool:
        """Not while it speaks."""
        return self._utterance is None

    @handles(Speak, batch=1)
    async def speak(self, calls: list[Call[Speak, Outcome]]) -> None:
        """Begin to answer. One that is still speaking is asked again later."""
        for call in calls:
            definition = self._stage.definitions.known.get(self._id)
            if self._utterance is not None:
                call.refuse(Overloaded("the agent is still speaking"))
            elif definition is None:
                call.answer(Outcome.SKIPPED)
            else:
                self._begin(call, definition)

    def _begin(self, call: Call[Speak, Outcome], definition: AgentDefinition) -> None:
        itself = self._stage.actor(self._id, self._channel)
        conductor = self._stage.conductor(self._channel)

        def begun() -> None:
            with suppress(AskFailed):
                conductor.tell(Begun(self._id))

        def stopped(answer_id: str, reason: StopReason) -> None:
            with suppress(AskFailed):
                itself.tell(_Stop(answer_id, reason))

        utterance = Utterance(
            self._stage,
            definition,
            partial(self._mind, definition.model),
            self._channel,
            call.message.question,
            addressed=call.message.addressed,
            again=call.message.again,
            begun=begun,
            stopped=stopped,
        )
        self._call, self._utterance = call, utterance
        self._task = self.spawn(utterance.run, then=partial(_Said, utterance))
        self._look_later(utterance)

    def _mind(self, model: str) -> Agent:
        """What speaks: made once, as long as the definition's model stays the same."""
        make = self._stage.registry.make(model)
        if make not in self._minds:
            self._minds = {make: make()}
        return self._minds[make]

    # -- ends ----------------------------------------------------------------------------------------------------------

    @handles(_Said)
    async def said(self, message: _Said) -> None:
        """Go on after an utterance."""
        if message.utterance is not self._utterance:
            return
        if message.answer.error is not None:
            log.error("agent.broken", agent=self._id, timeline=self._channel, exc_info=message.answer.error)
            self._fail(message.utterance)
            self._end(Outcome.FAILED)
        else:
            self._end(message.answer.value)

    @handles(_Stop)
    async def stop_speaking(self, message: _Stop) -> None:
        """Stop at once: nobody listens any more."""
        if self._utterance is not None and self._utterance.id == message.answer_id:
            self._interrupt(Outcome.UNDONE if message.reason is StopReason.STOPPING else Outcome.STOPPED)

    @handles(_Look)
    async def look(self, message: _Look) -> None:
        """End what is overdue, whether or not the agent heeds it."""
        del message
        utterance = self._utterance
        if utterance is None:
            return
        if utterance.due <= self._stage.monotonic():
            self._fail(utterance)
            self._interrupt(Outcome.FAILED)
        else:
            self._look_later(utterance)

    @handles(_Counted)
    async def counted(self, message: _Counted) -> None:
        """What could not be written down is not counted: the agent speaks all the same."""
        if message.answer.error is not None:
            log.warning("agent.not_counted", agent=self._id, timeline=self._channel, reason=str(message.answer.error))

    def _look_later(self, utterance: Utterance) -> None:
        self.send_after(max(0.0, utterance.due - self._stage.monotonic()), _Look(), key=_Look)

    def _fail(self, utterance: Utterance) -> None:
        """Tell the timeline that an utterance ends without an end."""
        with suppress(AskFailed, EngineError):
            self._stage.timeline(self._channel).tell(utterance.failing(utterance.stalled))

    def _interrupt(self, outcome: Outcome) -> None:
        assert self._utterance is not None
        assert self._task is not None
        if self._utterance.turn is not None:
            self._utterance.turn.cancelled = True
        self._task.cancel()
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        utterance, call = self._utterance, self._call
        assert utterance is not None
        assert call is not None
        self._utterance = self._call = self._task = None
        self.cancel_timer(_Look)
        if utterance.turn is not None:
            self._count(utterance)
        call.answer(outcome)

    def _count(self, utterance: Utterance) -> None:
        """Write down what it has cost, beside whatever comes next."""
        turn = utterance.turn
        assert turn is not None
        spent = tokens_of(utterance.text_bytes) if turn.tokens is None else turn.tokens
        storage, day = self._stage.around.storage.agents, self._stage.clock.now().date()
        timeline_id = TimelineId(self._channel.partition(":")[2])
        write = partial(storage.spend, self._id, timeline_id, day, answers=0 if utterance.counted else 1, tokens=spent)
        self.spawn(write, then=_Counted)
