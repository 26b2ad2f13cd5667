"""Webhooks of real servers: a receiver that stumbles, and a server that is killed between two deliveries."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import anyio
import anyio.to_thread
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.outside import Outsider
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

HOOKS = {"webhook_allow_private": True, "webhook_retry_delay": 0.1, "webhook_lease": 10, "webhook_timeout": 3}


class Receiver:
    """Answers as `script` says, then with 200. Checks every signature as docs/webhooks.md tells receivers to."""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.secret = ""
        self.attempts: list[str] = []
        self.taken: list[dict[str, Any]] = []
        self.gate: anyio.Event | None = None
        self.came = anyio.Event()
        self.url = ""

    @property
    def texts(self) -> list[str]:
        return [body["event"]["message"]["text"] for body in self.taken]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        name, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signed = hmac.digest(
            b64decode(self.secret.removeprefix("whsec_")), f"{name}.{timestamp}.".encode() + body, sha256
        )
        assert request.headers["webhook-signature"] == f"v1,{b64encode(signed).decode()}"
        self.attempts.append(name)
        step = self.script.pop(0) if self.script else "200"
        try:
            return await self._answer(step, request, json.loads(body))
        finally:
            self.came.set()

    async def _answer(self, step: str, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        match step:
            case "200":
                if self.gate is not None:
                    self.came.set()
                    await self.gate.wait()
                self.taken.append(body)
                return web.Response()
            case "429":
                return web.Response(status=429, headers={"Retry-After": "1"})
            case "302":
                return web.Response(status=302, headers={"Location": "/elsewhere"})
            case "silence":
                await anyio.sleep(30)
                return web.Response()
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "drip":
                response = web.StreamResponse()
                await response.prepare(request)
                self.taken.append(body)
                for _ in range(100):
                    await response.write(b"x")
                    await anyio.sleep(0.1)
                return response
            case _:
                return web.Response(status=int(step))

    async def until_taken(self, count: int, limit: float = 30.0) -> None:
        with anyio.fail_after(limit):
            while len(self.taken) < count:
                self.came = anyio.Event()
                await self.came.wait()


@asynccontextmanager
async def receiving(*script: str) -> AsyncIterator[Receiver]:
    receiver = Receiver(*script)
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


async def hook(ada: Outsider, room: str, receiver: Receiver) -> str:
    """Have the messages of a room sent there."""
    asked = {"url": receiver.url, "events": ["message.posted"]}
    answer = await anyio.to_thread.run_sync(ada.post, f"/rooms/{room}/webhooks", asked)
    assert answer.status == 201, answer.body
    receiver.secret = answer.body["secret"]
    return f"/rooms/{room}/webhooks/{answer.body['webhook']['id']}"


async def say(ada: Outsider, room: str, *texts: str) -> None:
    for text in texts:
        await anyio.to_thread.run_sync(ada.say, room, text)


async def read(ada: Outsider, path: str) -> Any:
    return (await anyio.to_thread.run_sync(ada.get, path)).body


async def test_a_receiver_that_stumbles_gets_everything_once_in_order_and_signed(sqlite_url: str) -> None:
    stumbles = ("500", "429", "302", "silence", "reset")
    with GatheringServer(sqlite_url, **HOOKS, webhook_attempts=6) as server:
        ada = await anyio.to_thread.run_sync(Outsider.register, server, "ada")
        room = await anyio.to_thread.run_sync(ada.room)
        async with receiving(*stumbles[:3], "200", *stumbles[3:], "200", "drip") as receiver:
            path = await hook(ada, room, receiver)
            await say(ada, room, "a", "b", "c", "d")
            await receiver.until_taken(4, limit=90)
            assert receiver.texts == ["a", "b", "c", "d"]
            assert len(set(receiver.attempts)) == 4
            assert len(receiver.attempts) == 4 + len(stumbles)
            with anyio.fail_after(30):
                while len(items := (await read(ada, f"{path}/deliveries"))["items"]) < 4:  # noqa: ASYNC110 - seen over HTTP alone
                    await anyio.sleep(0.1)
            assert [each["attempts"] for each in items] == [1, 1, 3, 4]
            assert {each["state"] for each in items} == {"delivered"}


async def test_gone_switches_the_webhook_off(sqlite_url: str) -> None:
    with GatheringServer(sqlite_url, **HOOKS) as server:
        ada = await anyio.to_thread.run_sync(Outsider.register, server, "ada")
        room = await anyio.to_thread.run_sync(ada.room)
        async with receiving("410") as receiver:
            path = await hook(ada, room, receiver)
            await say(ada, room, "a")
            with anyio.fail_after(30):
                while (webhook := await read(ada, path))["active"]:  # noqa: ASYNC110 - seen over HTTP alone
                    await anyio.sleep(0.05)

            assert webhook["disabled_reason"] == "the receiver answered 410 Gone"


async def test_what_was_committed_is_delivered_after_kill_9_in_the_middle_of_a_delivery(database_url: str) -> None:
    with GatheringServer(database_url, **HOOKS | {"webhook_lease": 1, "webhook_timeout": 30}) as server:
        ada = await anyio.to_thread.run_sync(Outsider.register, server, "ada")
        room = await anyio.to_thread.run_sync(ada.room)
        async with receiving() as receiver:
            await hook(ada, room, receiver)
            receiver.gate = anyio.Event()
            await say(ada, room, "a", "b", "c")
            with anyio.fail_after(30):
                await receiver.came.wait()  # "a" is on its way

            await anyio.to_thread.run_sync(server.kill)
            receiver.gate.set()
            receiver.gate = None
            await anyio.to_thread.run_sync(server.start)
            await say(ada, room, "d")
            with anyio.fail_after(30):
                while "d" not in receiver.texts:
                    receiver.came = anyio.Event()
                    await receiver.came.wait()

            first = list(dict.fromkeys(receiver.texts))
            assert first == ["a", "b", "c", "d"]
            assert len({body["id"] for body in receiver.taken}) == 4


async def test_two_servers_deliver_each_event_once(database_url: str) -> None:
    with GatheringServer(database_url, **HOOKS) as first, GatheringServer(database_url, **HOOKS):
        ada = await anyio.to_thread.run_sync(Outsider.register, first, "ada")
        room = await anyio.to_thread.run_sync(ada.room)
        async with receiving() as receiver:
            await hook(ada, room, receiver)
            await say(ada, room, *"abcdefgh")
            await receiver.until_taken(8)
            await anyio.sleep(6)  # a look of the other server at what is due
            assert receiver.texts == [*"abcdefgh"]
