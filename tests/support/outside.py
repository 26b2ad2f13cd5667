"""A client that knows the contract and nothing else: plain HTTP, bare WebSockets, the command line.

ada = Outsider.register(server, "ada")
room = ada.post("/rooms", {"name": "Tea"}).body
async with frames(server, ada.token) as wire:
    await wire.send({"id": 2, "subscribe": {"channel": f"room:{room['id']}"}})
"""

import http.client
import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import anyio

from tests.support.processes import start
from tests.support.server import GatheringServer

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


def unused(name: str) -> str:
    """A name that nobody in this run has."""
    return f"{name}-{next(_numbers)}"


def command(*arguments: str, said: str = "", **settings: object) -> subprocess.CompletedProcess[str]:
    """Run `gathering` with these settings in its environment, `said` on its standard input."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATHERING_")}
    environment |= {f"GATHERING_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryDirectory(prefix="gathering-command-") as directory:
        given, output, errors = (Path(directory) / name for name in ("said", "output", "errors"))
        given.write_text(said)
        process = start(arguments, environment, output=output, errors=errors, said=given)
        process.join(90)
        assert process.exitcode is not None, f"{arguments} goes on and on"
        return subprocess.CompletedProcess(arguments, process.exitcode, output.read_text(), errors.read_text())


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is None when there was none, and text when it was not JSON."""

    status: int
    body: Any
    headers: http.client.HTTPMessage

    @property
    def problem(self) -> tuple[int, str]:
        """Status and code of a problem document; fails when it is not one, or an incomplete one."""
        assert self.headers["Content-Type"] == "application/problem+json", (self.status, self.body)
        assert self.body["type"] == f"urn:gathering:problem:{self.body['code']}"
        assert self.body["status"] == self.status
        assert all(isinstance(self.body[name], str) for name in ("title", "detail", "request_id"))
        if self.status == 422:
            assert self.body["errors"]
            assert all(error.keys() == {"path", "message"} for error in self.body["errors"])
        return self.status, self.body["code"]


class Outsider:
    """Somebody at a server, signed in or not."""

    def __init__(self, server: GatheringServer, token: str = "", user: dict[str, Any] | None = None) -> None:
        self.server = server
        self.token = token
        self.user = user or {}

    @classmethod
    def register(cls, server: GatheringServer, name: str = "someone") -> Self:
        """Somebody with a fresh account, signed in."""
        nobody, username = cls(server), unused(name)
        person = {"email": f"{username}@example.org", "username": username, "password": PASSWORD}
        registered = nobody.post("/auth/register", person)
        assert registered.status == 201, registered.body
        return cls.sign_in(server, username)

    @classmethod
    def sign_in(cls, server: GatheringServer, login: str) -> Self:
        """Somebody with an account, on one more device."""
        answer = cls(server).post("/auth/login", {"login": login, "password": PASSWORD})
        assert answer.status == 200, answer.body
        return cls(server, answer.body["access_token"], answer.body["user"])

    @property
    def id(self) -> str:
        """Their participant id."""
        return str(self.user["id"])

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask `/api/v1` + path. `raw` is sent as it is; `headers` come last and replace."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            raw = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, f"/api/v1{path}", raw, sent | dict(headers or {}))
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() in {"application/json", "application/problem+json"}
        return Answer(
            response.status, json.loads(data) if data and is_json else data.decode() or None, response.headers
        )

    def upload(self, path: str, name: str, data: bytes) -> Answer:
        """POST a file."""
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        return self.call("POST", path, raw=head.encode() + data + b"\r\n--x--\r\n", headers=form)

    def get(self, path: str) -> Answer:
        """GET."""
        return self.call("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        """POST."""
        return self.call("POST", path, body)

    def put(self, path: str, body: object = None) -> Answer:
        """PUT."""
        return self.call("PUT", path, body)

    def patch(self, path: str, body: object) -> Answer:
        """PATCH."""
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.call("DELETE", path)

    def room(self, *members: "Outsider", **fields: object) -> str:
        """Open a room, which the others join; returns its id."""
        opened = self.post("/rooms", {"name": unused("Tea"), **fields})
        assert opened.status == 201, opened.body
        for member in members:
            assert member.post(f"/rooms/{opened.body['id']}/join").status == 200
        return str(opened.body["id"])

    def say(self, room: str, text: str = "Hello", **fields: object) -> dict[str, Any]:
        """Post a message and return it."""
        posted = self.post(f"/rooms/{room}/messages", {"text": text, **fields})
        assert posted.status in {200, 201}, posted.body
        return dict(posted.body)


class Wire:
    """One WebSocket, frame by frame. Pings are answered while it is read from, unless `pongs` is false."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.pongs = True
        self._socket = socket
        self._numbers = itertools.count(1)
        self._unread: list[dict[str, Any]] = []
        self.pushes: list[dict[str, Any]] = []
        """What came while `ask` waited for its reply."""

    async def send(self, *commands: object) -> None:
        """Send commands in one frame; a string is sent as it is."""
        lines = (each if isinstance(each, str) else json.dumps(each) for each in commands)
        await self._socket.send_str("\n".join(lines))

    async def next(self, *, limit: float = 30.0) -> dict[str, Any]:
        """The next thing that the server says, except pings; its goodbye is `{"closed": code}`."""
        with anyio.fail_after(limit):
            while True:
                if not self._unread:
                    message = await self._socket.receive()
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        return {"closed": self._socket.close_code}
                    self._unread = [json.loads(line) for line in message.data.split("\n") if line]
                said = self._unread.pop(0)
                if said:
                    return said
                if self.pongs:
                    await self.send({})

    async def ask(self, **asked: Any) -> dict[str, Any]:
        """Send one command; returns the whole reply, or the goodbye."""
        number = next(self._numbers)
        await self.send({"id": number, **asked})
        while True:
            said = await self.next()
            if said.get("id") == number or "closed" in said:
                return said
            self.pushes.append(said)

    async def rpc(self, method: str, **data: object) -> dict[str, Any]:
        """Call a method; returns its data, or the error."""
        reply = await self.ask(rpc={"method": method, "data": data})
        return dict(reply.get("error") or reply["rpc"]["data"])

    async def error(self, **asked: Any) -> tuple[int, str]:
        """Send one command; returns code and message of the error that it gets."""
        reply = await self.ask(**asked)
        return reply["error"]["code"], reply["error"]["message"]

    async def event(self, kind: str) -> dict[str, Any]:
        """The next push of an event of this type."""
        while True:
            said = self.pushes.pop(0) if self.pushes else await self.next()
            assert "closed" not in said
            publication = said.get("push", {}).get("pub", {"data": {}})
            if publication["data"].get("type") == kind:
                return dict(said["push"])


@asynccontextmanager
async def frames(
    server: GatheringServer, token: str | None = None, *, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Wire]:
    """A WebSocket for a while, connected when there is a token."""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(server.websocket, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=0.5)) as socket,
    ):
        wire = Wire(socket)
        if token is not None:
            reply = await wire.ask(connect={"token": token, "name": "outside"})
            assert "connect" in reply, reply
        yield wire
