"""What is in a cycle is freed, and nobody who is on the way waits for it."""

import gc
from collections.abc import Iterator
from weakref import ref

import anyio
import pytest

from engine.domain.fields import TimelineId
from engine.traffic import LOOK, Traffic
from gateway import garbage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("by_hand")]

LOBBY = TimelineId("lobby")


class Cycle:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def by_hand() -> Iterator[None]:
    """The collector does not come by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_garbage_is_freed_when_there_is_enough_of_it() -> None:
    cycles = [Cycle() for _ in range(garbage.YOUNG)]
    one = ref(cycles[0])
    cycles.clear()

    await garbage.collect(Traffic())

    assert one() is None


async def test_a_little_garbage_is_left_for_later() -> None:
    gc.collect()  # what it took to get here
    one = ref(Cycle())

    await garbage.collect(Traffic())

    assert one() is not None


async def test_garbage_waits_until_nobody_is_on_the_way() -> None:
    cycles, traffic = [Cycle() for _ in range(garbage.YOUNG)], Traffic()
    one = ref(cycles[0])
    cycles.clear()
    traffic.writing.add(LOBBY)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(garbage.collect, traffic)
        await anyio.sleep(5 * LOOK)
        waited = one() is not None
        traffic.writing.discard(LOBBY)

    assert waited
    assert one() is None


@pytest.mark.parametrize("looks", [1, 2])
async def test_what_has_stayed_is_looked_at_again(looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "OFTEN", 1)
    monkeypatch.setattr(garbage, "SELDOM", 1)
    cycle = Cycle()
    for generation in range(looks):
        gc.collect(generation)
    one, others = ref(cycle), []
    del cycle

    for _ in range(3):
        others.append([Cycle() for _ in range(garbage.YOUNG)])
        await garbage.collect(Traffic())

    assert one() is None
