"""What rooms and conversations have in common: members, who are told when others add them and hear no more when they have gone.

While they are there, they see who else is, and who is typing: `signals` decides, here are its timer and its way out.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final

from actors import ActorStopped, Answer, Call, Exit, MailboxFull, Message, Ref, Unavailable, handles
from engine.domain.events import Event, MemberJoined, MemberLeft, MemberRemoved
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Translation
from engine.domain.rooms import Member
from engine.errors import Forbidden, InvalidRequest, NotFound
from engine.timelines import translating
from engine.timelines.answer_commands import (
    AbandonAnswer,
    CancelAnswer,
    ExtendAnswer,
    FailAnswer,
    FinishAnswer,
    OpenAnswer,
    ReadQuestion,
    StartAnswer,
    StopAnswers,
    UseMemories,
    UseTool,
)
from engine.timelines.answering import Answering
from engine.timelines.commands import CheckWriter, Leave, Live, Posted, Scene, SetTyping
from engine.timelines.fanout import Publication
from engine.timelines.personal import Notify, PersonalTimeline, tell
from engine.timelines.receipts import CROWD, PAUSE, AskReaders, CheckRead, Receipts, ShowRead
from engine.timelines.signals import Signals
from engine.timelines.surroundings import Surroundings
from engine.timelines.timeline import SHOWN, Timeline
from engine.timelines.translating import AddTranslations, Lacking, ReadLacking, SetLanguage, Style
from engine.timelines.turn import TURN, Turn

_NEVER: Final = float("inf")


class _Look(Message["SharedTimeline", None], frozen=True):
    """The presence of members has changed."""


class _Signal(Message["SharedTimeline", None], frozen=True):
    """Subscribers may be due to be told something: the timeline's own timer."""


class _ShowReads(Message["SharedTimeline", None], frozen=True):
    """The pause after showing who has read is over."""


class _TickAnswers(Message["SharedTimeline", None], frozen=True):
    """Something about answers is due: the timeline's own timer."""


