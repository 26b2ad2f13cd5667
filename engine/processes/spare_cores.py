"""A process that works only where a core is to spare, as long as there is one.

A low priority (`nice`) says who gets more of a core, not who gets it at once: on Linux, whoever serves people and wakes up may have to wait
for a slice of such a process, or for the core of whoever woke them. The policy SCHED_IDLE (sched(7)) says both: a process that has it is
stopped at once, and its core counts as free.

But it gets a three-hundredth of a core that others use up, and without privileges it never leaves that policy again. So a process is given
it when it has found cores to spare, and is replaced when it finds none for a while: the new one has only its low priority until there are
some again.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

LITTLE: Final = 0.02
"""Part of the time: who waits for less is not kept from anything, however little it does."""
STARVING: Final = 0.5
"""Part of the time: who waits for more does not get its work done."""


class Window(NamedTuple):
    """How a process's main thread fared for some time: how long that `lasted`, and it `ran` and `waited` for a core, in seconds."""

    lasted: float
    ran: float
    waited: float

    @property
    def spare(self) -> bool:
        """Whether there was a core when it wanted one, more often than not."""
        return self.waited < max(self.ran, LITTLE * self.lasted)

    @property
    def starving(self) -> bool:
        """Whether it hardly came to its work."""
        return self.waited > STARVING * self.lasted


def spent_on_cores(thread: Path) -> tuple[float, float] | None:
    """For how many seconds a thread has run, and has waited for a core, by its folder in /proc; a process's is that of its main thread.

    None when it has ended, and where the system does not tell (Linux's `schedstat`: all zero where it is not kept).
    """
    try:
        ran, waited, _ = map(int, (thread / "schedstat").read_text().split())
    except (OSError, ValueError):
        return None
    return (ran / 1e9, waited / 1e9) if ran else None


class SpareCores:
    """What a process of ours, by its `pid`, is to be content with. To be looked after every few seconds.

    Where the system does not say how the process fares, or does not know that policy or allow it, nothing is done and nothing starves.
    """

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        self._is_idle = False
        self._before = self._spent()

    def starves(self) -> bool:
        """Whether it has starved of the policy since the last look. Gives it the policy, with all its threads, if it has found cores."""
        before, self._before = self._before, self._spent()
        if before is None or self._before is None:
            return False
        window = Window(*(now - then for now, then in zip(self._before, before, strict=True)))
        if self._is_idle:
            return window.starving
        self._is_idle = window.spare and self._give_idle_policy()
        return False

    def _spent(self) -> tuple[float, float, float] | None:
        """The time, and for how long the main thread has run and waited, in seconds."""
        spent = spent_on_cores(self._process)
        return None if spent is None else (time.monotonic(), *spent)

    def _give_idle_policy(self) -> bool:
        """Whether it has it now. Threads that begin later inherit it."""
        if not hasattr(os, "SCHED_IDLE"):
            return False
        try:
            for thread in (self._process / "task").iterdir():
                with suppress(ProcessLookupError):  # it has ended
                    os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))
        except OSError:
            return False
        return True
