"""People at real servers, over REST and over bare WebSockets: every refusal, close code and delay is theirs to see.

async with aiohttp.ClientSession() as session:
    ada = await Visitor.register(session, server, "ada")
    room = await ada.open_room()
    async with ada.connect() as wire:
        follower = Follower(room)
        await follower.attach(wire)
        await wire.post(room, "hello")
"""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import anyio

from tests.support.server import GatheringServer

_PASSWORD = "correct horse battery"
_LIMIT = 60.0


async def until(condition: Callable[[], bool], *, limit: float = _LIMIT) -> None:
    """Wait for a condition, at most `limit` seconds."""
    with anyio.fail_after(limit):
        while not condition():  # noqa: ASYNC110 - conditions of other processes have no event
            await anyio.sleep(0.01)


class Refusal(Exception):
    """A realtime command was answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['code']} {error['message']}")
        self.code = int(error["code"])
        self.message = str(error["message"])
        self.temporary = bool(error.get("temporary", False))


class Gone(Exception):
    """The connection ended; `code` is that of its close frame, 1006 without one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the connection ended with {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What REST answered, and after how many seconds."""

    status: int
    body: Any
    headers: Mapping[str, str]
    seconds: float

    @property
    def code(self) -> str | None:
        """The problem's code, None for a good answer."""
        return None if self.status < 400 else str(self.body["code"])


class Follower:
    """Someone who follows a room over any number of connections: what they saw, in the order in which it came."""

    def __init__(self, room: str) -> None:
        self.channel = f"room:{room}"
        self.offsets: list[int] = []
        self.texts: list[str] = []
        self.arrivals: dict[str, float] = {}
        self.recoveries: list[bool] = []
        self._position: tuple[str, int] | None = None

    @property
    def began(self) -> bool:
        """Whether it has been subscribed at all: nothing after that is missed."""
        return self._position is not None

    async def attach(self, wire: "Wire") -> None:
        """Subscribe, and recover what was missed since the connection before. `Refusal`, `Gone`."""
        wire.followers[self.channel] = self
        since: dict[str, Any] = {}
        if self._position is not None:
            epoch, offset = self._position
            since = {"recover": True, "epoch": epoch, "offset": offset}
        await wire.ask(subscribe={"channel": self.channel, **since})

    def subscribed(self, result: Mapping[str, Any]) -> None:
        """The answer to the subscription has come."""
        if self._position is None:
            self._position = (result["epoch"], result.get("offset", 0))
        else:
            self.recoveries.append(bool(result.get("recovered")))
            self._position = (result["epoch"], self._position[1])
        for publication in result.get("publications", ()):
            self.take(publication)

    def take(self, publication: Mapping[str, Any]) -> None:
        """An event has come."""
        assert self._position is not None
        offset, data = publication.get("offset"), publication["data"]
        if offset is None:
            return
        self._position = (self._position[0], offset)
        self.offsets.append(offset)
        if data["type"] == "message.posted":
            text = data["message"]["text"]
            self.texts.append(text)
            self.arrivals.setdefault(text, anyio.current_time())

    def check(self) -> None:
        """Fail unless every event came once and in order, with no gap."""
        assert self.offsets == list(range(self.offsets[0], self.offsets[0] + len(self.offsets)))
        assert all(self.recoveries)


class Wire:
    """One connection. While `reads` is not set, the client does not read from its socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.followers: dict[str, Follower] = {}
        self.closed: int | None = None
        self.unsubscribed: list[int] = []
        self.reads = anyio.Event()
        self.reads.set()
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[anyio.Event, list[Any], str]] = {}

    async def ask(self, **command: Any) -> Any:
        """Send a command; returns its result. `Refusal`, `Gone`."""
        number = next(self._numbers)
        if self.closed is not None:
            raise Gone(self.closed)
        arrived, answers = anyio.Event(), list[Any]()
        self._waiting[number] = (arrived, answers, command.get("subscribe", {}).get("channel", ""))
        try:
            await self._socket.send_str(json.dumps({"id": number, **command}))
        except ConnectionError:
            raise Gone(await self.ended()) from None
        with anyio.fail_after(_LIMIT):
            await arrived.wait()
        if not answers:
            raise Gone(await self.ended())
        (reply,) = answers
        if "error" in reply:
            raise Refusal(reply["error"])
        return reply[next(iter(command))]

    async def rpc(self, method: str, **data: Any) -> Any:
        """Call a method."""
        return (await self.ask(rpc={"method": method, "data": data}))["data"]

    async def post(self, room: str, text: str, client_id: str | None = None) -> dict[str, Any]:
        """Post a message and return it."""
        named = {} if client_id is None else {"client_id": client_id}
        return dict((await self.rpc("post", timeline=f"room:{room}", text=text, **named))["message"])

    async def ended(self, *, limit: float = _LIMIT) -> int:
        """Wait for the end of the connection and return its code."""
        await until(lambda: self.closed is not None, limit=limit)
        assert self.closed is not None
        return self.closed

    async def listen(self) -> None:
        """Take in what comes, until the connection ends."""
        while True:
            await self.reads.wait()
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            for line in message.data.split("\n"):
                self._take(json.loads(line))
                if line == "{}":
                    await self._socket.send_str("{}")
        self.closed = self._socket.close_code or 1006
        for arrived, *_ in self._waiting.values():
            arrived.set()

    def _take(self, line: Mapping[str, Any]) -> None:
        if "id" in line:
            arrived, answers, channel = self._waiting.pop(line["id"])
            if "subscribe" in line and channel in self.followers:
                self.followers[channel].subscribed(line["subscribe"])
            answers.append(line)
            arrived.set()
        elif (push := line.get("push")) is not None and push["channel"] in self.followers:
            if "pub" in push:
                self.followers[push["channel"]].take(push["pub"])
            elif "unsubscribe" in push:
                self.unsubscribed.append(push["unsubscribe"]["code"])


class Visitor:
    """Someone with an account, at home at one server and known to every other on its database."""

    def __init__(self, session: aiohttp.ClientSession, home: GatheringServer, token: str) -> None:
        self.session = session
        self.home = home
        self.token = token

    @classmethod
    async def register(cls, session: aiohttp.ClientSession, home: GatheringServer, username: str) -> Self:
        """Open an account and sign in."""
        visitor = cls(session, home, "")
        person = {"email": f"{username}@example.org", "username": username, "password": _PASSWORD}
        assert (await visitor.call("POST", "/auth/register", person)).status == 201
        signed_in = await visitor.call("POST", "/auth/login", {"login": username, "password": _PASSWORD})
        visitor.token = signed_in.body["access_token"]
        return visitor

    async def call(self, method: str, path: str, body: object = None, *, at: GatheringServer | None = None) -> Answer:
        """Ask an endpoint below `/api/v1`."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{(at or self.home).http}/api/v1{path}"
        began = anyio.current_time()
        async with self.session.request(method, url, json=body, headers=headers) as response:
            data = await response.read()
            took = anyio.current_time() - began
            return Answer(response.status, json.loads(data) if data else None, response.headers, took)

    async def open_room(self, *members: "Visitor") -> str:
        """Open a room, which the others join."""
        opened = await self.call("POST", "/rooms", {"name": "Lobby"})
        room = str(opened.body["id"])
        for member in members:
            await member.join(room)
        return room

    async def join(self, room: str) -> None:
        """Become a member."""
        joined = await self.call("POST", f"/rooms/{room}/join")
        assert joined.status < 300, joined.body

    async def post(
        self, room: str, text: str, client_id: str | None = None, *, at: GatheringServer | None = None
    ) -> Answer:
        """Post a message over REST."""
        named = {} if client_id is None else {"client_id": client_id}
        return await self.call("POST", f"/rooms/{room}/messages", {"text": text, **named}, at=at)

    async def log(self, room: str, *, at: GatheringServer | None = None) -> list[dict[str, Any]]:
        """All events of a room; fails unless their offsets are 1, 2, 3, …"""
        events: list[dict[str, Any]] = []
        since: int | None = 0
        while since is not None:
            page = await self.call("GET", f"/rooms/{room}/events?since={since}&limit=100", at=at)
            assert page.status == 200, page.body
            events += page.body["items"]
            since = page.body["next"]
        assert [event["offset"] for event in events] == list(range(1, len(events) + 1))
        return events

    async def texts(self, room: str, *, at: GatheringServer | None = None) -> list[str]:
        """What has been posted in a room, in order."""
        events = await self.log(room, at=at)
        return [event["message"]["text"] for event in events if event["type"] == "message.posted"]

    @asynccontextmanager
    async def connect(self, *, at: GatheringServer | None = None) -> AsyncIterator[Wire]:
        """A connection for a while. `Refusal`, `Gone`; `aiohttp.ClientError` when nobody listens."""
        # Closing does not wait for a server that may be gone, or for what nobody reads.
        timeout = aiohttp.ClientWSTimeout(ws_close=0.1)
        refused: Exception | None = None
        async with self.session.ws_connect((at or self.home).websocket, timeout=timeout, max_msg_size=0) as socket:
            wire = Wire(socket)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wire.listen)
                try:
                    await wire.ask(connect={"token": self.token})
                    yield wire
                except Exception as error:  # noqa: BLE001 - raised again below, outside the task group, which would wrap it
                    refused = error
                tasks.cancel_scope.cancel()
        if refused is not None:
            raise refused
