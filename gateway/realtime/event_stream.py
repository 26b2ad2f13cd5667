"""One reader's stream of a timeline's events, as server-sent events: what they missed, and then what happens."""

import asyncio
from math import inf
from typing import TYPE_CHECKING, Final

import anyio
import anyio.lowlevel
import structlog
from aiohttp import web

from actors import Ref
from actors.errors import ActorError
from engine.accounts.forms import Identity
from engine.domain.fields import ParticipantId
from engine.domain.people import User
from engine.errors import EngineError, TryLater, Unauthenticated
from engine.timelines.commands import Position, Subscribe
from engine.timelines.fanout import ClientInfo, Ending, Publication, so_far
from engine.timelines.timeline import CATCH_UP
from gateway.realtime import codes, server_sent
from gateway.realtime.outbox import Outbox
from gateway.realtime.settings import RealtimeSettings
from gateway.realtime.subscription import Forms, Subscription
from gateway.realtime.subscriptions import WHY_ENDED
from gateway.streaming import Stream

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.timelines.timeline import Timeline

MEDIA_TYPE: Final = "text/event-stream; charset=utf-8"
RETRY: Final = 2.0
"""Seconds that a client is asked to wait before it comes back."""
PAGE: Final = 250
"""Events that are read from the log, and written, at a time."""
_ACCOUNT_CHECK_LIMIT: Final = 0.5

_FORMS: Final = Forms(server_sent.publication_event, joined=None, left=None)

log = structlog.get_logger(__name__)


