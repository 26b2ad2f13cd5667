"""The methods of `rpc`: the engine's commands by name.

| method     | data                                                  | result                                     |
| ---------- | ----------------------------------------------------- | ------------------------------------------ |
| post       | timeline, text, client_id?, reply_to?, language?      | message                                    |
| edit       | timeline, message_id, text                            | message                                    |
| delete     | timeline, message_id                                  | message                                    |
| react      | timeline, message_id, emoji                           | message                                    |
| unreact    | timeline, message_id, emoji                           | message                                    |
| message    | timeline, message_id, language?                       | message                                    |
| history    | timeline, before?, after?, limit? (1 to 100, else 50), language? | items (newest first), next_before |
| thread     | timeline, message_id, after?, limit?                  | message, items (oldest first), next        |
| versions   | timeline, message_id                                  | items: {text, at}                          |
| search     | q, timeline? (else all of mine), before? or after?, limit? (1 to 100, else 20), language? | items, next_before or next |
| read       | timeline, offset                                      | timeline_id, last_read_offset              |
| join       | timeline                                              | member                                     |
| leave      | timeline                                              | (empty)                                    |
| room       | timeline                                              | room                                       |
| members    | timeline                                              | items: {participant, role, joined_at, online, presence} |
| presence   | timeline                                              | clients: {user, client}, at most 200       |
| typing     | timeline, typing? (false: has stopped)                | (empty)                                    |
| cancel_answer | timeline, answer_id                                | (empty)                                    |
| regenerate | timeline, message_id, agent_id                       | answer_id: of another answer to that message |
| set_status | status: available, busy or away                       | status                                     |
| set_language | timeline, language (null: only what was written)    | (empty)                                    |

`timeline` is a channel, `room:<id>` or `conversation:<id>`.
Data is decoded straight into these structs; a member that they do not name is refused.
A method is either one message to one actor (`Asked`, or `OfSubscription` about what this client listens to: answered by callback, in
order, without a task) or a few steps (`Awaited`: run in a task of the connection).
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from actors import Message as ActorMessage
from actors import Ref
from engine.accounts.forms import ProfileChanges
from engine.domain.fields import (
    AnswerId,
    Availability,
    ClientId,
    Language,
    MessageId,
    ParticipantId,
    Status,
    Text,
    TimelineId,
)
from engine.domain.inbox import ReadMarker
from engine.domain.messages import Draft, Message
from engine.domain.people import Principal
from engine.domain.rooms import Member, Room
from engine.errors import InvalidRequest, NotFound
from engine.search.query import QueryText
from engine.search.searching import FoundInMine, FoundInTimeline
from engine.storage.repositories import Version
from engine.timelines.answer_commands import CancelAnswer
from engine.timelines.commands import (
    Delete,
    Describe,
    Edit,
    Join,
    Leave,
    MessagePage,
    Post,
    Posted,
    Presence,
    React,
    ReadMembers,
    ReadPresence,
    SetTyping,
    Unreact,
)
from engine.timelines.directory import Thread
from engine.timelines.fanout import ClientInfo
from engine.timelines.translating import SetLanguage

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.timelines.directory import Timelines
    from engine.timelines.room import RoomActor
    from engine.timelines.shared import SharedTimeline
    from engine.timelines.timeline import Timeline

P = TypeVar("P")
R = TypeVar("R")

ROOM_PREFIX: Final = "room:"
USER_PREFIX: Final = "user:"


class OfTimeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data that names a timeline and nothing else."""

    timeline: str


class NewPost(OfTimeline, frozen=True, kw_only=True):
    """Data of `post`; the rest of it is a `Draft`."""

    text: Text
    client_id: ClientId | None = None
    reply_to: MessageId | None = None
    language: Language | None = None


class OfMessage(OfTimeline, frozen=True, kw_only=True):
    """Data that names a message."""

    message_id: MessageId


class Which(OfMessage, frozen=True, kw_only=True):
    """Data of `message`: `language` is the reader's."""

    language: Language | None = None


class NewLanguage(OfTimeline, frozen=True, kw_only=True):
    """Data of `set_language`."""

    language: Language | None


class NewText(OfMessage, frozen=True, kw_only=True):
    """Data of `edit`."""

    text: Text


