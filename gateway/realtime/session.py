"""One client's conversation with the server: what each command does, without a socket.

A session reads frames and writes to its outbox; the connection (`gateway.realtime.connection`) carries both over the wire, runs
what the session spawns, and calls `tick` when it is time. Commands of one connection start in the order in which they came.
Those that are one message to one actor go out as `ref.request`, whose callback writes the reply, so posts to one room are
pipelined and stay in order; the others run in tasks of the connection and may be overtaken.
"""

from collections.abc import Callable, Coroutine
from enum import Enum
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import anyio
import msgspec
import structlog

from actors import Message as ActorMessage
from engine.domain.fields import ParticipantId
from engine.domain.messages import Draft
from engine.domain.people import Principal, User
from engine.errors import TokenExpired, TryLater, Unauthenticated
from engine.timelines.commands import CountPresence, ReadPresence, Subscribed
from gateway.realtime import authoring, codes, protocol
from gateway.realtime.answers import Answers
from gateway.realtime.authoring import Authored, Authoring
from gateway.realtime.history import read_history
from gateway.realtime.limits import TokenBucket, Verdict
from gateway.realtime.outbox import Outbox
from gateway.realtime.protocol import BadCommand, Command, Emulated
from gateway.realtime.rpc import METHODS, Asked, OfSubscription, post_message, timeline_of
from gateway.realtime.settings import RealtimeSettings
from gateway.realtime.subscription import Subscription
from gateway.realtime.subscriptions import Subscriptions, subscribe_result

if TYPE_CHECKING:
    from engine.accounts.forms import Identity
    from engine.engine import Engine

R = TypeVar("R")

VERSION: Final = "gathering 1.0"

_NEVER: Final = float("inf")
_ACCOUNT_CHECK_LIMIT: Final = 0.5
"""Seconds that a command waits at most to learn whether its sender may still act; while the database is away it goes on."""

log = structlog.get_logger(__name__)

_draft = msgspec.json.Decoder(Draft)


class Link(Protocol):
    """What a session needs of the connection that carries it."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` in a task that ends with the connection."""
        ...

    def recognised(self, user_id: ParticipantId) -> None:
        """The client has proved who it is."""
        ...

    def retime(self) -> None:
        """What is due next has changed: call `tick`."""
        ...

    def close(self, why: codes.Disconnect) -> None:
        """End the connection soon; called once, and never waits."""
        ...


class State(Enum):
    """Where a session is in its life."""

    NEW = "new"
    """Nothing but `connect` is accepted."""
    REFUSED = "refused"
    """`connect` got an error: nothing is accepted."""
    CONNECTED = "connected"
    CLOSED = "closed"


