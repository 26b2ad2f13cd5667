"""Clients that cost little: raw frames of the Centrifuge protocol over aiohttp, without decoding what need not be decoded."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

PASSWORD = "benchmark"


class Api:
    """The REST interface, for setting the scene."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = f"{url}/api/v1"

    async def call(self, method: str, path: str, body: object = None, token: str | None = None) -> Any:
        """The decoded answer; raises on any error."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.request(method, self._url + path, json=body, headers=headers) as response:
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {await response.text()}")
            return await response.json() if response.status != 204 else None

    async def newcomer(self, name: str) -> str:
        """Register someone and sign them in: an access token."""
        await self.call(
            "POST", "/auth/register", {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
        )
        return await self.sign_in(name)

    async def sign_in(self, name: str) -> str:
        """An access token."""
        signed_in = await self.call("POST", "/auth/login", {"login": name, "password": PASSWORD})
        return str(signed_in["access_token"])


class Client:
    """One connection. `on_publication` gets the raw frame part and the time at which it came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, on_publication: Callable[[bytes, float], None]) -> None:
        self._socket = socket
        self._on_publication = on_publication
        self._replies: dict[bytes, asyncio.Future[bytes]] = {}
        self._last_id = 0

    @classmethod
    async def connect(
        cls, http: aiohttp.ClientSession, url: str, token: str, on_publication: Callable[[bytes, float], None]
    ) -> "Client":
        """Open a connection; `run` must be running for calls to be answered."""
        socket = await http.ws_connect(f"{url}/connection/websocket", max_msg_size=0, compress=0)
        client = cls(socket, on_publication)
        await socket.send_bytes(msgspec.json.encode({"id": 0xFFFFFF, "connect": {"token": token}}))
        first = await socket.receive()
        if b'"error"' in _bytes(first):
            raise RuntimeError(first.data)
        return client

    async def call(self, name: str, body: object) -> bytes:
        """Send a command; the raw reply. Raises on an error reply."""
        self._last_id += 1
        key = b"%d" % self._last_id
        future = self._replies[key] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(msgspec.json.encode({"id": self._last_id, name: body}).decode())
        reply: bytes = await future
        if b'"error":' in reply[:40]:
            raise RuntimeError(reply.decode())
        return reply

    async def run(self) -> None:
        """Take what comes until the connection is closed."""
        while True:
            frame = await self._socket.receive()
            if frame.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                return
            now = time.perf_counter()
            for part in _bytes(frame).split(b"\n"):
                if part.startswith(b'{"id":'):
                    reply = self._replies.pop(part[6 : part.index(b",")])
                    if not reply.done():  # otherwise its caller has gone
                        reply.set_result(part)
                elif part.startswith(b'{"push":'):
                    self._on_publication(part, now)
                else:
                    await self._socket.send_str("{}")  # a ping

    async def close(self) -> None:
        """End the connection; `run` must not be running any more."""
        await self._socket.close()


def _bytes(frame: aiohttp.WSMessage) -> bytes:
    return frame.data.encode() if isinstance(frame.data, str) else bytes(frame.data)
