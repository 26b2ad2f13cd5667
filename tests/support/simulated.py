"""Tests of actors as simulations: every scenario on both event loops, natively and on the portable backend."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio.lowlevel
import pytest

import actors.system
from actors.backends import PortableBackend
from actors.testing import Simulation, simulate

SCHEDULES = (None, 1, 2, 3)
"""First come, first served, and a few seeds."""

KINDS = ("asyncio", "trio", "portable on asyncio", "portable on trio")


def simulated(scenario: Callable[[Simulation[None]], Awaitable[None]]) -> Callable[[str, pytest.MonkeyPatch], None]:
    """Make a test of a scenario."""

    @pytest.mark.parametrize("kind", KINDS)
    def test(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if kind.startswith("portable"):
            monkeypatch.setattr(actors.system, "current_backend", PortableBackend)
        for seed in SCHEDULES:
            simulate(scenario, backend=kind.rsplit(maxsplit=1)[-1], seed=seed)

    test.__name__ = getattr(scenario, "__name__", "scenario")
    return test


async def turns(number: int = 20) -> None:
    """Let everybody else run for a while, without letting time pass."""
    for _ in range(number):
        await anyio.lowlevel.checkpoint()


def raised(call: Callable[[], Any]) -> BaseException | None:
    """What a call raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    return None
