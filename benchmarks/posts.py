"""Posts through the gateway: how many are committed, acknowledged and delivered, and how long they take."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import aiohttp
import anyio
import msgspec
from anyio.abc import TaskGroup

from benchmarks.client import Api, Client
from benchmarks.databases import single_row_commits
from benchmarks.raw_socket import RawSocket
from benchmarks.server import Server, running

WARM_UP = 2.0
"""Seconds before measuring begins."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Who posts how: `rooms` rooms with `members` connected members and one sender each."""

    rooms: int
    members: int
    seconds: float
    window: int
    rate: float


class Meter:
    """Counts and times within the measured part of a run, in seconds."""

    def __init__(self) -> None:
        self.running = False
        self.acknowledged: list[float] = []
        self.delivered: list[float] = []
        self.elapsed = self.cpu = 0.0

    def publication(self, part: bytes, now: float) -> None:
        """A post has arrived at a member; its text says when it was sent."""
        mark = part.find(b'"text":"@')
        if self.running and mark >= 0:
            self.delivered.append(now - float(part[mark + 9 : part.index(b" ", mark)]))


async def measure(url: str, load: Load) -> list[str]:
    """Run the server in a process of its own and the clients in this one; returns the report's lines."""
    commits = await single_row_commits(url, 2.0)
    meter = Meter()
    with running(url) as server:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
            anyio.create_task_group() as reading,
        ):
            rooms = await _furnish(http, server.address, load, meter, reading)
            await _drive(server, rooms, load, meter)
            reading.cancel_scope.cancel()
    return list(_report(load, meter, commits))


class Room(NamedTuple):
    """A room, and the member who posts there."""

    channel: str
    sender: Client


async def _furnish(
    http: aiohttp.ClientSession, address: str, load: Load, meter: Meter, reading: TaskGroup
) -> list[Room]:
    """Register everyone, create the rooms, connect and subscribe the members. Senders are read by tasks of `reading`."""
    api = Api(http, address)
    arriving = anyio.CapacityLimiter(10)  # every sign-in is a commit of its own
    rooms: list[Room] = []

    def on_push(part: bytes) -> None:
        meter.publication(part, time.perf_counter())

    async def arrive(number: int) -> None:
        async with arriving:
            tokens = [await api.newcomer(f"r{number}m{member}") for member in range(load.members)]
            room = await api.call("POST", "/rooms", {"name": f"Room {number}"}, tokens[0])
            channel = f"room:{room['id']}"
            for token in tokens[1:]:
                await api.call("POST", f"/rooms/{room['id']}/join", None, token)
            sender = await Client.connect(http, address, tokens[0], meter.publication)
            reading.start_soon(sender.run)
            await sender.call("subscribe", {"channel": channel})
            for token in tokens[1:]:
                await RawSocket.connect(address, token, [channel], on_push)
            rooms.append(Room(channel, sender))

    async with anyio.create_task_group() as group:
        for number in range(load.rooms):
            group.start_soon(arrive, number)
    return rooms


async def _drive(server: Server, rooms: Sequence[Room], load: Load, meter: Meter) -> None:
    """Let the senders post and the meter run."""
    async with anyio.create_task_group() as sending:
        for room in rooms:
            for _ in range(load.window):
                pause = load.rooms * load.window / load.rate if load.rate else 0.0
                sending.start_soon(send, room.channel, room.sender, meter, pause)
        await anyio.sleep(WARM_UP)
        meter.running, started, cpu = True, time.perf_counter(), server.cpu()
        await anyio.sleep(load.seconds)
        meter.running, meter.elapsed, meter.cpu = False, time.perf_counter() - started, server.cpu() - cpu
        sending.cancel_scope.cancel()


async def send(channel: str, client: Client, meter: Meter, pause: float) -> None:
    """Post, wait for the answer, post again: at once, or every `pause` seconds."""
    due = time.perf_counter() + pause * (hash((channel, id(client))) % 1000) / 1000
    while True:
        if pause:
            await anyio.sleep(max(0.0, due - time.perf_counter()))
            due += pause
        seconds = await post(channel, client)
        if meter.running:
            meter.acknowledged.append(seconds)


async def post(channel: str, client: Client) -> float:
    """Post a text that says when it was sent, and wait for the answer: how many seconds that took."""
    sent = time.perf_counter()
    text = f"@{sent} {'hello there ' * 5}"
    await client.call("rpc", {"method": "post", "data": {"timeline": channel, "text": text}})
    return time.perf_counter() - sent


def _report(load: Load, meter: Meter, commits: float) -> Iterator[str]:
    posts, deliveries = len(meter.acknowledged) / meter.elapsed, len(meter.delivered) / meter.elapsed
    cpu = meter.cpu / max(1, len(meter.acknowledged))
    pace = f"{load.rate:g} posts/s asked for" if load.rate else f"closed loop, {load.window} under way each"
    yield f"{load.rooms} rooms x {load.members} members, {pace}, {meter.elapsed:.1f} s"
    yield f"  posts/s                  {posts:10,.0f}"
    yield f"  deliveries/s             {deliveries:10,.0f}"
    yield f"  server's CPU, us a post  {cpu * 1e6:10,.0f}   of a core: {meter.cpu / meter.elapsed:.0%}"
    yield f"  post to answer, ms       p50 {milliseconds(meter.acknowledged, 50)}  p99 {milliseconds(meter.acknowledged, 99)}"
    yield f"  post to delivery, ms     p50 {milliseconds(meter.delivered, 50)}  p99 {milliseconds(meter.delivered, 99)}"
    yield f"  single-row commits/s     {commits:10,.0f}   posts per single-row commit: {posts / commits:.2f}x"


def milliseconds(times: list[float], percent: int) -> str:
    """A percentile of times in seconds, in milliseconds, for a report."""
    if not times:
        return "   -"
    return f"{percentile(times, percent) * 1000:7.1f}"


def percentile(times: list[float], percent: int) -> float:
    """The one of some times, one at least, that so many in a hundred of them do not reach."""
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]
