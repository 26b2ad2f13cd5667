"""Requests to receivers: the one place that imports httpx for webhooks. On asyncio and trio.

httpx's transport is used without its client: no redirects are followed, no proxies of the environment, cookies or netrc apply.
A connection serves one request. So a receiver that closes idle connections never looks like one that fails, and what one receiver's
certificate has proved is never used for another.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol

import anyio
import anyio.to_thread
import httpx
import msgspec

from engine.retry_after import parse_retry_after
from engine.webhooks.addresses import is_public

Address = IPv4Address | IPv6Address

ADDRESSES: Final = 3
"""How many addresses of a host are tried."""
LOOKUPS: Final = 16
"""How many host names are looked up at the same time."""
_ASKS_FOR_TIME: Final = frozenset({429, 503})
_USER_AGENT: Final = "Gathering-Webhooks/1"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt. `error` is a few words, None for success; `duration` and `retry_after` are in seconds."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    duration: float = 0.0


class Sender(Protocol):
    """Makes single requests. Simulations have one of their own."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Make one attempt. Never raises for what a receiver does; cancelling it closes the connection."""
        ...


class HttpSender:
    """Sends over HTTP/1.1. An attempt takes at most `timeout` seconds, looking up the host included.

    Unless `allow_private`, a host is reached at a public address or not at all. Its name is looked up here, and the connection goes to
    the very address that was checked: a name that means something else a moment later (DNS rebinding) changes nothing.
    """

    def __init__(
        self,
        *,
        timeout: float,
        allow_private: bool,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._timeout = timeout
        self._allow_private = allow_private
        self._now = now
        self._monotonic = monotonic
        self._tls: ssl.SSLContext | None = None
        # Threads of their own: names that nobody answers for must not use up those of the database's lookups.
        self._lookups = anyio.CapacityLimiter(LOOKUPS)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """See `Sender.post`."""
        began = self._monotonic()
        try:
            with anyio.fail_after(self._timeout):
                outcome = await self._attempt(url, headers, body)
        except TimeoutError:
            outcome = Outcome(error=f"no answer within {self._timeout:g} s")
        except _NotReached as error:
            outcome = Outcome(error=str(error))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome = Outcome(error=_said(error))
        return msgspec.structs.replace(outcome, duration=self._monotonic() - began)

    async def _attempt(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        target = httpx.URL(url)
        addresses = await self._addresses(target)
        for address in addresses[:-1]:
            try:
                return await self._send(target, address, headers, body)
            except httpx.ConnectError:
                continue  # the next one may be reachable: hosts without IPv6 are given IPv6 addresses, too
        return await self._send(target, addresses[-1], headers, body)

    async def _addresses(self, target: httpx.URL) -> list[Address]:
        """Where the host may be reached, at least one address."""
        try:
            found = await anyio.to_thread.run_sync(
                partial(socket.getaddrinfo, target.raw_host.decode(), target.port, type=socket.SOCK_STREAM),
                abandon_on_cancel=True,
                limiter=self._lookups,
            )
        except (OSError, UnicodeError):
            raise _NotReached("the host name is not known") from None
        addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
        allowed = [each for each in addresses if self._allow_private or is_public(each)]
        if not allowed:
            raise _NotReached("the host has no address that may be reached from here")
        return allowed[:ADDRESSES]

    async def _send(self, target: httpx.URL, address: Address, headers: Mapping[str, str], body: bytes) -> Outcome:
        sent = {"content-type": "application/json", "user-agent": _USER_AGENT, **headers, "connection": "close"}
        request = httpx.Request("POST", target, headers=sent, content=body)  # its Host header is the name's
        request.url = target.copy_with(host=str(address))
        if target.scheme == "https":
            request.extensions["sni_hostname"] = target.raw_host.decode()  # the certificate must be the name's, too
        async with httpx.AsyncHTTPTransport(verify=self._verify(), trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            with anyio.CancelScope(shield=True):
                await response.aclose()  # the status alone decides; whatever else the receiver says is not waited for
        return self._judge(response)

    def _judge(self, response: httpx.Response) -> Outcome:
        status = response.status_code
        if response.is_success:
            return Outcome(status=status)
        retry_after = None
        if status in _ASKS_FOR_TIME:
            retry_after = parse_retry_after(response.headers.get("retry-after"), self._now)
        if response.is_redirect:
            return Outcome(status=status, error=f"answered {status}; redirects are not followed")
        return Outcome(status=status, error=f"answered {status}", retry_after=retry_after)

    def _verify(self) -> ssl.SSLContext:
        """Made at the first use, and once: loading the certificates takes 20 ms."""
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _NotReached(Exception):
    """There is nobody to connect to."""


def _said(error: Exception) -> str:
    """What went wrong, without what the receiver or the system has said of it."""
    match error:
        case httpx.ConnectError() if _by_tls(error):
            return "the connection failed: TLS, or the certificate"
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return "the connection was refused or failed"
        case httpx.RemoteProtocolError():
            return "the receiver broke off, or did not speak HTTP"
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return "the connection broke"
        case _:
            return "the request could not be made"


def _by_tls(error: BaseException | None) -> bool:
    """Whether an error of TLS is behind this one."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
