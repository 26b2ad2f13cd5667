"""WebSockets as carriers: what leaves past aiohttp is what aiohttp's client reads."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from anyio.lowlevel import checkpoint

from gateway.realtime import codes
from gateway.realtime.socket import WebSocketCarrier

pytestmark = pytest.mark.anyio

Serve = Callable[[WebSocketCarrier], Awaitable[None]]


def client_of(serve: Serve) -> TestClient[web.Request, web.Application]:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await serve(WebSocketCarrier(socket, request.transport))
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    return TestClient(TestServer(app))


async def test_frames_of_every_length_arrive_whole_whichever_way_they_leave() -> None:
    sizes = (0, 1, 125, 126, 65_535, 65_536, 300_000)

    async def serve(carrier: WebSocketCarrier) -> None:
        for size in sizes:
            frame = b"x" * size
            while not carrier.send_at_once(lambda frame=frame: frame):  # type: ignore[misc]
                await checkpoint()  # the frame before it has not left yet
            await carrier.send(frame)
        await carrier.close(codes.SHUTDOWN)

    async with client_of(serve) as client, client.ws_connect("/", max_msg_size=0) as socket:
        lengths = [len(message.data) async for message in socket]

    assert lengths == [size for size in sizes for _ in ("at once", "by waiting")]
    assert socket.close_code == codes.SHUTDOWN.code


async def test_nothing_is_taken_for_a_client_that_does_not_read_or_has_been_sent_away() -> None:
    taken: list[bytes] = []

    def take() -> bytes:
        taken.append(b"x" * 1_000_000)
        return taken[-1]

    at_once: list[bool] = []
    full = anyio.Event()

    async def serve(carrier: WebSocketCarrier) -> None:
        while carrier.send_at_once(take):
            pass  # until the kernel has no room for more
        before = len(taken)
        at_once.extend((carrier.send_at_once(take), len(taken) > before))
        full.set()
        await carrier.close(codes.SHUTDOWN)
        at_once.append(carrier.send_at_once(take))

    async with client_of(serve) as client, client.ws_connect("/", max_msg_size=0) as socket:
        with anyio.fail_after(20):
            await full.wait()
        received = [len(message.data) async for message in socket]

    assert at_once == [False, False, False]
    assert received == [len(each) for each in taken]
