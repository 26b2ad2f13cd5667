"""Single attempts against receivers on this machine, which speak HTTP well and badly."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream, TaskStatus

from engine.webhooks.sender import HttpSender, Outcome

pytestmark = pytest.mark.anyio

NOW = datetime(2030, 1, 1, tzinfo=UTC)
Behaviour = Callable[[SocketStream], Awaitable[None]]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Real time: these are real sockets."""
    return str(request.param)


class Receiver:
    """Accepts connections, keeps what they ask, and behaves."""

    def __init__(self, behave: Behaviour, port: int) -> None:
        self.requests: list[bytes] = []
        self.port = port
        self._behave = behave

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=1"

    async def handle(self, stream: SocketStream) -> None:
        async with stream:
            request = b""
            with anyio.CancelScope():
                while b"\r\n\r\n{}" not in request:
                    request += await stream.receive()
                self.requests.append(request)
                try:
                    await self._behave(stream)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return


@asynccontextmanager
async def receiving(behave: Behaviour) -> AsyncIterator[Receiver]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    receiver = Receiver(behave, listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610 - not Django

    async def serve(*, task_status: TaskStatus[None]) -> None:
        async with listener:
            task_status.started()
            await listener.serve(receiver.handle)

    async with anyio.create_task_group() as tasks:
        await tasks.start(serve)
        yield receiver
        tasks.cancel_scope.cancel()


def says(head: str, body: bytes = b"") -> Behaviour:
    async def behave(stream: SocketStream) -> None:
        await stream.send(head.replace("\n", "\r\n").encode() + body)

    return behave


def a_sender(*, timeout: float = 5.0, allow_private: bool = True) -> HttpSender:
    return HttpSender(timeout=timeout, allow_private=allow_private, now=lambda: NOW, monotonic=anyio.current_time)


async def attempt(receiver: Receiver, **options: Any) -> Outcome:
    return await a_sender(**options).post(receiver.url, {"webhook-id": "msg_1"}, b"{}")


async def test_a_request_is_a_post_with_the_headers_the_body_and_the_name_of_the_host():
    async with receiving(says("HTTP/1.1 204 No Content\n\n")) as receiver:
        outcome = await attempt(receiver)

    assert (outcome.status, outcome.error) == (204, None)
    [request] = receiver.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().lower().split("\r\n")
    assert first == "post /hook?key=1 http/1.1"
    assert {
        f"host: 127.0.0.1:{receiver.port}",
        "content-type: application/json",
        "content-length: 2",
        "webhook-id: msg_1",
        "connection: close",
    } <= set(lines)
    assert body == b"{}"


@pytest.mark.parametrize(
    ("head", "status", "error", "retry_after"),
    [
        ("HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, None, None),
        ("HTTP/1.1 500 Oh\ncontent-length: 0\n\n", 500, "answered 500", None),
        ("HTTP/1.1 410 Gone\ncontent-length: 0\n\n", 410, "answered 410", None),
        ("HTTP/1.1 429 Slow\nretry-after: 7\ncontent-length: 0\n\n", 429, "answered 429", 7.0),
        ("HTTP/1.1 503 No\nretry-after: Tue, 01 Jan 2030 00:00:09 GMT\n\n", 503, "answered 503", 9.0),
        ("HTTP/1.1 500 No\nretry-after: 7\n\n", 500, "answered 500", None),
        (
            "HTTP/1.1 302 Found\nlocation: http://127.0.0.1:1/\ncontent-length: 0\n\n",
            302,
            "answered 302; redirects are not followed",
            None,
        ),
        ("what?\n\n", None, "the receiver broke off, or did not speak HTTP", None),
        ("", None, "the receiver broke off, or did not speak HTTP", None),
    ],
)
async def test_the_answer_is_judged_by_its_status(
    head: str, status: int | None, error: str | None, retry_after: float | None
):
    async with receiving(says(head)) as receiver:
        outcome = await attempt(receiver)

    assert (outcome.status, outcome.error, outcome.retry_after) == (status, error, retry_after)
    assert len(receiver.requests) == 1


async def test_a_silent_receiver_ends_at_the_time_limit():
    async def silent(stream: SocketStream) -> None:
        await stream.receive()

    async with receiving(silent) as receiver:
        outcome = await attempt(receiver, timeout=0.2)

    assert (outcome.status, outcome.error) == (None, "no answer within 0.2 s")
    assert outcome.duration >= 0.2


async def test_headers_that_drip_end_at_the_time_limit():
    async def drip(stream: SocketStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await stream.send(b"x-drip: 1\r\n")
            await anyio.sleep(0.01)

    async with receiving(drip) as receiver:
        outcome = await attempt(receiver, timeout=0.3)

    assert (outcome.status, outcome.error) == (None, "no answer within 0.3 s")


async def test_a_body_without_end_is_not_read():
    sent = 0

    async def flood(stream: SocketStream) -> None:
        nonlocal sent
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send(b"x" * 65536)
            sent += 65536

    async def drip(stream: SocketStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send(b"x")
            await anyio.sleep(0.01)

    for behave in (flood, drip):
        async with receiving(behave) as receiver:
            outcome = await attempt(receiver, timeout=5)

        assert (outcome.status, outcome.error) == (200, None)
        assert outcome.duration < 4
    assert sent < 100 * 65536


async def test_a_reset_connection_is_a_failure():
    async def reset(stream: SocketStream) -> None:
        raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - not Django
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        await stream.aclose()

    async with receiving(reset) as receiver:
        outcome = await attempt(receiver)

    assert outcome.status is None
    assert outcome.error in {"the connection broke", "the receiver broke off, or did not speak HTTP"}


async def test_nobody_listening_is_a_failure():
    async with receiving(says("")) as receiver:
        pass

    outcome = await attempt(receiver)

    assert (outcome.status, outcome.error) == (None, "the connection was refused or failed")


async def test_an_unknown_host_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    def unknown(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "who?")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    outcome = await a_sender().post("http://nobody.example/", {}, b"{}")

    assert outcome.error == "the host name is not known"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_however_it_is_written_a_private_address_is_not_reached(host: str):
    async with receiving(says("HTTP/1.1 200 OK\n\n")) as receiver:
        outcome = await a_sender(allow_private=False).post(f"http://{host}:{receiver.port}/", {}, b"{}")

    assert (outcome.status, outcome.error) == (None, "the host has no address that may be reached from here")
    assert receiver.requests == []


async def test_the_connection_goes_to_the_address_that_was_checked_whatever_the_name_means_later(
    monkeypatch: pytest.MonkeyPatch,
):
    """DNS rebinding: the first answer is allowed, every later one would be another machine."""
    resolve = socket.getaddrinfo
    asked: list[str] = []

    def rebinding(host: str, port: int, *args: object, **options: Any) -> Any:
        if host != "rebinding.example":
            return resolve(host, port, *args, **options)  # type: ignore[arg-type]
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with receiving(says("HTTP/1.1 200 OK\n\n")) as receiver:
        outcome = await a_sender().post(f"http://rebinding.example:{receiver.port}/", {}, b"{}")

    assert outcome.status == 200
    assert asked == ["rebinding.example"]
    assert f"host: rebinding.example:{receiver.port}".encode() in receiver.requests[0].lower()


async def test_of_several_addresses_those_that_may_be_reached_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch):
    resolve = socket.getaddrinfo

    def several(host: str, port: int, *args: object, **options: Any) -> Any:
        if host != "many.example":
            return resolve(host, port, *args, **options)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    async with receiving(says("HTTP/1.1 200 OK\n\n")) as receiver:  # on 127.0.0.1 alone
        outcome = await a_sender().post(f"http://many.example:{receiver.port}/", {}, b"{}")

    assert outcome.status == 200


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with receiving(says("HTTP/1.1 200 OK\n\n")) as receiver:
        assert (await attempt(receiver)).status == 200
