"""A large room at its liveliest: what presence and typing cost each member, and what they do to posts meanwhile."""

import time
from collections.abc import Iterator
from contextlib import suppress

import aiohttp
import anyio
import msgspec
from anyio.abc import TaskGroup

from benchmarks.client import Api, Client
from benchmarks.server import UNTHROTTLED, served

ARRIVING = 10
"""Clients that connect at the same time."""
RENEWAL = 3.0
"""Seconds after which someone who types says so again."""
SETTLING = 9.0
"""Seconds until typing has expired, the grace of those who left is over, and the summary of it is out."""
POST_PAUSE = 0.1
"""Seconds between two posts."""


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """A room with `members` connected; `typing` of them type at once for `seconds`; `returning` go and come back."""

    members: int
    typing: int
    seconds: float
    returning: int


class Part(msgspec.Struct):
    """What the room's members got during one part of the run, and how many pushes telling each of each would have been."""

    name: str
    naive: int
    frames: int = 0
    bytes: int = 0
    posts: list[float] = msgspec.field(default_factory=list)


class Meter:
    """Counts the pushes of the part under way. `presence`, `typing`, join and leave only: posts are counted by themselves."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def begin(self, name: str, naive: int) -> None:
        """The next part of the run."""
        self.parts.append(Part(name, naive))

    def publication(self, push: bytes, now: float) -> None:
        """A push has come to a member."""
        del now
        if b'"type":"presence"' in push or b'"type":"typing"' in push or b'"join":' in push or b'"leave":' in push:
            self.parts[-1].frames += 1
            self.parts[-1].bytes += len(push)


async def measure(url: str, crowd: Crowd) -> list[str]:
    """Run the server in a process of its own and the members in this one; returns the report's lines."""
    meter = Meter()
    settings = {**UNTHROTTLED, "GATHERING_PRESENCE_GRACE": "1", "GATHERING_STORAGE_TIMEOUT": "20"}
    with served(url, settings) as address:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
            anyio.create_task_group() as reading,
        ):
            await Room(Api(http, address), http, address, meter, reading).live(crowd)
            reading.cancel_scope.cancel()
    return list(_report(crowd, meter))


class Room:
    """The room and who is in it. Its owner posts all the time."""

    def __init__(self, api: Api, http: aiohttp.ClientSession, address: str, meter: Meter, reading: TaskGroup) -> None:
        self._api = api
        self._http = http
        self._address = address
        self._meter = meter
        self._reading = reading
        self._clients: dict[int, tuple[Client, anyio.CancelScope]] = {}
        self._channel = ""

    async def live(self, crowd: Crowd) -> None:
        """Everything that is measured, one part after the other."""
        members, meter = crowd.members, self._meter
        tokens = await self._furnish(members)
        async with anyio.create_task_group() as posting:
            # Each who comes is told to everyone before: twice, as present and as subscribed.
            meter.begin(f"{members:,} connect and subscribe", members * (members - 1))
            await self._arrive(tokens, range(members))
            await anyio.sleep(SETTLING)

            posting.start_soon(self._post)
            said = crowd.typing * (int(crowd.seconds / RENEWAL) + 1)
            meter.begin(f"{crowd.typing} type for {crowd.seconds:g} s", (said + crowd.typing) * members)
            await self._type(crowd)
            await anyio.sleep(SETTLING)

            going = range(members - crowd.returning, members)
            meter.begin(f"{crowd.returning} disconnect", 2 * crowd.returning * (members - crowd.returning))
            for number in going:
                await self._leave(number)
            await anyio.sleep(SETTLING)
            meter.begin(f"{crowd.returning} come back", 2 * crowd.returning * members)
            await self._arrive(tokens, going)
            await anyio.sleep(SETTLING)

            meter.begin("nothing happens", 0)
            await anyio.sleep(SETTLING)
            posting.cancel_scope.cancel()

    async def _furnish(self, members: int) -> list[str]:
        """Register everyone and have them join; their access tokens."""
        tokens = [""] * members
        limit = anyio.CapacityLimiter(ARRIVING)

        async def join(number: int, room_id: str) -> None:
            async with limit:
                tokens[number] = await self._api.newcomer(f"m{number}")
                await self._api.call("POST", f"/rooms/{room_id}/join", None, tokens[number])

        owner = await self._api.newcomer("owner")
        room = await self._api.call("POST", "/rooms", {"name": "Crowd"}, owner)
        self._channel = f"room:{room['id']}"
        async with anyio.create_task_group() as group:
            for number in range(members):
                group.start_soon(join, number, room["id"])
        return tokens

    async def _arrive(self, tokens: list[str], who: range) -> None:
        limit = anyio.CapacityLimiter(ARRIVING)

        async def arrive(number: int) -> None:
            async with limit:
                client = await Client.connect(self._http, self._address, tokens[number], self._meter.publication)
                scope = anyio.CancelScope()
                self._clients[number] = (client, scope)
                self._reading.start_soon(self._read, client, scope)
                await client.call("subscribe", {"channel": self._channel})

        async with anyio.create_task_group() as group:
            for number in who:
                group.start_soon(arrive, number)

    @staticmethod
    async def _read(client: Client, scope: anyio.CancelScope) -> None:
        with scope, suppress(ConnectionError):
            await client.run()

    async def _leave(self, number: int) -> None:
        client, scope = self._clients.pop(number)
        scope.cancel()
        await client.close()

    async def _type(self, crowd: Crowd) -> None:
        async def one(client: Client) -> None:
            with anyio.move_on_after(crowd.seconds):
                while True:
                    await client.call("rpc", {"method": "typing", "data": {"timeline": self._channel}})
                    await anyio.sleep(RENEWAL)

        async with anyio.create_task_group() as group:
            for number in range(1, crowd.typing + 1):
                group.start_soon(one, self._clients[number][0])

    async def _post(self) -> None:
        client = self._clients[0][0]
        while True:
            sent = time.perf_counter()
            await client.call("rpc", {"method": "post", "data": {"timeline": self._channel, "text": "hello there"}})
            self._meter.parts[-1].posts.append(time.perf_counter() - sent)
            await anyio.sleep(POST_PAUSE)


def _report(crowd: Crowd, meter: Meter) -> Iterator[str]:
    yield f"one room, {crowd.members:,} members, all connected and subscribed; presence and typing only:"
    yield f"  {'':32}{'pushes':>10}{'one by one':>12}{'less by':>9}{'each gets':>11}{'bytes each':>12}{'post p99 ms':>13}"
    for part in meter.parts:
        ratio = f"{part.naive / part.frames:,.0f}x" if part.frames and part.naive else "-"
        p99 = f"{sorted(part.posts)[len(part.posts) * 99 // 100] * 1000:.1f}" if part.posts else "-"
        yield (
            f"  {part.name:32}{part.frames:10,}{part.naive:12,}{ratio:>9}"
            f"{part.frames / crowd.members:11.1f}{part.bytes / crowd.members:12,.0f}{p99:>13}"
        )
