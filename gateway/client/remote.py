"""A server as programs use it from outside, over REST: with an API key, or with whatever token they have.

async with Remote(URL("http://127.0.0.1:8080"), key) as remote:
    rooms = await remote.call("GET", "/rooms")
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from engine.settings import SettingsError

_TIMEOUT: Final = 15.0


class Refused(Exception):
    """The server said no, in its words; `code` is the problem's."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class SignedOut(Refused):
    """The sign-in is over: the tokens cannot be renewed any more."""


class Unreachable(Exception):
    """The server does not answer, or what answers is not one of ours."""


class Remote:
    """One server. `token` is sent unless a call brings its own. Calls raise `Refused` or `Unreachable`; cancelling is safe everywhere."""

    def __init__(self, server: URL, token: str = "") -> None:
        self.server = server
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Any:
        """Ask an endpoint below `/api/v1`; its answer, decoded."""
        assert self._session is not None
        token = self._token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = URL(f"{self.server}/api/v1{path}", encoded=True)
        try:
            async with self._session.request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as response:
                data = await response.read()
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            reason = " ".join(str(error).split()) or "no answer in time"
            raise Unreachable(f"{self.server} does not answer: {reason}") from error
        decoded = _decoded(data)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return decoded
        raise _refusal(status, decoded)


def address(server: str) -> URL:
    """A server's address as it was typed; `SettingsError` when it is none."""
    try:
        url = URL(server)
    except ValueError as error:
        raise SettingsError(f"--server {server[:200]!r} is not an address: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise SettingsError(f"--server {server[:200]!r} is not an address: write http://host:port or https://host")
    return URL(str(url.with_query(None).with_fragment(None)).rstrip("/"))


def query(parameters: Mapping[str, str]) -> str:
    """Parameters as the part of an address after the question mark."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())


def timeline_path(channel: str) -> str:
    """The path of a timeline (`room:<id>`, `conversation:<id>`); ValueError for anything else."""
    kind, _, timeline_id = channel.partition(":")
    if kind not in {"room", "conversation"} or not timeline_id:
        msg = f"a timeline is named room:<id> or conversation:<id>, not {channel[:64]!r}"
        raise ValueError(msg)
    return f"/{kind}s/{quote(timeline_id, safe='')}"


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data) if data else None
    except (ValueError, RecursionError):
        return None


def _refusal(status: int, body: Any) -> Refused:
    if not isinstance(body, dict):
        return Refused(status, "", f"the server answered {status}")
    detail = str(body.get("detail") or body.get("title") or f"the server answered {status}")
    errors = body.get("errors")
    if isinstance(errors, list):
        named = [f"{each.get('path')} {each.get('message')}" for each in errors if isinstance(each, dict)]
        detail = "; ".join(named) or detail
    return Refused(status, str(body.get("code") or ""), " ".join(detail.split()))
