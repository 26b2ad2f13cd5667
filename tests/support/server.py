"""A real `gathering serve`, in a process of its own."""

import os
import socket
import tempfile
import time
import urllib.error
import urllib.request
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import start

_START_LIMIT = 120.0


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class GatheringServer:
    """One server on one port, which can be killed and started again. Settings are those of the environment, in lower case.

    with GatheringServer(sqlite_url, commands_burst=1000) as server:
        server.kill()
        server.start()

    `takeover_rest` replaces the engine's constant of that name.
    """

    def __init__(self, database_url: str, *, takeover_rest: float | None = None, **settings: object) -> None:
        self.database_url = database_url
        self.port = free_port()
        self._takeover_rest = takeover_rest
        self._process: ForkServerProcess | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="gathering-server-")
        given = {
            "host": "127.0.0.1",
            "port": self.port,
            "database_url": database_url,
            "secret_key": "a key for tests only, kept across restarts",
            "argon2_memory_kib": 8,
            "argon2_time_cost": 1,
            "storage_timeout": 10.0,  # other tests keep the disk busy
            **settings,
        }
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GATHERING_")},
            **{f"GATHERING_{name.upper()}": str(value) for name, value in given.items()},
        }

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._directory.cleanup()

    @property
    def http(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket(self) -> str:
        """The address for realtime clients."""
        return f"ws://127.0.0.1:{self.port}/connection/websocket"

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What all the processes on this port have said so far."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Start a process and wait until it is ready."""
        assert self._process is None
        self._process = start(["serve"], self._environment, output=self._log, takeover_rest=self._takeover_rest)
        deadline = time.monotonic() + _START_LIMIT
        while not self._is_ready():
            if self._process.exitcode is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log}")
            time.sleep(0.02)

    def revive(self) -> None:
        """Start a process unless one runs: for those who share a server with somebody who may have left it dead."""
        if self._process is None:
            self.start()

    def kill(self) -> None:
        """End the process as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def stop(self, *, limit: float = 15.0) -> int:
        """End the process as an operator would (SIGTERM); tells its exit code."""
        assert self._process is not None
        self._process.terminate()
        self._process.join(limit)
        assert self._process.exitcode is not None, f"the server goes on after {limit} s:\n{self.log}"
        code = self._process.exitcode
        self._process = None
        return code

    @property
    def _log(self) -> Path:
        return Path(self._directory.name) / "log"

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.http}/readyz", timeout=1) as response:  # noqa: S310 - http on loopback
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False