class Session:
    """See the module. `now` is monotonic, in seconds; `cookie` is the access token that the browser brought, if it may be used.

    `emulated` is how commands find the session when they do not come over the connection itself.
    """

    def __init__(
        self,
        client: str,
        engine: "Engine",
        settings: RealtimeSettings,
        outbox: Outbox,
        link: Link,
        *,
        now: Callable[[], float],
        cookie: str = "",
        emulated: Emulated | None = None,
    ) -> None:
        self.client = client
        self._engine = engine
        self._settings = settings
        self._outbox = outbox
        self._link = link
        self._now = now
        self._cookie = cookie
        self._emulated = emulated
        self._state = State.NEW
        self._user: User | None = None
        self.api_key: str | None = None
        """The id of the API key that the client came with."""
        self._api_secret = ""
        self.sign_in = ""
        """The id of the sign-in whose token the client sent last."""
        self._by: Principal | None = None
        self._answers = Answers(outbox, link.spawn, timeout=settings.command_timeout)
        self._subscriptions = Subscriptions(
            client, engine.timelines, outbox, self._answers, self.close, most=settings.subscriptions
        )
        self._bucket = TokenBucket(
            settings.commands_per_second, settings.commands_burst, patience=settings.commands_refused, now=now()
        )
        self._deltas = TokenBucket(
            settings.deltas_per_second, settings.deltas_burst, patience=settings.commands_refused, now=now()
        )
        self._authoring = Authoring(engine.clock.new_id, engine.agents.conductor)
        self._connect_by = now() + settings.connect_timeout
        self._expires_at = self._ping_at = self._pong_by = _NEVER
        self._check_account_at = 0.0

    @property
    def user(self) -> User | None:
        """The account that is connected, as last seen; None before that is known."""
        return self._user

    @property
    def user_id(self) -> ParticipantId | None:
        """Who is connected; None before that is known."""
        return self._user.id if self._user is not None else None

    async def receive(self, frame: bytes) -> None:
        """Do what a frame asks for. Waits for `connect`, and briefly for the account; no frame makes it raise."""
        if len(frame) > self._settings.frame_bytes:
            self.close(codes.FRAME_TOO_LARGE)
            return
        try:
            for command in protocol.decode_frame(frame):
                if self._state is State.CLOSED:
                    return
                await self._command(command)
        except protocol.Malformed as error:
            log.info("connection.malformed_frame", client=self.client, error=str(error))
            self.close(codes.MALFORMED)

    def close(self, why: codes.Disconnect) -> None:
        """End the connection; what already waits for the client still leaves, unless the client is the one who is slow."""
        if self._state is State.CLOSED:
            return
        self._state = State.CLOSED
        self._outbox.close(drop=why is codes.SLOW)
        self._link.close(why)

    def end(self) -> None:
        """The connection is over: leave every timeline. Does not wait; doing it again does nothing."""
        self._state = State.CLOSED
        self._outbox.close(drop=True)
        self._authoring.end()
        self._subscriptions.leave_all()

    def tick(self) -> float:
        """Do what is due: pings, missing pongs, expiry. Returns the seconds until the next time."""
        now = self._now()
        if now >= self._connect_by:
            self.close(codes.STALE)
        elif now >= self._pong_by:
            self.close(codes.NO_PONG)
        elif now >= self._expires_at:
            self.close(codes.EXPIRED)
        elif now >= self._ping_at:
            self._outbox.reply(protocol.PING)
            self._ping_at = now + self._settings.ping_interval
            self._pong_by = min(self._pong_by, now + self._settings.pong_timeout)
        return max(0.0, min(self._connect_by, self._pong_by, self._expires_at, self._ping_at) - now)

    async def _command(self, command: Command | BadCommand) -> None:
        if command == protocol.PONG and self._pong_by != _NEVER:
            self._pong_by = _NEVER
            return
        # A bad command may have been meant as `connect`; any other before it is not the protocol.
        if self._state is not State.CONNECTED and not (
            self._state is State.NEW and (isinstance(command, BadCommand) or command.connect is not None)
        ):
            self.close(codes.MALFORMED)
            return
        streams = isinstance(command, Command) and command.rpc is not None and command.rpc.method == authoring.DELTA
        verdict = (self._deltas if streams else self._bucket).judge(self._now())
        if verdict is Verdict.ABUSE:
            self.close(codes.TOO_MANY_REQUESTS)
        elif not command.id:
            pass  # a message without a reply, or a pong that nobody asked for
        elif verdict is Verdict.REFUSE:
            self._answers.refuse(command.id, codes.COMMANDS_TOO_FAST)
        elif isinstance(command, BadCommand):
            self._answers.refuse(command.id, codes.BAD_REQUEST)
        elif self._state is State.NEW:
            assert command.connect is not None
            await self._connect(command.id, command.connect)
        elif self._now() < self._check_account_at or await self._may_still_act():
            assert self._by is not None
            self._act(command.id, self._by, command)

    def _act(self, command_id: int, by: Principal, command: Command) -> None:
        if command.rpc is not None:
            self._rpc(command_id, by, command.rpc)
        elif command.publish is not None:
            self._publish(command_id, by, command.publish)
        elif command.subscribe is not None:
            self._subscriptions.subscribe(command_id, by, command.subscribe)
        elif command.unsubscribe is not None:
            self._subscriptions.unsubscribe(command_id, command.unsubscribe.channel)
        elif command.history is not None:
            history = command.history
            self._answers.later(command_id, lambda: self._history(command_id, by, history))
        elif command.presence is not None:
            channel = command.presence.channel
            self._of_channel(command_id, channel, b"presence", ReadPresence(by), protocol.presence_result)
        elif command.presence_stats is not None:
            channel = command.presence_stats.channel
            self._of_channel(command_id, channel, b"presence_stats", CountPresence(by), protocol.presence_stats_result)
        elif command.refresh is not None:
            token = command.refresh.token
            self._answers.later(command_id, lambda: self._refresh(command_id, token))
        elif command.ping is not None:
            self._answers.reply(command_id, b"ping")
        else:
            self._answers.refuse(command_id, _not_served(command))

    async def _connect(self, command_id: int, request: protocol.ConnectRequest) -> None:
        token = request.token or self._cookie
        try:
            identity = await self._engine.accounts.authenticate(_plausible(token))
            self.api_key, self._api_secret = identity.api_key, token if identity.api_key else ""
            self.sign_in = identity.family_id
            by = self._recognise(identity.user)
            self._link.recognised(by.id)
            position = (request.subs or {}).get(f"user:{by.id}")
            subscription, answer = await self._subscriptions.subscribe_own(by, position)
        except Unauthenticated as problem:
            if token and not isinstance(problem, TokenExpired):
                self.close(codes.INVALID_TOKEN)
            else:
                self._refuse_connect(command_id, codes.error_of(problem))
        except Exception as problem:  # noqa: BLE001 - the boundary of a command: error_of logs what nobody declared
            self._refuse_connect(command_id, codes.error_of(problem))
        else:
            if self._state is State.NEW:  # not closed meanwhile
                self._welcome(command_id, identity, subscription, answer, refreshable=bool(request.token))

    def _welcome(
        self, command_id: int, identity: "Identity", own: Subscription, answer: Subscribed, *, refreshable: bool
    ) -> None:
        self._state = State.CONNECTED
        self._connect_by = _NEVER
        self._ping_at = self._now() + self._settings.ping_interval
        # The official clients stop for good when told of an expiry that they have no token to refresh for. A browser's
        # connection lives as long as its cookie's token, and then reconnects with the cookie's successor.
        ttl = self._extend(identity, grace=self._settings.expiry_grace if refreshable else 0.0)
        result = protocol.connect_result(
            self.client,
            VERSION,
            ping=self._settings.ping_interval,
            ttl=ttl if refreshable and not self.api_key else None,
            subs={own.channel: subscribe_result(answer)},
            emulated=self._emulated,
        )
        own.go_live(protocol.reply(command_id, b"connect", result), answer.window.offset)
        self._link.retime()

    def _refuse_connect(self, command_id: int, problem: codes.ErrorReply) -> None:
        if self._state is State.NEW:
            self._state = State.REFUSED
            self._answers.refuse(command_id, problem)

    async def _refresh(self, command_id: int, token: str) -> None:
        try:
            identity = await self._engine.accounts.authenticate(_plausible(token))
        except TokenExpired:
            raise
        except Unauthenticated:
            self.close(codes.INVALID_TOKEN)
            return
        if identity.user.id != self.user_id or identity.api_key is not None:
            self.close(codes.INVALID_TOKEN)
            return
        self.sign_in = identity.family_id
        ttl = self._extend(identity, grace=self._settings.expiry_grace)
        self._answers.reply(command_id, b"refresh", protocol.refresh_result(self.client, VERSION, ttl=ttl))
        self._link.retime()

    def _rpc(self, command_id: int, by: Principal, request: protocol.RpcRequest) -> None:
        method = METHODS.get(request.method) or authoring.METHODS.get(request.method)
        if method is None:
            self._answers.refuse(command_id, codes.METHOD_NOT_FOUND)
            return
        try:
            data = method.decode(request.data)
        except (ValueError, RecursionError):  # msgspec's errors and wrong UTF-8 are ValueErrors
            self._answers.refuse(command_id, codes.BAD_REQUEST)
            return
        of_channel = method.of_channel
        if isinstance(method, Asked | Authored):
            if isinstance(method, Authored):
                message, result = method.of(self._authoring)
            else:
                message, result = method.message, method.result
            self._answers.ask(
                command_id,
                b"rpc",
                lambda: message(self._engine.timelines, by, data),
                lambda answer: protocol.rpc_result(result(answer)),
                of_channel=of_channel,
            )
        elif isinstance(method, OfSubscription):
            of_client = method.message
            self._answers.ask(
                command_id,
                b"rpc",
                lambda: of_client(self._engine.timelines, by, self.client, data),
                lambda _: b'{"data":{}}',
                of_channel=of_channel,
            )
        else:
            run = method.run

            async def finish() -> None:
                self._answers.reply(command_id, b"rpc", protocol.rpc_result(await run(self._engine, by, data)))

            self._answers.later(command_id, finish, of_channel=of_channel)

    def _publish(self, command_id: int, by: Principal, request: protocol.PublishRequest) -> None:
        try:
            draft = _draft.decode(request.data)
        except (ValueError, RecursionError):
            self._answers.refuse(command_id, codes.BAD_REQUEST)
            return
        self._answers.ask(
            command_id,
            b"publish",
            lambda: post_message(self._engine.timelines, by, request.channel, draft),
            lambda _: b"{}",
        )

    def _of_channel(
        self,
        command_id: int,
        channel: str,
        kind: bytes,
        message: ActorMessage[Any, R],
        encode: Callable[[R], bytes],
    ) -> None:
        timelines = self._engine.timelines
        self._answers.ask(command_id, kind, lambda: (timeline_of(timelines, channel), message), encode)

    async def _history(self, command_id: int, by: Principal, request: protocol.HistoryRequest) -> None:
        result = await read_history(self._engine.timelines, by, self.client, request, self._settings.history_limit)
        if result is None:
            self._answers.refuse(command_id, codes.UNRECOVERABLE_POSITION)
        else:
            self._answers.reply(command_id, b"history", result)

    async def _may_still_act(self) -> bool:
        """Whether the account is as active as it was at `connect`; takes over what has changed in it."""
        assert self._user is not None
        try:
            with self._engine.traffic.arriving(), anyio.move_on_after(_ACCOUNT_CHECK_LIMIT):
                accounts, user_id = self._engine.accounts, self._user.id
                if self._api_secret:
                    self._recognise((await accounts.authenticate(self._api_secret)).user)
                else:
                    self._recognise(await accounts.current(user_id))
        except Unauthenticated:
            self.close(codes.FORCE_NO_RECONNECT)
        except TryLater as problem:
            log.info("connection.account_not_checked", client=self.client, error=str(problem))
        self._check_account_at = self._now() + self._settings.account_check_interval
        return self._state is State.CONNECTED

    def _recognise(self, user: User) -> Principal:
        if user is not self._user or self._by is None:
            self._user = user
            self._by = user.principal
        return self._by

    def _extend(self, identity: "Identity", *, grace: float) -> int:
        """Take the token's life over; returns it as the `ttl` for the client, in whole seconds."""
        if identity.expires_at is None:
            self._expires_at = _NEVER
            return 0
        seconds = max(0.0, (identity.expires_at - self._engine.clock.now()).total_seconds())
        self._expires_at = self._now() + seconds + grace
        return max(1, ceil(seconds))


def _plausible(token: str) -> str:
    if not token or not token.isascii():
        raise Unauthenticated("there is no token, or it is none of ours")
    return token


def _not_served(command: Command) -> codes.ErrorReply:
    if command.connect is not None:
        return codes.BAD_REQUEST  # it is connected already
    if command.sub_refresh is not None or command.send is not None:
        return codes.NOT_AVAILABLE
    return codes.METHOD_NOT_FOUND