class OfAnswer(OfTimeline, frozen=True, kw_only=True):
    """Data that names an answer."""

    answer_id: AnswerId


class AnswerAgain(OfMessage, frozen=True, kw_only=True):
    """Data of `regenerate`."""

    agent_id: ParticipantId


class Reaction(OfMessage, frozen=True, kw_only=True):
    """Data of `react` and `unreact`."""

    emoji: str


_Cursor = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Page(OfTimeline, frozen=True, kw_only=True):
    """Data of `history`: the messages before or after an offset. `language` is the reader's."""

    before: _Cursor | None = None
    after: _Cursor | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    language: Language | None = None


class ThreadPage(OfMessage, frozen=True, kw_only=True):
    """Data of `thread`: the replies after an offset."""

    after: _Cursor = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


class IsTyping(OfTimeline, frozen=True, kw_only=True):
    """Data of `typing`."""

    typing: bool = True


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data of `search`: `before` is the cursor within a timeline, `after` the one across all of mine."""

    q: QueryText
    timeline: str | None = None
    before: _Cursor | None = None
    after: MessageId | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    language: Language | None = None


class ReadUpTo(OfTimeline, frozen=True, kw_only=True):
    """Data of `read`: the offset of the last event that was read."""

    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class NewStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data of `set_status`."""

    status: Status


class Asked(Generic[P, R]):
    """A method that is one message to one actor.

    `message` says which actor and which message, or raises an `EngineError`; `result` gives what the client gets. `of_channel`
    is False where something inside the channel may be what was not found.
    """

    __slots__ = ("_decoder", "message", "of_channel", "result")

    def __init__(
        self,
        data: type[P],
        message: "Callable[[Timelines, Principal, P], tuple[Ref[Any], ActorMessage[Any, R]]]",
        result: Callable[[R], Any],
        *,
        of_channel: bool = True,
    ) -> None:
        self._decoder = msgspec.json.Decoder(data)
        self.message = message
        self.result = result
        self.of_channel = of_channel

    def decode(self, data: msgspec.Raw) -> P:
        """The data as its struct. Raises ValueError (msgspec's errors are), or RecursionError."""
        return self._decoder.decode(data)


class OfSubscription(Generic[P]):
    """A method that is one message to one actor, about the subscription of the client who calls it. Its result is empty."""

    __slots__ = ("_decoder", "message", "of_channel")

    def __init__(
        self,
        data: type[P],
        message: "Callable[[Timelines, Principal, str, P], tuple[Ref[Any], ActorMessage[Any, None]]]",
    ) -> None:
        self._decoder = msgspec.json.Decoder(data)
        self.message = message
        self.of_channel = False

    def decode(self, data: msgspec.Raw) -> P:
        """See `Asked.decode`."""
        return self._decoder.decode(data)


class Awaited(Generic[P]):
    """A method of several steps: `run` gives what the client gets, or raises an `EngineError` or an `AskFailed`."""

    __slots__ = ("_decoder", "of_channel", "run")

    def __init__(
        self, data: type[P], run: "Callable[[Engine, Principal, P], Awaitable[Any]]", *, of_channel: bool = True
    ) -> None:
        self._decoder = msgspec.json.Decoder(data)
        self.run = run
        self.of_channel = of_channel

    def decode(self, data: msgspec.Raw) -> P:
        """See `Asked.decode`."""
        return self._decoder.decode(data)


Method: TypeAlias = Asked[Any, Any] | OfSubscription[Any] | Awaited[Any]


def timeline_of(timelines: "Timelines", channel: str) -> "Ref[Timeline]":
    """The timeline behind a channel; `NotFound` when there cannot be one."""
    ref = timelines.ref(channel)
    if ref is None:
        msg = f"there is no channel {channel[:64]!r}"
        raise NotFound(msg)
    return ref


def shared_timeline_of(timelines: "Timelines", channel: str) -> "Ref[SharedTimeline]":
    """The room or conversation behind a channel."""
    ref: Ref[Any] = timeline_of(timelines, channel)
    if channel.startswith(USER_PREFIX):
        raise NotFound("nobody answers in a personal channel")
    return ref


