import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.processes.spare_cores import LITTLE, STARVING, SpareCores, Window, spent_on_cores

SPARE = (1.0, 0.1)
BUSY = (0.5, 2.0)
STARVED = (0.1, 4.0)
"""Seconds of five for which the main thread ran, and waited."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="the policy, and what the kernel tells, are Linux's")

CHILD = """
import os, sys, threading

sys.stdin.read()
print(os.sched_getscheduler(0))
threading.Thread(target=lambda: print(os.sched_getscheduler(threading.get_native_id()))).start()
"""


@pytest.fixture
def child() -> Iterator["subprocess.Popen[str]"]:
    """A process that waits until it is told to end, and then prints its policy, and that of a thread that begins then."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield child


def look_until(condition: Callable[[], bool], cores: SpareCores) -> None:
    """Look after a process that does nothing, so that it finds a core soon, and never starves."""
    for _ in range(100_000):
        if condition():
            return
        assert not cores.starves()
    pytest.fail("it has found no core")


class Fate:
    """A process's figures, by our own clock, and whether it was given the policy."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._spent = (0.0, 0.0, 0.0)
        self.given = 0
        self.allowed = True
        monkeypatch.setattr(SpareCores, "_spent", lambda _: self._spent)
        monkeypatch.setattr(SpareCores, "_give_idle_policy", lambda _: self._give())
        self._cores = SpareCores(1)

    def _give(self) -> bool:
        self.given += 1
        return self.allowed

    def passes(self, *times: tuple[float, float]) -> list[bool]:
        """Five seconds each, of which it ran and waited so many: whether it starves after each of them."""
        found = []
        for ran, waited in times:
            at, before, kept = self._spent
            self._spent = (at + 5.0, before + ran, kept + waited)
            found.append(self._cores.starves())
        return found


@pytest.fixture
def fate(monkeypatch: pytest.MonkeyPatch) -> Fate:
    return Fate(monkeypatch)


def test_it_is_given_the_policy_once_when_a_core_is_to_spare(fate: Fate):
    assert fate.passes(BUSY, STARVED, BUSY) == [False] * 3
    assert fate.given == 0

    assert fate.passes(SPARE, SPARE, BUSY) == [False] * 3
    assert fate.given == 1


def test_it_starves_after_that_if_it_hardly_gets_a_core(fate: Fate):
    assert fate.passes(SPARE, BUSY, STARVED) == [False, False, True]


def test_where_the_system_does_not_allow_it_it_does_not_starve_of_it(fate: Fate):
    fate.allowed = False

    assert fate.passes(SPARE, STARVED, STARVED) == [False] * 3


@linux
def test_what_the_system_does_not_allow_is_not_done(child: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []

    def forbid(thread: int, *_: object) -> None:
        asked.append(thread)
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbid)
    cores = SpareCores(child.pid)

    look_until(lambda: len(asked) > 1, cores)

    assert os.sched_getscheduler(0) == os.sched_getscheduler(child.pid) == os.SCHED_OTHER


@given(st.floats(0.01, 100.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_no_time_is_both_spare_and_starving(lasted: float, running: float, waiting: float):
    waited = waiting * lasted
    window = Window(lasted, min(running * lasted, lasted - waited), waited)

    assert not (window.spare and window.starving)
    if waited > STARVING * lasted:
        assert window.starving
    if waited < LITTLE * lasted:
        assert window.spare


@linux
def test_a_process_that_waits_for_nothing_is_given_the_policy_and_so_are_threads_that_begin_later(
    child: "subprocess.Popen[str]",
):
    cores = SpareCores(child.pid)
    assert os.sched_getscheduler(child.pid) == os.SCHED_OTHER

    look_until(lambda: os.sched_getscheduler(child.pid) == os.SCHED_IDLE, cores)

    output, _ = child.communicate()
    assert output.split() == [str(os.SCHED_IDLE)] * 2


def test_where_it_does_not_say_nothing_is_known(tmp_path: Path):
    assert spent_on_cores(tmp_path) is None

    (tmp_path / "schedstat").write_text("0 0 0\n")
    assert spent_on_cores(tmp_path) is None

    (tmp_path / "schedstat").write_text("2500000000 500000000 7\n")
    assert spent_on_cores(tmp_path) == (2.5, 0.5)


@linux
def test_where_the_system_does_not_tell_for_the_process_has_ended_nothing_is_done(child: "subprocess.Popen[str]"):
    cores = SpareCores(child.pid)
    child.communicate()

    assert not cores.starves()
