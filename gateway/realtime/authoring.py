"""Answers that a program writes from outside: an agent that is connected like any client.

| method        | data                                               | result                          |
| ------------- | -------------------------------------------------- | ------------------------------- |
| answer.start  | timeline, question? (a message id), answer_id?     | answer_id                       |
| answer.delta  | timeline, answer_id, text, at?                     | (empty)                         |
| answer.finish | timeline, answer_id, text?, client_id?, language?  | message, created                |
| answer.fail   | timeline, answer_id, code?, detail?                | (empty)                         |
| answer.tool   | timeline, answer_id, name, state                   | (empty)                         |

`answer.start` is refused while the agent rests (`rate_limited`), and when a budget of the day is used up (`quota_exceeded`).
An `answer_id` of one's own makes it safe to start again when the reply was lost (`conflict`: it has begun), and `at`, the number of
characters before `text`, to send a delta again. `text` in `answer.finish` is the whole of the answer; without it, it is what the
deltas said. An answer that is over is not found: whoever subscribes to the timeline has been told why (`answer.cancelled`,
`answer.failed`). When the connection ends, its answers fail unless they go on within `GRACE` seconds, over this connection's
successor.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from actors import AskFailed, Ref
from actors import Message as ActorMessage
from engine.agents.conductor import Conductor
from engine.agents.cues import Admit
from engine.domain.answers import StopReason, ToolState
from engine.domain.fields import AnswerId, ClientId, Language, MessageId, ParticipantKind, Text
from engine.domain.people import Principal
from engine.errors import Forbidden
from engine.timelines.answer_commands import AbandonAnswer, ExtendAnswer, FailAnswer, FinishAnswer, StartAnswer, UseTool
from engine.timelines.commands import Posted
from engine.timelines.shared import SharedTimeline
from gateway.realtime.rpc import OfAnswer, OfTimeline, shared_timeline_of

if TYPE_CHECKING:
    from engine.timelines.directory import Timelines

P = TypeVar("P")
R = TypeVar("R")

DELTA: Final = "answer.delta"
"""The one method that is called many times a second by right; see `RealtimeSettings.deltas_per_second`."""
GRACE: Final = 10.0
"""Seconds."""
_MOST: Final = 256
"""How many answers one connection is remembered to write."""

_Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")]
_ToolName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^\w+$")]
_Detail = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class NewAnswer(OfTimeline, frozen=True, kw_only=True):
    """Data of `answer.start`."""

    question: MessageId | None = None
    answer_id: AnswerId | None = None


class MoreText(OfAnswer, frozen=True, kw_only=True):
    """Data of `answer.delta`."""

    text: Text
    at: Annotated[int, msgspec.Meta(ge=0, le=2**31)] | None = None


class WholeAnswer(OfAnswer, frozen=True, kw_only=True):
    """Data of `answer.finish`."""

    text: str | None = None
    client_id: ClientId | None = None
    language: Language | None = None


class NoAnswer(OfAnswer, frozen=True, kw_only=True):
    """Data of `answer.fail`."""

    code: _Code = "agent"
    detail: _Detail = "the agent gave up"


class ToolUse(OfAnswer, frozen=True, kw_only=True):
    """Data of `answer.tool`: what readers are to see of a tool that the answer takes."""

    name: _ToolName
    state: ToolState


class Authoring:
    """The answers of one connection; see `AnswerAuthor`. `new_id` names them; a timeline's `conductor` lets them begin."""

    __slots__ = ("_conductor", "_new_id", "_open")

    def __init__(self, new_id: Callable[[], str], conductor: Callable[[str], Ref[Conductor]]) -> None:
        self._new_id = new_id
        self._conductor = conductor
        self._open: dict[AnswerId, tuple[Ref[SharedTimeline], Principal]] = {}

    def stop(self, answer_id: str, reason: StopReason) -> None:
        """See `AnswerAuthor`: the client hears of it as an event of the timeline."""
        del reason
        self._open.pop(answer_id, None)

    def end(self) -> None:
        """The connection is over."""
        abandoned, self._open = self._open, {}
        for answer_id, (ref, by) in abandoned.items():
            with suppress(AskFailed):  # a timeline that is gone has no answers
                ref.tell(AbandonAnswer(by, answer_id, GRACE, self))

    def start(self, timelines: "Timelines", by: Principal, data: NewAnswer) -> "_Asking[str]":
        """What `answer.start` asks. `Forbidden` for people: they post."""
        if by.participant.kind is not ParticipantKind.AGENT:
            raise Forbidden("agents write answers; people post messages")
        answer_id = data.answer_id or self._new_id()
        self._remember(timelines, by, OfAnswer(timeline=data.timeline, answer_id=answer_id))
        return self._conductor(data.timeline), Admit(StartAnswer(by, answer_id, data.question, self))

    def extend(self, timelines: "Timelines", by: Principal, data: MoreText) -> "_Asking[None]":
        """What `answer.delta` asks."""
        return self._remember(timelines, by, data), ExtendAnswer(by, data.answer_id, data.text, data.at, self)

    def finish(self, timelines: "Timelines", by: Principal, data: WholeAnswer) -> "_Asking[Posted]":
        """What `answer.finish` asks."""
        ref = self._remember(timelines, by, data)
        return ref, FinishAnswer(by, data.answer_id, data.text, data.client_id, data.language)

    def finished(self, posted: Posted) -> dict[str, Any]:
        """What `answer.finish` answers."""
        self._open.pop(str(posted.message.answer_id), None)
        return {"message": posted.message, "created": posted.created}

    def fail(self, timelines: "Timelines", by: Principal, data: NoAnswer) -> "_Asking[None]":
        """What `answer.fail` asks."""
        ref = shared_timeline_of(timelines, data.timeline)
        self._open.pop(data.answer_id, None)
        return ref, FailAnswer(by, data.answer_id, data.code, data.detail)

    def show(self, timelines: "Timelines", by: Principal, data: ToolUse) -> "_Asking[None]":
        """What `answer.tool` asks."""
        return self._remember(timelines, by, data), UseTool(by, data.answer_id, data.name, data.state)

    def _remember(self, timelines: "Timelines", by: Principal, data: OfAnswer) -> Ref[SharedTimeline]:
        """The timeline; its answer is this connection's from now on, whoever began it."""
        ref = shared_timeline_of(timelines, data.timeline)
        self._open.setdefault(data.answer_id, (ref, by))
        if len(self._open) > _MOST:
            del self._open[next(iter(self._open))]
        return ref


