"""The server under measurement, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from signal import SIGTERM

ADDRESS = "Gathering is listening on "
UNTHROTTLED = {
    "GATHERING_COMMANDS_PER_SECOND": "1000000",
    "GATHERING_COMMANDS_BURST": "1000000",
    "GATHERING_ARGON2_TIME_COST": "1",
    "GATHERING_ARGON2_MEMORY_KIB": "8",
    "GATHERING_LOG_LEVEL": "error",
    "GATHERING_SECRET_KEY": "a key for benchmarks, and for nothing else",
}
"""A benchmark sends faster than people type, and hashes the passwords of people who do not exist."""


@contextmanager
def served(url: str, settings: Mapping[str, str] = UNTHROTTLED) -> Iterator[str]:
    """Run `gathering serve` on a free port over a migrated database; yields its address. Ends it with SIGTERM."""
    environment = {**os.environ, **settings, "GATHERING_DATABASE_URL": url}
    command = [sys.executable, "-m", "gateway"]
    with subprocess.Popen(
        [*command, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith(ADDRESS):
                    yield line.removeprefix(ADDRESS).strip()
                    break
            else:
                raise RuntimeError("the server did not start")
        finally:
            process.send_signal(SIGTERM)
            process.wait(30)
