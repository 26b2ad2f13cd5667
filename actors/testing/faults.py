"""Faults put into a scenario at every possible moment."""

from __future__ import annotations

from itertools import count
from typing import Any

from actors.testing.simulation import Scenario, simulate


def cancel_everywhere(scenario: Scenario[Any], *, backend: str, seed: int | None = None, stride: int = 1) -> int:
    """Run a scenario again and again, cancelled from outside at a later turn of the event loop each time, until it completes.

    Returns how often it was cancelled. Fails when a cancelled run raises, or never ends. `stride` skips turns between runs.
    """
    for cancelled in count():
        simulation = simulate(scenario, backend=backend, seed=seed, cancel_at=1 + cancelled * stride)
        if not simulation.cancelled:
            return cancelled
    raise AssertionError
