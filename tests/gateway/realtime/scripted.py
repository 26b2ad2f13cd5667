"""An engine that answers what a test tells it to, when a test tells it to."""

import itertools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import msgspec
from anyio.abc import TaskGroup

from actors import Answer
from engine.accounts.forms import Identity
from engine.domain.fields import ParticipantId
from engine.domain.people import User
from engine.errors import TokenExpired, Unauthenticated
from engine.timelines.commands import Subscribe, Subscribed, Unsubscribe, Window
from engine.timelines.fanout import Publication
from engine.traffic import Traffic
from gateway.realtime.codes import Disconnect
from gateway.realtime.outbox import Outbox
from gateway.realtime.session import Session
from gateway.realtime.settings import RealtimeSettings

START = datetime(2030, 1, 1, tzinfo=UTC)
ADA = ParticipantId("ada")


def user(user_id: str = ADA, **fields: Any) -> User:
    return User(id=ParticipantId(user_id), email=f"{user_id}@example.org", username=user_id, created_at=START, **fields)


def publication(channel: str, offset: int | None, text: str = "hi") -> Publication:
    return Publication(channel, offset, msgspec.json.encode({"type": "message.posted", "text": text}))


class ScriptedAccounts:
    """`token:<user>` is good for fifteen minutes, `expired` has expired, everything else is forged."""

    def __init__(self) -> None:
        self.inactive: set[str] = set()

    async def authenticate(self, token: str) -> Identity:
        if token == "expired":
            raise TokenExpired("the token has expired")
        kind, _, user_id = token.partition(":")
        if kind != "token":
            raise Unauthenticated("the token is forged")
        return Identity(await self.current(ParticipantId(user_id)), "family", START + timedelta(seconds=900))

    async def current(self, user_id: ParticipantId) -> User:
        if user_id in self.inactive:
            raise Unauthenticated("deactivated")
        return user(user_id)


class ScriptedRef:
    """Keeps what it is sent; `answer` answers the oldest request."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.told: list[Any] = []
        self.requests: list[tuple[Any, Callable[[Answer[Any]], None]]] = []
        self.refuses: Exception | None = None

    def tell(self, message: Any) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.told.append(message)

    def request(self, message: Any, callback: Callable[[Answer[Any]], None], *, timeout: float) -> None:
        assert timeout > 0
        if self.refuses is not None:
            raise self.refuses
        self.requests.append((message, callback))

    def answer(self, value: Any) -> Any:
        message, callback = self.requests.pop(0)
        callback(Answer.failed(value) if isinstance(value, Exception) else Answer(value))
        return message

    @property
    def unsubscribed(self) -> list[str]:
        return [message.client for message in self.told if isinstance(message, Unsubscribe)]


class ScriptedTimelines:
    """Channels are known unless they begin with `no`. Subscriptions succeed at once, unless `gates` holds them back."""

    def __init__(self) -> None:
        self.refs: dict[str, ScriptedRef] = {}
        self.subscribed: dict[str, list[Subscribe]] = {}
        self.answers: dict[str, Subscribed | Exception] = {}
        self.gates: dict[str, anyio.Event] = {}
        self.log: list[Publication] = []

    def ref(self, channel: str) -> ScriptedRef | None:
        if ":" not in channel or channel.startswith("no"):
            return None
        return self.refs.setdefault(channel, ScriptedRef(channel))

    def room(self, room_id: str) -> ScriptedRef | None:
        return self.ref(f"room:{room_id}")

    async def subscribe(self, ref: ScriptedRef, subscribe: Subscribe) -> Subscribed:
        self.subscribed.setdefault(ref.channel, []).append(subscribe)
        if (gate := self.gates.get(ref.channel)) is not None:
            await gate.wait()
        answer = self.answers.get(ref.channel, fresh())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def events(
        self, ref: ScriptedRef, by: Any, *, since: int, limit: int, reading: object = None, client: str | None = None
    ) -> Window:
        assert limit > 0
        after = [each for each in self.log if each.offset is not None and each.offset > since]
        return Window(ref.channel, len(self.log), "e1", tuple(after[:limit]))

    def sink(self, channel: str) -> Any:
        return self.subscribed[channel][-1].sink


def fresh(offset: int = 0) -> Subscribed:
    return Subscribed(Window("room:1", offset, "e1"), was_recovering=False, recovered=False, room=None, members=())


def recovered(offset: int, missed: tuple[Publication, ...], *, good: bool = True) -> Subscribed:
    return Subscribed(
        Window("room:1", offset, "e1", missed), was_recovering=True, recovered=good, room=None, members=()
    )


class ScriptedEngine(SimpleNamespace):
    """What the gateway sees of an engine."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        clock = SimpleNamespace(now=lambda: START, new_id=lambda: f"client-{next(numbers)}")
        timelines = ScriptedTimelines()
        agents = SimpleNamespace(conductor=lambda channel: timelines.ref(f"conductor of {channel}"))
        super().__init__(
            accounts=ScriptedAccounts(), timelines=timelines, agents=agents, clock=clock, traffic=Traffic()
        )


class Client:
    """A session without a socket: `send` is what a client sends, `received` what it would have got since."""

    def __init__(self, tasks: TaskGroup, settings: RealtimeSettings | None = None, *, cookie: str = "") -> None:
        self.engine = ScriptedEngine()
        self.timelines: ScriptedTimelines = self.engine.timelines
        self.time = 0.0
        self.closed: Disconnect | None = None
        self.recognised_as: ParticipantId | None = None
        self.retimed = 0
        self._tasks = tasks
        settings = settings or RealtimeSettings()
        self.outbox = Outbox(settings.queue_bytes, lambda: None)
        engine: Any = self.engine
        self.session = Session("me", engine, settings, self.outbox, self, now=lambda: self.time, cookie=cookie)

    async def send(self, *commands: Any) -> None:
        await self.session.receive(b"\n".join(map(msgspec.json.encode, commands)))
        await anyio.wait_all_tasks_blocked()

    async def connect(self) -> None:
        await self.send({"id": 1, "connect": {"token": "token:ada"}})
        self.received()

    async def subscribe(self, channel: str) -> Any:
        await self.send({"id": 2, "subscribe": {"channel": channel}})
        self.received()
        return self.timelines.sink(channel)

    def received(self) -> list[Any]:
        got: list[Any] = []
        while frame := self.outbox.take(1 << 20):
            got.extend(map(msgspec.json.decode, frame.split(b"\n")))
        return got

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.start_soon(work)

    def recognised(self, user_id: ParticipantId) -> None:
        self.recognised_as = user_id

    def retime(self) -> None:
        self.retimed += 1

    def close(self, why: Disconnect) -> None:
        assert self.closed is None
        self.closed = why