_Asking: TypeAlias = tuple[Ref[Any], ActorMessage[Any, R]]
"""Who is asked what: the timeline, or its conductor."""


class Authored(Generic[P, R]):
    """A method that is one message to one actor, like `Asked`, and of which the connection keeps account."""

    __slots__ = ("_decoder", "message", "result")

    of_channel: Final = False

    def __init__(
        self,
        data: type[P],
        message: "Callable[[Authoring, Timelines, Principal, P], _Asking[R]]",
        result: Callable[[Authoring, R], Any],
    ) -> None:
        self._decoder = msgspec.json.Decoder(data)
        self.message = message
        self.result = result

    def decode(self, data: msgspec.Raw) -> P:
        """See `Asked.decode`."""
        return self._decoder.decode(data)

    def of(self, authoring: Authoring) -> "tuple[Callable[[Timelines, Principal, P], _Asking[R]], Callable[[R], Any]]":
        """Its `message` and `result` for one connection, as an `Asked` has them."""
        return partial(self.message, authoring), partial(self.result, authoring)


METHODS: Final[dict[str, Authored[Any, Any]]] = {
    "answer.start": Authored(NewAnswer, Authoring.start, lambda _, answer_id: {"answer_id": answer_id}),
    DELTA: Authored(MoreText, Authoring.extend, lambda *_: {}),
    "answer.finish": Authored(WholeAnswer, Authoring.finish, Authoring.finished),
    "answer.fail": Authored(NoAnswer, Authoring.fail, lambda *_: {}),
    "answer.tool": Authored(ToolUse, Authoring.show, lambda *_: {}),
}
"""The methods by name, beside those of `gateway.realtime.rpc`."""
