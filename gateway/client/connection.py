"""The official Centrifuge client, its events as plain values.

The client stops for good when one of its handlers raises. So these only hand on what happened; the listener does not raise.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

import centrifuge
from yarl import URL

from gateway.client.remote import SignedOut

_RETRY: Final = (0.1, 3.0)
"""Seconds until the next attempt to connect, the first and the longest."""


class Link(Enum):
    """How it stands with the connection."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECOVERING = "recovering"
    """It was lost and is being made again, or what was missed is on its way."""
    OFFLINE = "offline"
    """The last attempt failed; the next one follows, unless the server has sent us away."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands; subscriptions follow."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone and will be made again by itself."""


@dataclass(frozen=True, slots=True)
class Unsuccessful:
    """An attempt to connect failed; another one follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is over for good. `signed_out` when it is because the sign-in is."""

    reason: str
    signed_out: bool


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A channel is live. `missed` when there are events that will not come: read its history again."""

    channel: str
    missed: bool
    data: Any


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """A channel has ended, from the server's side: not a member, archived."""

    channel: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a channel. `offset` is 0 for an ephemeral event."""

    channel: str
    data: Any
    offset: int


@dataclass(frozen=True, slots=True)
class Presence:
    """A connection of someone's came to a channel or went."""

    channel: str
    client: str
    user: str
    there: bool


Signal = Connected | Lost | Unsuccessful | Ended | Subscribed | Unsubscribed | Event | Presence


class Credentials(Protocol):
    """Whom a connection speaks for, and where."""

    server: URL
    access_token: str

    async def renewed(self, rejected: str) -> str:
        """A token that is newer than `rejected`; `SignedOut` when there cannot be one."""
        ...


class CallFailed(Exception):
    """A call was not answered, or answered with an error. `final` when the same call would fail again; `code` is the problem's."""

    def __init__(self, reason: str, *, final: bool, interrupted: bool = False, code: str = "") -> None:
        super().__init__(reason)
        self.final = final
        self.code = code
        self.interrupted = interrupted
        """Whether the connection ended meanwhile: the call may have been carried out."""


class Connection:
    """A connection that makes itself again, and its subscriptions, each recovering what it missed."""

    def __init__(
        self, credentials: Credentials, listener: Callable[[Signal], None], *, name: str = "gathering-python"
    ) -> None:
        logging.getLogger("centrifuge").addHandler(logging.NullHandler())  # its warnings belong to no screen
        self._credentials = credentials
        self._listener = listener
        self._client = centrifuge.Client(
            str(_websocket(credentials.server)),
            events=_ClientEvents(listener),
            token=credentials.access_token,
            get_token=self._token,
            name=name,
            min_reconnect_delay=_RETRY[0],
            max_reconnect_delay=_RETRY[1],
        )

    @property
    def channels(self) -> set[str]:
        """What is subscribed to, or being so."""
        return set(self._client.subscriptions())

    async def connect(self) -> None:
        """Begin to connect."""
        await self._client.connect()

    async def close(self) -> None:
        """Disconnect."""
        await self._client.disconnect()

    async def subscribe(self, channel: str) -> None:
        """Follow a channel; following it already is fine."""
        if channel in self._client.subscriptions():
            return
        subscription = self._client.new_subscription(channel, events=_SubscriptionEvents(channel, self._listener))
        await subscription.subscribe()

    async def unsubscribe(self, channel: str) -> None:
        """Stop following a channel."""
        subscription = self._client.get_subscription(channel)
        if subscription is not None:
            await subscription.unsubscribe()
            self._client.remove_subscription(subscription)

    async def call(self, method: str, data: dict[str, Any]) -> Any:
        """Call a method of the server. `CallFailed`; waits for a connection at most as long as for an answer (5 seconds)."""
        try:
            return (await self._client.rpc(method, data)).data
        except centrifuge.ReplyError as error:
            raise CallFailed(_words(error.message), final=not error.temporary, code=error.message) from error
        except centrifuge.CentrifugeError as error:
            raise CallFailed("the server did not answer", final=False, interrupted=True) from error

    async def _token(self) -> str:
        """A token in place of the one that has expired, or soon will."""
        try:
            return await self._credentials.renewed(self._credentials.access_token)
        except SignedOut as error:
            raise centrifuge.UnauthorizedError(str(error)) from error


class _ClientEvents(centrifuge.ClientEventHandler):  # type: ignore[misc] # the client has no stubs
    def __init__(self, listener: Callable[[Signal], None]) -> None:
        self._listener = listener

    async def on_connecting(self, ctx: Any) -> None:
        self._listener(Lost())

    async def on_connected(self, ctx: Any) -> None:
        self._listener(Connected())

    async def on_error(self, ctx: Any) -> None:
        self._listener(Unsuccessful(str(ctx.error)))

    async def on_disconnected(self, ctx: Any) -> None:
        signed_out = ctx.code in {1, 101, 3500}  # no new token to be had; the server knows none such
        self._listener(Ended(ctx.reason, signed_out))

    async def on_publication(self, ctx: Any) -> None:
        self._listener(Event(ctx.channel, ctx.pub.data, ctx.pub.offset or 0))


class _SubscriptionEvents(centrifuge.SubscriptionEventHandler):  # type: ignore[misc] # the client has no stubs
    def __init__(self, channel: str, listener: Callable[[Signal], None]) -> None:
        self._channel = channel
        self._listener = listener

    async def on_subscribed(self, ctx: Any) -> None:
        self._listener(Subscribed(self._channel, ctx.was_recovering and not ctx.recovered, ctx.data))

    async def on_unsubscribed(self, ctx: Any) -> None:
        if ctx.code:  # 0: on our own account
            self._listener(Unsubscribed(self._channel, ctx.code, ctx.reason))

    async def on_publication(self, ctx: Any) -> None:
        self._listener(Event(self._channel, ctx.pub.data, ctx.pub.offset or 0))

    async def on_join(self, ctx: Any) -> None:
        self._listener(Presence(self._channel, ctx.info.client, ctx.info.user, there=True))

    async def on_leave(self, ctx: Any) -> None:
        self._listener(Presence(self._channel, ctx.info.client, ctx.info.user, there=False))


def _websocket(server: URL) -> URL:
    return URL(f"{server}/connection/websocket").with_scheme("wss" if server.scheme == "https" else "ws")


def _words(code: str) -> str:
    """A problem's code as words."""
    return code.replace("_", " ")
