"""People who use the REST interface, for tests: each answer is also held against what the endpoint declares."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web_runner import BaseRunner
from multidict import CIMultiDictProxy

from gateway.app import ENDPOINTS

Client: TypeAlias = TestClient[web.Request, web.Application]


class LikeServed(TestServer):
    """A server whose handlers go on when their client hangs up, as those of `gathering serve` do: aiohttp's own cancels them."""

    async def _make_runner(self, **options: Any) -> BaseRunner:
        return web.AppRunner(self.app, **{**options, "handler_cancellation": False})


PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is the decoded JSON, None when there is none."""

    status: int
    body: Any
    headers: CIMultiDictProxy[str]

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.body["code"])

    @property
    def paths(self) -> list[str]:
        """The fields that the problem names."""
        return [error["path"] for error in self.body["errors"]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who may have a token."""

    client: Client
    token: str | None = None

    async def call(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask, and fail when the endpoint does not declare the status that came back."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        async with self.client.request(method, f"/api/v1{path}", json=body, headers=sent) as response:
            data = await response.json(content_type=None) if await response.read() else None
            declared = _declared(method, f"/api/v1{path}".partition("?")[0])
            assert not declared or response.status in declared, f"{method} {path} does not declare {response.status}"
            return Answer(response.status, data, response.headers)

    async def get(self, path: str) -> Answer:
        """See `call`."""
        return await self.call("GET", path)

    async def post(self, path: str, body: object = None) -> Answer:
        """See `call`."""
        return await self.call("POST", path, body)

    async def put(self, path: str, body: object = None) -> Answer:
        """See `call`."""
        return await self.call("PUT", path, body)

    async def patch(self, path: str, body: object = None) -> Answer:
        """See `call`."""
        return await self.call("PATCH", path, body)

    async def delete(self, path: str) -> Answer:
        """See `call`."""
        return await self.call("DELETE", path)


@dataclass(frozen=True, slots=True)
class Person(Caller):
    """Someone with an account, signed in."""

    id: str = ""
    username: str = ""
    refresh_token: str = ""

    async def room(self, name: str = "Lobby", **settings: object) -> str:
        """Open a room and answer its id."""
        answer = await self.post("/rooms", {"name": name, **settings})
        assert answer.status == 201, answer.body
        return str(answer.body["id"])

    async def say(self, room_id: str, text: str, **fields: object) -> dict[str, Any]:
        """Post a message and answer it."""
        answer = await self.post(f"/rooms/{room_id}/messages", {"text": text, **fields})
        assert answer.status == 201, answer.body
        return dict(answer.body)


async def sign_up(client: Client, username: str) -> Person:
    """Register and sign in."""
    anyone = Caller(client)
    registration = {"email": f"{username}@example.org", "username": username, "password": PASSWORD}
    registered = await anyone.post("/auth/register", registration)
    assert registered.status == 201, registered.body
    return await sign_in(client, username)


async def sign_in(client: Client, login: str) -> Person:
    """Sign in with the password that everyone has here."""
    answer = await Caller(client).post("/auth/login", {"login": login, "password": PASSWORD})
    assert answer.status == 200, answer.body
    user, tokens = answer.body["user"], answer.body
    return Person(client, tokens["access_token"], user["id"], user["username"], tokens["refresh_token"])


def _declared(method: str, path: str) -> set[int]:
    for endpoint in ENDPOINTS:
        if endpoint.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", endpoint.path), path):
            return {*endpoint.statuses, *(status for statuses in endpoint.codes.values() for status in statuses)}
    return set()
