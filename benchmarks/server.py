"""The server under measurement, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from signal import SIGTERM
from typing import NamedTuple

import psutil  # type: ignore[import-untyped] # its stubs are a package of their own

ADDRESS = "Gathering is listening on "
UNTHROTTLED = {
    "GATHERING_COMMANDS_PER_SECOND": "1000000",
    "GATHERING_COMMANDS_BURST": "1000000",
    "GATHERING_ACCESS_TOKEN_SECONDS": "86400",
    "GATHERING_ARGON2_TIME_COST": "1",
    "GATHERING_ARGON2_MEMORY_KIB": "8",
    "GATHERING_LOG_LEVEL": "error",
    "GATHERING_SECRET_KEY": "a key for benchmarks, and for nothing else",
}
"""A benchmark sends faster than people type, may last longer than a token, and hashes the passwords of people who do not exist."""


@contextmanager
def served(url: str, settings: Mapping[str, str] = UNTHROTTLED) -> Iterator[str]:
    """As `running`; yields the address alone."""
    with running(url, settings) as server:
        yield server.address


class Server(NamedTuple):
    """A server that runs, and its process."""

    address: str
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of processor time that it has taken so far: other work on the machine changes it little."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(url: str, settings: Mapping[str, str] = UNTHROTTLED) -> Iterator[Server]:
    """Run `gathering serve` on a free port over a migrated database. Ends it with SIGTERM."""
    environment = {**os.environ, **settings, "GATHERING_DATABASE_URL": url}
    command = [sys.executable, "-m", "gateway"]
    with subprocess.Popen(
        [*command, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith(ADDRESS):
                    yield Server(line.removeprefix(ADDRESS).strip(), psutil.Process(process.pid))
                    break
            else:
                raise RuntimeError("the server did not start")
        finally:
            process.send_signal(SIGTERM)
            process.wait(30)


@contextmanager
def beside(module: str, *arguments: object) -> Iterator[Server]:
    """Run a module of the benchmarks for as long as the block, in a process of its own: it prints where it is."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip(), psutil.Process(process.pid))
        finally:
            process.terminate()