class EventStream:
    """See `gateway.realtime.hub.Live`. While it is open, its reader counts as present.

    Events wait in an outbox for a client that reads slowly; over the limit the response is cut off, and the client comes back
    with the last offset that it has. Whatever else ends the stream is said in a last event, `end`.
    """

    def __init__(
        self,
        request: web.Request,
        engine: "Engine",
        settings: RealtimeSettings,
        *,
        identity: Identity,
        ref: "Ref[Timeline]",
        channel: str,
        language: str | None,
    ) -> None:
        self.client = engine.clock.new_id()
        self._ready = asyncio.Event()
        self.outbox = Outbox(settings.queue_bytes, self._ready.set)
        self._engine = engine
        self._settings = settings
        self._user = identity.user
        self._ref = ref
        self._language = language
        self._subscription = Subscription(channel, ref, self, _FORMS)
        self._scope = anyio.CancelScope()
        self._stream = Stream(request, MEDIA_TYPE, self._scope.cancel)
        self._why: codes.Unsubscribed | codes.Disconnect | codes.ErrorReply | None = None
        self._now = asyncio.get_running_loop().time
        self._beat_at = self._now() + settings.ping_interval
        expires_at = identity.expires_at
        life = inf if expires_at is None else (expires_at - engine.clock.now()).total_seconds()
        self._expires_at = self._now() + life
        self._api_key = identity.api_key
        self.sign_in = identity.family_id
        """The id of the sign-in with whose token it was opened."""

    @property
    def user_id(self) -> ParticipantId:
        """Whose it is."""
        return self._user.id

    @property
    def user(self) -> User:
        """Whose it is."""
        return self._user

    @property
    def api_key(self) -> str | None:
        """The id of the API key that it was opened with."""
        return self._api_key

    @property
    def response(self) -> web.StreamResponse:
        """The response that is written."""
        return self._stream.response

    def dismiss(self, why: codes.Disconnect) -> None:
        """See `Live.dismiss`."""
        self._end(why)

    def abort(self) -> None:
        """See `Live.abort`."""
        self._stream.abort()
        self._scope.cancel()

    def fell_behind(self) -> None:
        """See `Subscriber`."""
        self._why = self._why or codes.SLOW
        self.abort()

    def dropped(self, subscription: Subscription, ending: Ending) -> None:
        """See `Subscriber`."""
        self._end(codes.FORCE_RECONNECT if ending is Ending.MOVED else WHY_ENDED[ending])

    async def run(self, since: Position | None, position: Position) -> None:
        """Write until it ends, beginning with what came after `since`. `position` is where the timeline stands."""
        try:
            with self._scope:
                await self._stream.open()
                try:
                    await self._catch_up(since, position)
                    await self._follow()
                except (EngineError, ActorError) as problem:
                    self._end(codes.error_of(problem, of_channel=True))
                await self._finish()
        except ConnectionError:
            pass  # the client has gone
        finally:
            self._subscription.leave()
            self.outbox.close(drop=True)
            if self._scope.cancelled_caught:
                self._stream.abort()
            why = self._why or codes.CONNECTION_CLOSED
            log.info("event_stream.closed", client=self.client, channel=self._subscription.channel, code=why.code)

    async def _catch_up(self, since: Position | None, position: Position) -> None:
        """Write all but the last of what was missed, page by page, and begin to listen."""
        if since is None:
            await self._write(server_sent.opening(RETRY, position.offset))
            await self._subscribe(position)
            return
        await self._write(server_sent.opening(RETRY, None))
        if since.epoch != position.epoch or not 0 <= position.offset - since.offset <= CATCH_UP:
            await self._write(_reset(since, position))
            since = position
        while position.offset - since.offset > PAGE and self._why is None:
            by = self._user.principal
            window = await self._engine.timelines.events(
                self._ref, by, since=since.offset, limit=PAGE, reading=self._language
            )
            await self._write(*map(_form, window.publications))
            position = Position(window.offset, window.epoch)
            offset = max((each.offset or 0 for each in window.publications), default=window.offset)
            since = Position(offset, since.epoch)
        await self._subscribe(since)

    async def _subscribe(self, since: Position) -> None:
        """Begin to listen. What came after `since` is the first that leaves."""
        info = ClientInfo(self.client, self._user.id)
        subscribe = Subscribe(self._user.principal, info, self._subscription, since, self._language)
        answer = await self._engine.timelines.subscribe(self._ref, subscribe)
        window = answer.window
        blocks = [*map(_form, window.publications)]
        if not answer.recovered:
            blocks.insert(0, _reset(since, Position(window.offset, window.epoch)))
        if answer.live is not None:
            blocks += [_form(each) for answering in answer.live.answers for each in so_far(window.channel, answering)]
        self._subscription.go_live(b"\n".join(blocks) or None, window.offset)

    async def _follow(self) -> None:
        """Write what comes until it ends; now and then show that the stream is alive, and see whether its reader still may."""
        while True:
            with anyio.move_on_after(min(self._beat_at, self._expires_at) - self._now()):
                await self._ready.wait()
            self._ready.clear()
            if self._now() >= self._expires_at:
                self._end(codes.EXPIRED)
            elif self._now() >= self._beat_at:
                self._beat_at = self._now() + self._settings.ping_interval
                await self._send(server_sent.HEARTBEAT)
                await self._check_account()
            while blocks := self.outbox.take(self._settings.outgoing_frame_bytes):
                await self._write(blocks)
            if self._why is not None:
                return

    async def _check_account(self) -> None:
        try:
            with anyio.move_on_after(_ACCOUNT_CHECK_LIMIT):
                self._user = await self._engine.accounts.still(self._user)
        except Unauthenticated:
            self._end(codes.FORCE_NO_RECONNECT)
        except TryLater as problem:
            log.info("event_stream.account_not_checked", client=self.client, error=str(problem))

    async def _finish(self) -> None:
        assert self._why is not None
        await self._stream.finish(server_sent.end(self._why) + b"\n")

    def _end(self, why: codes.Unsubscribed | codes.Disconnect | codes.ErrorReply) -> None:
        """End it soon: what waits still leaves, within the linger."""
        if self._why is None:
            self._why = why
            self.outbox.close(drop=False)
            self._scope.deadline = anyio.current_time() + self._settings.linger
            self._ready.set()

    async def _write(self, *blocks: bytes) -> None:
        if blocks:
            await self._send(b"\n".join(blocks) + b"\n")

    async def _send(self, data: bytes) -> None:
        """Send this, to a client that reads: one that reads nothing for as long as a WebSocket's may be silent is cut off."""
        with anyio.move_on_after(self._settings.ping_interval + self._settings.pong_timeout) as waiting:
            await self._stream.write(data)
        if waiting.cancelled_caught:
            self.fell_behind()
            await anyio.lowlevel.checkpoint()


def _form(publication: Publication) -> bytes:
    return publication.form(server_sent.publication_event)


def _reset(since: Position, position: Position) -> bytes:
    return server_sent.reset(codes.UNRECOVERABLE_POSITION, since.offset, (position.offset, position.epoch))
