"""SIGTERM in the middle of everything."""

import itertools
import time
from collections.abc import Iterator
from contextlib import suppress

import aiohttp
import anyio
import pytest

from tests.support.postgres import PostgresServer
from tests.support.server import GatheringServer
from tests.support.visitors import Follower, Gone, Refusal, Visitor, until

pytestmark = pytest.mark.anyio

LIMIT = 10.0
"""Seconds until the process has ended, by its contract."""


@pytest.fixture
def server(database_url: str) -> Iterator[GatheringServer]:
    with GatheringServer(database_url, commands_per_second=100_000, commands_burst=100_000) as server:
        yield server


async def stop(server: GatheringServer) -> tuple[int, float]:
    """SIGTERM; the exit code, and the seconds until then."""
    began = time.monotonic()
    code = await anyio.to_thread.run_sync(lambda: server.stop(limit=30))
    return code, time.monotonic() - began


class Pressure:
    """Someone who posts over both doors as fast as the server answers, until it is gone."""

    def __init__(self, author: Visitor, room: str) -> None:
        self.acknowledged: dict[str, int] = {}
        self.refusals: set[object] = set()
        self.codes: list[int] = []
        self._author = author
        self._room = room

    async def rest(self, name: str) -> None:
        """Post over REST."""
        for text in _texts(name):
            try:
                answer = await self._author.post(self._room, text, text)
            except aiohttp.ClientError:
                return
            if answer.status != 201:
                self.refusals.add((answer.status, answer.code))
                return
            self.acknowledged[text] = answer.body["offset"]

    async def realtime(self, name: str) -> None:
        """Post over a connection, and see how that ends."""
        async with self._author.connect() as wire:
            try:
                for text in _texts(name):
                    self.acknowledged[text] = (await wire.post(self._room, text, text))["offset"]
            except Refusal as refusal:
                self.refusals.add(refusal.code)
            except Gone:
                pass
            self.codes.append(await wire.ended())


def _texts(name: str) -> Iterator[str]:
    return (f"{name} {number}" for number in itertools.count())


async def watch_readiness(session: aiohttp.ClientSession, server: GatheringServer, statuses: list[int]) -> None:
    """Ask whether the server is ready, until it is gone."""
    with suppress(aiohttp.ClientError):
        while True:
            async with session.get(f"{server.http}/readyz") as response:
                statuses.append(response.status)


async def test_a_server_that_is_told_to_stop_keeps_what_it_acknowledged_and_sends_everyone_away(
    server: GatheringServer, session: aiohttp.ClientSession
) -> None:
    ada, ben = [await Visitor.register(session, server, name) for name in ("ada", "ben")]
    room = await ada.open_room(ben)
    bens, pressure, ready = Follower(room), Pressure(ada, room), list[int]()

    async with ben.connect() as listening:
        await bens.attach(listening)
        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(pressure.rest, f"rest {number}")
                tasks.start_soon(pressure.realtime, f"realtime {number}")
            tasks.start_soon(watch_readiness, session, server, ready)
            await until(lambda: len(pressure.acknowledged) > 200)
            code, took = await stop(server)
        told = await listening.ended()
    await anyio.to_thread.run_sync(server.start)
    events = await ada.log(room)

    assert (code, took < LIMIT) == (0, True)
    assert [told, *pressure.codes] == [3001] * 5
    assert pressure.refusals <= {503, 504, (503, "overloaded"), (503, "storage_unavailable")}
    assert ready == sorted(ready)  # 200s, and after a 503 no 200
    stored = {event["message"]["text"]: event["offset"] for event in events if event["type"] == "message.posted"}
    assert pressure.acknowledged.items() <= stored.items()
    bens.check()
    assert bens.texts == list(stored)[: len(bens.texts)]


async def test_a_server_whose_database_is_frozen_stops_in_time_all_the_same(
    postgres_server: PostgresServer, postgres_url: str, session: aiohttp.ClientSession
) -> None:
    with GatheringServer(postgres_url, storage_timeout=2) as server:
        ada = await Visitor.register(session, server, "ada")
        room = await ada.open_room()
        statuses: list[int] = []

        async def post() -> None:
            try:
                statuses.append((await ada.post(room, "lost")).status)
            except aiohttp.ClientError:
                statuses.append(0)

        async with ada.connect() as wire:
            postgres_server.freeze()
            try:
                async with anyio.create_task_group() as posting:
                    for _ in range(10):
                        posting.start_soon(post)
                    code, took = await stop(server)
            finally:
                postgres_server.resume()
            told = await wire.ended()

    assert (code, took < LIMIT, told) == (0, True, 3001)
    assert set(statuses) <= {0, 503}
