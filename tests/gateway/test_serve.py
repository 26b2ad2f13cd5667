"""The server as a process: how it starts, says where it is, and stops."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import anyio
import msgspec
import pytest
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.support.rest import PASSWORD

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
PATIENCE = 60
"""Seconds that a process may take to say what is waited for."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that listens."""

    process: Process
    url: str
    output: BufferedByteReceiveStream

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def line(self) -> str:
        """The next line of its standard output."""
        with anyio.fail_after(PATIENCE):
            return (await self.output.receive_until(b"\n", 1000)).decode()

    async def stopped(self) -> int:
        """Its exit code, within the ten seconds that it has."""
        with anyio.fail_after(10):
            return await self.process.wait()


@asynccontextmanager
async def process(*arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATHERING_")}
    environment |= {"PYTHONPATH": str(ROOT), "GATHERING_ARGON2_MEMORY_KIB": "8", **(env or {})}
    command = [sys.executable, "-m", "gateway", "serve", *arguments]
    async with await anyio.open_process(command, env=environment) as running:
        try:
            yield running
        finally:
            if running.returncode is None:
                running.kill()


@asynccontextmanager
async def server(database_url: str, *arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Server]:
    async with (
        process("--port", "0", "--database-url", database_url, *arguments, env=env) as running,
        anyio.create_task_group() as group,
    ):
        assert running.stdout is not None
        assert running.stderr is not None
        log: list[bytes] = []
        _ = group.start_soon(collect, running.stderr, log)
        output = BufferedByteReceiveStream(running.stdout)
        try:
            with anyio.fail_after(PATIENCE):
                first = (await output.receive_until(b"\n", 1000)).decode()
        except (anyio.IncompleteRead, TimeoutError):
            pytest.fail(b"".join(log).decode())
        assert first.startswith("Gathering is listening on http://127.0.0.1:")
        yield Server(running, first.strip().rpartition(" ")[2], output)
        if running.returncode is None:
            running.kill()


async def collect(stream: ByteReceiveStream, log: list[bytes]) -> None:
    """Read everything, so that the process never waits for a reader."""
    async for chunk in stream:
        log.append(chunk)  # noqa: PERF401 - what has been read is wanted while reading goes on


async def test_it_says_where_it_listens_and_is_ready_by_then(sqlite_url: str) -> None:
    async with server(sqlite_url) as running, aiohttp.ClientSession(running.url) as session:
        async with session.get("/readyz") as response:
            ready = response.status

        running.process.terminate()
        code = await running.stopped()
        with pytest.raises(anyio.EndOfStream):
            await running.output.receive()

    assert (ready, code) == (200, 0)


async def test_with_demo_it_says_how_to_sign_in(tmp_path: Path) -> None:
    async with (
        server(f"sqlite:///{tmp_path}/new.db", "--demo") as running,
        aiohttp.ClientSession(running.url) as session,
    ):
        first, second = await running.line(), await running.line()
        credentials = {"login": "ada", "password": second.strip().rpartition(" ")[2]}
        async with session.post("/api/v1/auth/login", json=credentials) as response:
            status = response.status

    assert running.url in first
    assert status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopping_server_sends_its_clients_away_and_exits_cleanly(
    sqlite_url: str, number: signal.Signals
) -> None:
    async with server(sqlite_url) as running, aiohttp.ClientSession(running.url) as session:
        registration = {"email": "ada@example.org", "username": "ada", "password": PASSWORD}
        async with session.post("/api/v1/auth/register", json=registration):
            pass
        async with session.post("/api/v1/auth/login", json={"login": "ada", "password": PASSWORD}) as response:
            token = (await response.json())["access_token"]
        async with session.ws_connect("/connection/websocket") as socket_:
            await socket_.send_str(msgspec.json.encode({"id": 1, "connect": {"token": token}}).decode())
            await socket_.receive_str()

            running.process.send_signal(number)
            last = await socket_.receive()
        code = await running.stopped()

    assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 3001)
    assert code == 0


async def test_a_request_that_has_begun_is_finished(sqlite_url: str) -> None:
    slow = {"GATHERING_ARGON2_MEMORY_KIB": "65536", "GATHERING_ARGON2_TIME_COST": "10"}
    body = msgspec.json.encode({"email": "ada@example.org", "username": "ada", "password": PASSWORD})
    head = (
        f"POST /api/v1/auth/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    async with (
        server(sqlite_url, env=slow) as running,
        await anyio.connect_tcp("127.0.0.1", running.port) as connection,
    ):
        await connection.send(head.encode())
        begun = await connection.receive()
        await connection.send(body)

        running.process.terminate()
        answer = await connection.receive()
        code = await running.stopped()

    assert begun.startswith(b"HTTP/1.1 100")
    assert answer.startswith(b"HTTP/1.1 201")
    assert code == 0


async def test_a_port_in_use_is_one_clear_line(sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with process("--port", port, "--database-url", sqlite_url) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            said = b"".join([chunk async for chunk in running.stderr]).decode()
            with anyio.fail_after(PATIENCE):
                code = await running.wait()

    assert code == 1
    assert said.splitlines()[-1] == f"gathering: cannot listen on http://127.0.0.1:{port}: the port is in use"
    assert "Traceback" not in said