class SharedTimeline(Timeline):
    """A timeline with members. `personal` gives each one's own timeline."""

    def __init__(
        self,
        timeline_id: TimelineId,
        surroundings: Surroundings,
        personal: Callable[[ParticipantId], Ref[PersonalTimeline]],
    ) -> None:
        super().__init__(timeline_id, surroundings)
        self._personal = personal
        self._signals = Signals(self.channel, surroundings.presence, self._wake, surroundings.monotonic)
        self._next_signal = _NEVER
        self._receipts = Receipts()
        self._answering = Answering(self, surroundings)
        self._next_tick = _NEVER

    async def stopping(self, why: Exit) -> None:
        """See `Timeline.stopping`."""
        self._answering.close()
        self._signals.close()
        await super().stopping(why)

    def may_passivate(self) -> bool:
        """A timeline where somebody is answering stays, too."""
        return super().may_passivate() and not self._answering

    def title(self) -> str | None:
        """What the timeline is called."""
        raise NotImplementedError

    def decide_leave(self, turn: Turn, command: Leave) -> None:
        """Let someone go."""
        raise NotImplementedError

    @handles(Leave, batch=TURN)
    async def leave(self, calls: list[Call[Leave, None]]) -> None:
        """Let people go."""
        self.propose(calls, self.decide_leave)

    @handles(CheckWriter)
    async def check_writer(self, message: CheckWriter) -> None:
        """Refuse who may not write."""
        turn = self._look()
        self.check_author(turn, message.by)
        self.check_open(turn)

    @handles(CheckRead)
    async def check_read(self, message: CheckRead) -> None:
        """Refuse a read marker that cannot be."""
        self.check_reader(message.by)
        if message.by.id not in self._state.members:
            raise Forbidden("only members have a read marker")
        if message.offset > self._state.head:
            at_most = f"at most {self._state.head}, the offset of the last event, not {message.offset}"
            raise InvalidRequest.field("offset", at_most)

    @handles(AskReaders)
    async def readers(self, message: AskReaders) -> tuple[ParticipantId, ...]:
        """Tell whose reading is shown."""
        self.check_reader(message.by)
        if len(self._state.members) > CROWD:
            return ()
        people = (each.participant for each in self._state.members.values())
        return tuple(each.id for each in people if each.kind is ParticipantKind.USER)

    @handles(ShowRead)
    async def show_read(self, message: ShowRead) -> None:
        """Show that someone has read, at once or after the pause."""
        self._receipts.add(message.participant_id, message.offset)
        if not self._receipts.resting:
            self._show_reads()

    @handles(_ShowReads)
    async def pause_over(self, message: _ShowReads) -> None:
        """Show who has read meanwhile."""
        self._show_reads()

    def _show_reads(self) -> None:
        shown = self._receipts.take(self.subscribers.people)
        self.subscribers.deliver([Publication(self.channel, None, data) for data in shown])
        if shown:
            self.send_after(PAUSE, _ShowReads())

    def committed(self, events: Sequence[Event]) -> None:
        """Those who lost their membership hear no more; those who were added by others are told."""
        self._answering.learn(events)
        for event in events:
            self._signals.learn(event)
            match event:
                case MemberLeft(participant_id=gone) | MemberRemoved(participant_id=gone):
                    if gone not in self._state.members:
                        self.end_subscriptions(gone)
                case MemberJoined(member=member, actor=actor) if actor != member.participant.id:
                    self._tell_invited(member, actor)
                case _:
                    pass
        self._signal()

    # -- languages -----------------------------------------------------------------------------------------------------

    def style(self) -> Style | None:
        """See `Timeline.style`."""
        return translating.style_of(self.channel, self._state.room)

    def detect(self, text: str) -> str | None:
        """See `Timeline.detect`."""
        interpreters = self._surroundings.interpreters
        return None if interpreters is None or self.style() is None else interpreters.detect(text)

    @handles(SetLanguage)
    async def set_language(self, message: SetLanguage) -> None:
        """Have someone read in another language."""
        self.check_reader(message.by)
        if not self.subscribers.set_language(message.client, message.language):
            raise NotFound("subscribe first: the language is that of a subscription")
        self._ask_for(message.language)

    @handles(ReadLacking)
    async def read_lacking(self, message: ReadLacking) -> Lacking | None:
        """What those who listen cannot read yet."""
        del message
        style = self.style()
        return None if style is None else translating.lacking(self._state, self.subscribers.languages, style)

    @handles(AddTranslations, batch=TURN)
    async def add_translations(self, calls: list[Call[AddTranslations, tuple[Translation | None, ...]]]) -> None:
        """Add translations."""
        self.propose(calls, translating.add, needs=translating.needed)

    def _ask_for(self, language: str | None) -> None:
        """Have what is lacking in a language translated."""
        if language is not None and self._surroundings.interpreters is not None:
            self._surroundings.interpreters.came(self.channel, language)

    # -- answers -------------------------------------------------------------------------------------------------------

    @handles(StartAnswer, batch=TURN)
    async def start_answer(self, calls: list[Call[StartAnswer, str]]) -> None:
        """Begin answers."""
        self._answering.start(calls)

    @handles(OpenAnswer, batch=TURN)
    async def open_answer(self, calls: list[Call[OpenAnswer, Scene]]) -> None:
        """Begin answers, and show what surrounds their questions."""
        self._answering.start(Call(call.message.start, partial(self._opened, call)) for call in calls)

    def _opened(self, call: Call[OpenAnswer, Scene], begun: Answer[str]) -> None:
        opened = call.message
        scene = None if begun.error is not None else self.scene(opened.start.question, opened.offset, opened.limit)
        call.settle(Answer(scene, begun.error))

    @handles(ExtendAnswer)
    async def extend_answer(self, message: ExtendAnswer) -> None:
        """Let an answer grow."""
        self._answering.extend(message)

    @handles(FinishAnswer, batch=TURN)
    async def finish_answer(self, calls: list[Call[FinishAnswer, Posted]]) -> None:
        """Post answers."""
        self._answering.finish(calls)

    @handles(FailAnswer)
    async def fail_answer(self, message: FailAnswer) -> None:
        """Give an answer up."""
        self._answering.fail(message)

    @handles(AbandonAnswer)
    async def abandon_answer(self, message: AbandonAnswer) -> None:
        """Wait a little for an author."""
        self._answering.abandon(message)

    @handles(ReadQuestion)
    async def read_question(self, message: ReadQuestion) -> MessageId:
        """What an answer answers."""
        return self._answering.question(message)

    @handles(UseTool)
    async def use_tool(self, message: UseTool) -> None:
        """Show that a tool is used."""
        self._answering.use_tool(message)

    @handles(UseMemories)
    async def use_memories(self, message: UseMemories) -> None:
        """Show that memories are used."""
        self._answering.use_memories(message)

    @handles(CancelAnswer)
    async def cancel_answer(self, message: CancelAnswer) -> None:
        """End an answer that is not wanted."""
        self._answering.cancel(message)

    @handles(StopAnswers)
    async def stop_answers(self, message: StopAnswers) -> None:
        """End all answers."""
        del message
        self._answering.stop()

    @handles(_TickAnswers)
    async def tick_answers(self, message: _TickAnswers) -> None:
        """Do what is due."""
        del message
        self._next_tick = _NEVER
        self._answering.tick()

    # What answers need, see `answering.Host`.

    def as_of_now(self) -> Turn:
        """See `Host`."""
        return self._look()

    def tell_subscribers(self, publications: Iterable[Publication]) -> None:
        """See `Host`."""
        self.subscribers.deliver(publications)

    def wake_for_answers(self, due: float) -> None:
        """See `Host`."""
        if due < self._next_tick:
            self._next_tick = due
            self.send_after(max(0.0, due - self._surroundings.monotonic()), _TickAnswers(), key=_TickAnswers)

    # -- presence and typing -------------------------------------------------------------------------------------------

    @handles(SetTyping)
    async def set_typing(self, message: SetTyping) -> None:
        """Let others see who types."""
        by = message.by
        if message.typing:
            turn = self._look()
            self.check_author(turn, by)
            self.check_open(turn)
        else:
            self.check_reader(by)
        self._signals.set_typing(by.id, typing=message.typing)
        self._signal()

    @handles(_Look)
    async def look(self, message: _Look) -> None:
        """Take in whose presence has changed."""
        del message
        self._signals.look()
        self._signal()

    @handles(_Signal)
    async def signal(self, message: _Signal) -> None:
        """Tell what is due."""
        del message
        self._next_signal = _NEVER
        self._signal()

    def came(self, language: str | None) -> None:
        """See `Timeline.came`."""
        self._signals.listen(self._state.members)
        self._ask_for(language)
        self._surroundings.feed.arrived(self.channel, self.id)

    def went(self, user: ParticipantId) -> None:
        """See `Timeline.went`: whose last client has gone has stopped typing."""
        if user not in self.subscribers:
            self._signals.typists.stop(user)
        if not self.subscribers:
            self._signals.rest()
        self._signal()

    def live(self) -> Live:
        """See `Timeline.live`."""
        return self._signals.live(islice(self._state.members, SHOWN), self._answering.so_far())

    def _wake(self) -> bool:
        """Called from anywhere: have this timeline look at whose presence has changed."""
        itself = self._surroundings.itself(self.channel)
        try:
            if itself is not None:
                itself.tell(_Look())
        except (MailboxFull, ActorStopped, Unavailable):
            return False
        return True

    def _signal(self) -> None:
        """Deliver what is due, and come back when more is."""
        if self._signals.due == _NEVER:
            return
        large = max(len(self.subscribers), len(self._state.members)) > self._settings.few
        self.subscribers.deliver(self._signals.take(large=large))
        due = self._signals.due
        if due < self._next_signal:
            self._next_signal = due
            self.send_after(max(0.0, due - self._surroundings.monotonic()), _Signal(), key=_Signal)

    def _tell_invited(self, member: Member, actor: ParticipantId) -> None:
        if member.participant.kind is ParticipantKind.AGENT:
            return  # an agent has no timeline of its own
        inviter = self._state.members.get(actor)
        notify = Notify(actor, self.id, self.kind, self.title(), inviter.participant if inviter else None)
        tell(self._personal(member.participant.id), notify)
