"""Work that can wait gives way to those who are being served, and not for ever."""

import anyio
import pytest

import engine.traffic
from engine.domain.fields import TimelineId
from engine.traffic import LOOK, Courtesy, Traffic
from tests.engine.timelines.conftest import anyio_backend

__all__ = ["anyio_backend"]

pytestmark = pytest.mark.anyio

LOBBY = TimelineId("lobby")


async def test_where_nothing_is_committed_work_goes_on_at_once() -> None:
    began = anyio.current_time()

    await Traffic().give_way(1.0)

    assert anyio.current_time() == began


async def test_work_waits_until_the_commit_is_over() -> None:
    traffic, went_on = Traffic(), anyio.Event()
    traffic.writing.add(LOBBY)

    async def work() -> None:
        await traffic.give_way(60.0)
        went_on.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await anyio.sleep(5 * LOOK)
        waited = not went_on.is_set()
        traffic.writing.discard(LOBBY)
        await went_on.wait()

    assert waited


async def test_work_waits_while_a_command_is_looked_at() -> None:
    traffic = Traffic()

    with traffic.arriving():
        began = anyio.current_time()
        await traffic.give_way(1.0)
    waited = anyio.current_time() - began
    await traffic.give_way(1.0)

    assert waited == pytest.approx(1.0)
    assert anyio.current_time() == began + waited


async def test_work_gives_way_for_a_limited_time() -> None:
    traffic = Traffic()
    traffic.writing.add(LOBBY)
    began = anyio.current_time()

    await traffic.give_way(10.0)

    assert anyio.current_time() - began == pytest.approx(10.0)


async def test_work_that_gave_way_for_long_goes_on_for_as_long_before_it_gives_way_again() -> None:
    traffic = Traffic()
    traffic.writing.add(LOBBY)
    courtesy = Courtesy(traffic, 0.02)
    began, done = anyio.current_time(), 0

    while anyio.current_time() < began + 1.0:
        await courtesy.after_you()
        await anyio.sleep(0.001)  # a slice of the work
        done += 1

    assert done == pytest.approx(500, rel=0.1)


async def test_where_nobody_is_served_work_pauses_once_in_a_stint(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = 0.0
    monkeypatch.setattr(engine.traffic, "thread_time", lambda: worked)
    courtesy = Courtesy(Traffic(stint=0.01), 0.02, rest=1.0)
    began = anyio.current_time()

    for number in range(1, 101):
        worked = 0.001 * number
        await courtesy.after_you()

    assert anyio.current_time() - began == pytest.approx(10.0, abs=1.0)