def _room_of(timelines: "Timelines", channel: str) -> "Ref[RoomActor]":
    timeline_of(timelines, channel)
    if not channel.startswith(ROOM_PREFIX):
        msg = f"{channel[:64]!r} is not a room"
        raise NotFound(msg)
    return timelines.room(TimelineId(channel.removeprefix(ROOM_PREFIX)))


def post_message(
    timelines: "Timelines", by: Principal, channel: str, draft: Draft
) -> "tuple[Ref[Timeline], ActorMessage[Timeline, Posted]]":
    """What `post` and the protocol's `publish` send."""
    return timeline_of(timelines, channel), Post(by, draft)


def _post(timelines: "Timelines", by: Principal, data: NewPost) -> "tuple[Ref[Any], ActorMessage[Any, Posted]]":
    draft = Draft(text=data.text, client_id=data.client_id, reply_to=data.reply_to, language=data.language)
    return post_message(timelines, by, data.timeline, draft)


def _edit(timelines: "Timelines", by: Principal, data: NewText) -> "tuple[Ref[Any], ActorMessage[Any, Message]]":
    return timeline_of(timelines, data.timeline), Edit(by, data.message_id, data.text)


def _delete(timelines: "Timelines", by: Principal, data: OfMessage) -> "tuple[Ref[Any], ActorMessage[Any, Message]]":
    return timeline_of(timelines, data.timeline), Delete(by, data.message_id)


def _join(timelines: "Timelines", by: Principal, data: OfTimeline) -> "tuple[Ref[Any], ActorMessage[Any, Member]]":
    return _room_of(timelines, data.timeline), Join(by)


def _leave(timelines: "Timelines", by: Principal, data: OfTimeline) -> "tuple[Ref[Any], ActorMessage[Any, None]]":
    if data.timeline.startswith(USER_PREFIX):
        raise NotFound("nobody leaves their own channel")
    return timeline_of(timelines, data.timeline), Leave(by)


def _react(timelines: "Timelines", by: Principal, data: Reaction) -> "tuple[Ref[Any], ActorMessage[Any, Message]]":
    return timeline_of(timelines, data.timeline), React(by, data.message_id, data.emoji)


def _unreact(timelines: "Timelines", by: Principal, data: Reaction) -> "tuple[Ref[Any], ActorMessage[Any, Message]]":
    return timeline_of(timelines, data.timeline), Unreact(by, data.message_id, data.emoji)


def _room(timelines: "Timelines", by: Principal, data: OfTimeline) -> "tuple[Ref[Any], ActorMessage[Any, Room]]":
    return _room_of(timelines, data.timeline), Describe(by)


def _members(
    timelines: "Timelines", by: Principal, data: OfTimeline
) -> "tuple[Ref[Any], ActorMessage[Any, list[Presence]]]":
    return timeline_of(timelines, data.timeline), ReadMembers(by)


def _presence(
    timelines: "Timelines", by: Principal, data: OfTimeline
) -> "tuple[Ref[Any], ActorMessage[Any, list[ClientInfo]]]":
    return timeline_of(timelines, data.timeline), ReadPresence(by)


def _typing(timelines: "Timelines", by: Principal, data: IsTyping) -> "tuple[Ref[Any], ActorMessage[Any, None]]":
    if data.timeline.startswith(USER_PREFIX):
        raise NotFound("nobody types in a personal channel")
    return timeline_of(timelines, data.timeline), SetTyping(by, data.typing)


def _set_language(
    timelines: "Timelines", by: Principal, client: str, data: NewLanguage
) -> "tuple[Ref[Any], ActorMessage[Any, None]]":
    if data.timeline.startswith(USER_PREFIX):
        raise NotFound("nothing is translated in a personal channel")
    return timeline_of(timelines, data.timeline), SetLanguage(by, client, data.language)


def _cancel_answer(timelines: "Timelines", by: Principal, data: OfAnswer) -> "tuple[Ref[Any], ActorMessage[Any, None]]":
    return shared_timeline_of(timelines, data.timeline), CancelAnswer(by, data.answer_id)


async def _history(engine: "Engine", by: Principal, data: Page) -> MessagePage:
    ref = timeline_of(engine.timelines, data.timeline)
    return await engine.interpreting.messages(
        engine.timelines,
        ref,
        by,
        before=data.before,
        after=data.after,
        limit=data.limit,
        language=data.language,
    )


