"""Who has what of a machine's cores, and who waits for one."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own

from engine.processes.spare_cores import spent_on_cores

HIGHEST: Final = -20
"""The highest priority of a process, of those for whom it is no matter of life and death."""
LOWEST: Final = 19
"""The lowest."""


class Share(msgspec.Struct, frozen=True):
    """On how many cores a process runs, and on how many more its threads would run if there were any free."""

    runs: float
    waits: float


class Priority(NamedTuple):
    """With which priority, and after which policy (sched(7)), a process gets a core."""

    niceness: int
    policy: int

    @classmethod
    def of(cls, process: psutil.Process) -> "Priority":
        """That of a process at this moment."""
        return cls(process.nice(), os.sched_getscheduler(process.pid))

    def take_on(self) -> None:
        """Have this process run so."""
        os.setpriority(os.PRIO_PROCESS, 0, self.niceness)
        os.sched_setscheduler(0, self.policy, os.sched_param(0))


class Cores:
    """What some processes have of the cores, from now on."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._processes = processes
        self._since = time.monotonic()
        self._before = {name: _scheduled(each) for name, each in processes.items()}
        self._worked = _worked()

    def shares(self) -> dict[str, Share]:
        """By process."""
        wall = time.monotonic() - self._since
        shares: dict[str, Share] = {}
        for name, process in self._processes.items():
            (runs, waits), (ran, waited) = _scheduled(process), self._before[name]
            shares[name] = Share((runs - ran) / wall, (waits - waited) / wall)
        return shares

    def worked(self) -> float:
        """How many cores have worked, for whomever."""
        return (_worked() - self._worked) / (time.monotonic() - self._since)


def _worked() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _scheduled(process: psutil.Process) -> tuple[float, float]:
    """Seconds for which its threads have run, and for which they could have and had no core."""
    folder = Path(f"/proc/{process.pid}/task")
    threads = [spent_on_cores(folder / str(each.id)) or (0.0, 0.0) for each in process.threads()]  # some may have ended
    return sum(runs for runs, _ in threads), sum(waits for _, waits in threads)


def first_in_line() -> None:
    """Have this process never wait for a core, if the system allows it. Those started before keep their priority.

    Whoever measures from a machine that is busy would else measure how long they wait for it themselves.
    """
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, HIGHEST)


def last_in_line() -> None:
    """Have this process stand for machines elsewhere: it takes no core from the server that is measured."""
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
