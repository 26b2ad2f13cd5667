"""The schedule on every event loop that it may run on."""

import sys
from typing import Any

import anyio
import pytest

from actors.backends import current_backend
from actors.schedule import Schedule

pytestmark = pytest.mark.anyio

TIMERS = 40


@pytest.mark.parametrize(
    ("anyio_backend", "most_calls"),
    [(("asyncio", {"use_uvloop": True}), 50), (("asyncio", {"use_uvloop": False}), 100), (("trio", {}), 300)],
    ids=["uvloop", "asyncio", "trio"],
)
async def test_a_moment_comes_not_too_early_and_is_slept_up_to(
    anyio_backend: tuple[str, dict[str, Any]], most_calls: int
) -> None:
    del anyio_backend
    backend = current_backend()
    calls = 0
    happened: list[float] = []
    all_happened = anyio.Event()

    def count_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    def happen() -> None:
        happened.append(backend.clock())
        if len(happened) == TIMERS:
            all_happened.set()

    schedule = Schedule(backend.clock, backend)
    began = backend.clock()
    moments = [began + 0.002 + number * 0.00173 for number in range(TIMERS)]  # at any part of a millisecond

    for moment in moments:
        schedule.at(moment, happen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(schedule.run)
        before = sys.getprofile()
        sys.setprofile(count_call)
        try:
            with anyio.fail_after(10):
                await all_happened.wait()
        finally:
            sys.setprofile(before)
        tasks.cancel_scope.cancel()

    assert all(moment <= at for moment, at in zip(moments, happened, strict=True))
    assert calls <= most_calls * TIMERS  # a loop that is turned until the moment is there makes hundreds