async def _message(engine: "Engine", by: Principal, data: Which) -> dict[str, Message]:
    ref = timeline_of(engine.timelines, data.timeline)
    found = engine.interpreting.message(engine.timelines, ref, by, data.message_id, language=data.language)
    return {"message": await found}


async def _thread(engine: "Engine", by: Principal, data: ThreadPage) -> Thread:
    ref = timeline_of(engine.timelines, data.timeline)
    return await engine.timelines.thread(ref, by, data.message_id, after=data.after, limit=data.limit)


async def _versions(engine: "Engine", by: Principal, data: OfMessage) -> dict[str, list[Version]]:
    ref = timeline_of(engine.timelines, data.timeline)
    return {"items": await engine.timelines.versions(ref, by, data.message_id)}


async def _search(engine: "Engine", by: Principal, data: Wanted) -> FoundInTimeline | FoundInMine:
    if data.timeline is None:
        if data.before is not None:
            raise InvalidRequest.field("before", "is for one timeline; across all of them it is `after`")
        return await engine.searching.in_mine(by, data.q, after=data.after, limit=data.limit, language=data.language)
    if data.after is not None:
        raise InvalidRequest.field("after", "is for all timelines; within one it is `before`")
    ref = timeline_of(engine.timelines, data.timeline)
    return await engine.searching.in_timeline(
        ref, by, data.q, before=data.before, limit=data.limit, language=data.language
    )


async def _read(engine: "Engine", by: Principal, data: ReadUpTo) -> ReadMarker:
    if data.timeline.startswith(USER_PREFIX):
        raise NotFound("nobody keeps a read marker in their own channel")
    return await engine.inbox.read(timeline_of(engine.timelines, data.timeline), by, data.offset)


async def _regenerate(engine: "Engine", by: Principal, data: AnswerAgain) -> dict[str, str]:
    return {"answer_id": await engine.agents.regenerate(by, data.timeline, data.message_id, data.agent_id)}


async def _set_status(engine: "Engine", by: Principal, data: NewStatus) -> dict[str, Status]:
    user = await engine.accounts.update_profile(by.id, ProfileChanges(status=data.status))
    return {"status": user.status}


def _member_items(members: list[Presence]) -> dict[str, Any]:
    return {
        "items": [
            {
                "participant": each.member.participant,
                "role": each.member.role,
                "joined_at": each.member.joined_at,
                "online": each.presence is not Availability.OFFLINE,
                "presence": each.presence,
            }
            for each in members
        ]
    }


def _clients(infos: list[ClientInfo]) -> dict[str, Any]:
    return {"clients": [{"user": info.user, "client": info.client} for info in infos]}


METHODS: Final[dict[str, Method]] = {
    "post": Asked(NewPost, _post, lambda posted: {"message": posted.message}),
    "edit": Asked(NewText, _edit, lambda message: {"message": message}, of_channel=False),
    "delete": Asked(OfMessage, _delete, lambda message: {"message": message}, of_channel=False),
    "react": Asked(Reaction, _react, lambda message: {"message": message}, of_channel=False),
    "unreact": Asked(Reaction, _unreact, lambda message: {"message": message}, of_channel=False),
    "message": Awaited(Which, _message, of_channel=False),
    "history": Awaited(Page, _history),
    "thread": Awaited(ThreadPage, _thread, of_channel=False),
    "versions": Awaited(OfMessage, _versions, of_channel=False),
    "search": Awaited(Wanted, _search),
    "read": Awaited(ReadUpTo, _read),
    "join": Asked(OfTimeline, _join, lambda member: {"member": member}),
    "leave": Asked(OfTimeline, _leave, lambda _: {}),
    "room": Asked(OfTimeline, _room, lambda room: {"room": room}),
    "members": Asked(OfTimeline, _members, _member_items),
    "presence": Asked(OfTimeline, _presence, _clients),
    "typing": Asked(IsTyping, _typing, lambda _: {}),
    "set_language": OfSubscription(NewLanguage, _set_language),
    "cancel_answer": Asked(OfAnswer, _cancel_answer, lambda _: {}, of_channel=False),
    "regenerate": Awaited(AnswerAgain, _regenerate, of_channel=False),
    "set_status": Awaited(NewStatus, _set_status),
}
"""The methods by name; any other is error 104."""
