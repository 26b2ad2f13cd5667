"""The official Centrifuge clients behind one interface: what happens to them is kept as a list of events."""

import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import anyio
import centrifuge
from anyio.streams.text import TextReceiveStream

CLIENTS = Path(__file__).parent.parent / "clients"
_NODE = Path(sys.executable).with_name("node")


class Refusal(Exception):
    """A call was answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class Official(Protocol):
    """A client that is connected and subscribed to one channel, or trying to be."""

    events: list[dict[str, Any]]
    """Each has `event` (connected, subscribed, publication, …) and what belongs to it."""

    async def rpc(self, method: str, data: dict[str, Any]) -> Any:
        """Call a method of the server. `Refusal` when it refuses, or the connection is lost."""
        ...

    async def call(self, name: str, **options: Any) -> Any:
        """Call `publish`, `history`, `presence` or `presence_stats` of the subscription."""
        ...


async def happened(
    client: Official, condition: Callable[[dict[str, Any]], bool], *, limit: float = 60.0
) -> dict[str, Any]:
    """Wait for an event; those that have happened already count."""
    with anyio.fail_after(limit):
        seen = 0
        while True:
            for event in itertools.islice(client.events, seen, None):
                if condition(event):
                    return event
            seen = len(client.events)
            await anyio.sleep(0.01)


class PythonClient:
    """`centrifuge-python`."""

    def __init__(self, url: str, token: str, channel: str, data: object = None) -> None:
        self.events: list[dict[str, Any]] = []
        self._client = centrifuge.Client(
            url, events=_ClientEvents(self), token=token, proxy=None, min_reconnect_delay=0.05, max_reconnect_delay=0.5
        )
        self._subscription = self._client.new_subscription(
            channel, events=_SubscriptionEvents(self), data=data, min_resubscribe_delay=0.05, max_resubscribe_delay=0.5
        )

    async def rpc(self, method: str, data: dict[str, Any]) -> Any:
        """See `Official.rpc`."""
        try:
            return (await self._client.rpc(method, data)).data
        except centrifuge.ReplyError as error:
            raise Refusal(error.code, str(error)) from error
        except centrifuge.CentrifugeError as error:
            raise Refusal(0, str(error)) from error

    async def call(self, name: str, **options: Any) -> Any:
        """See `Official.call`."""
        return await getattr(self._subscription, name)(**options)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str, channel: str, data: object = None) -> AsyncIterator["PythonClient"]:
        """A client for a while. `data` goes along with its subscription."""
        client = cls(url, token, channel, data)
        await client._client.connect()
        await client._subscription.subscribe()
        try:
            yield client
        finally:
            await client._client.disconnect()
            with anyio.fail_after(20):
                # It closes its socket in one of these, and offers nothing to wait for.
                while client._client._background_tasks:  # noqa: ASYNC110
                    await anyio.sleep(0.01)


class _ClientEvents(centrifuge.ClientEventHandler):  # type: ignore[misc] # the client has no stubs
    def __init__(self, client: PythonClient) -> None:
        self._events = client.events

    async def on_connected(self, ctx: Any) -> None:
        self._events.append({"event": "connected", "client": ctx.client})

    async def on_disconnected(self, ctx: Any) -> None:
        self._events.append({"event": "disconnected", "code": ctx.code})

    async def on_subscribed(self, ctx: Any) -> None:
        self._events.append({"event": "server_subscribed", "channel": ctx.channel})


class _SubscriptionEvents(centrifuge.SubscriptionEventHandler):  # type: ignore[misc] # the client has no stubs
    def __init__(self, client: PythonClient) -> None:
        self._events = client.events

    async def on_subscribed(self, ctx: Any) -> None:
        position = ctx.stream_position.offset
        self._events.append(
            {
                "event": "subscribed",
                "was_recovering": ctx.was_recovering,
                "recovered": ctx.recovered,
                "offset": position,
                "data": ctx.data,
            }
        )

    async def on_unsubscribed(self, ctx: Any) -> None:
        self._events.append({"event": "unsubscribed", "code": ctx.code})

    async def on_publication(self, ctx: Any) -> None:
        self._events.append({"event": "publication", "offset": ctx.pub.offset, "data": ctx.pub.data})

    async def on_join(self, ctx: Any) -> None:
        self._events.append({"event": "join", "user": ctx.info.user})


class JavaScriptClient:
    """`centrifuge` from npm under node, driven by tests/clients/driver.mjs.

    It may be given a list of transports in place of an address, each `{transport, endpoint}`, which it tries one after the other.
    """

    def __init__(self, process: anyio.abc.Process) -> None:
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._arrived: dict[int, anyio.Event] = {}

    async def rpc(self, method: str, data: dict[str, Any]) -> Any:
        """See `Official.rpc`."""
        return await self._ask({"method": method, "data": data})

    async def call(self, name: str, **options: Any) -> Any:
        """See `Official.call`."""
        return await self._ask({"call": name, "options": options})

    async def _ask(self, request: dict[str, Any]) -> Any:
        number = next(self._numbers)
        arrived = self._arrived[number] = anyio.Event()
        assert self._process.stdin is not None
        await self._process.stdin.send(json.dumps({"number": number, **request}).encode() + b"\n")
        with anyio.fail_after(60):
            await arrived.wait()
        answer = self._answers.pop(number)
        if "error" in answer:
            raise Refusal(answer["error"]["code"], answer["error"]["message"])
        return answer.get("result")

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        rest = ""
        async for chunk in TextReceiveStream(self._process.stdout):
            *lines, rest = (rest + chunk).split("\n")
            for event in map(json.loads, lines):
                if event["event"] == "answer":
                    self._answers[event["number"]] = event
                    self._arrived.pop(event["number"]).set()
                else:
                    self.events.append(event)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str | list[dict[str, str]], token: str, channel: str, *, emulation: str = ""
    ) -> AsyncIterator["JavaScriptClient"]:
        """A client for a while."""
        endpoint = url if isinstance(url, str) else json.dumps(url)
        command = [str(_NODE), str(CLIENTS / "driver.mjs"), endpoint, token, channel, emulation]
        async with await anyio.open_process(command, stderr=None) as process, anyio.create_task_group() as tasks:
            client = cls(process)
            tasks.start_soon(client._listen)
            try:
                yield client
            finally:
                process.kill()
                tasks.cancel_scope.cancel()
