"""Faults put into a scenario at every possible moment."""

from __future__ import annotations

from itertools import count
from typing import Any

from actors.testing.fault_points import Faults
from actors.testing.simulation import Scenario, simulate


def cancel_everywhere(
    scenario: Scenario[Any], *, backend: str, seed: int | None = None, stride: int = 1, victims: bool = False
) -> int:
    """Run a scenario again and again, cancelled from outside at a later turn of the event loop each time, until it completes.

    A task is suspended at most once in a turn, so every checkpoint of the scenario is met. With `victims` only the part inside
    `Simulation.victim` is cancelled, and the scenario goes on: it can then see what the cancellation has done.

    Returns how often it was cancelled. Fails when a cancelled run raises, or never ends. `stride` skips turns between runs.
    """
    for cancelled in count():
        simulation = simulate(scenario, backend=backend, seed=seed, cancel_at=1 + cancelled * stride, victims=victims)
        if not simulation.cancelled:
            return cancelled
    raise AssertionError


def fail_everywhere(scenario: Scenario[Any], *, backend: str, seed: int | None = None) -> list[str]:
    """Run a scenario again and again, with a later one of its fault points failing each time, until none is left.

    Returns the points that failed, in order. The scenario has to catch what the fault does to it: `ActorCrashed`, say.
    """
    failed: list[str] = []
    for number in count():
        faults = Faults(at=number)
        simulate(scenario, backend=backend, seed=seed, faults=faults)
        if not faults.failed:
            return failed
        failed += faults.failed
    raise AssertionError
