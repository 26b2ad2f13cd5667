"""What models say gives way to whoever posts: it comes a little later, and nothing else about it changes."""

from functools import partial
from itertools import pairwise
from typing import Any

import anyio
import pytest

from actors.testing import Simulation, explore
from actors.testing.asyncio_scheduler import AsyncioScheduler
from actors.testing.trio_scheduler import TrioScheduler
from engine.agents.model_process.line import PATIENCE, Answer
from engine.agents.model_process.telling import INTERVAL, TICK
from engine.agents.models import Text
from engine.domain.fields import TimelineId
from engine.traffic import LOOK, Traffic
from tests.engine.models.wired import ask, line_to, said, taken
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.anyio

LOBBY = TimelineId("lobby")
ANSWERS = 8
WORDS = 60
LATEST = 2 * PATIENCE + INTERVAL + TICK + LOOK
"""Seconds after a word that it may take at most, with somebody always on the way: to be told, and to be heard."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    scheduler = AsyncioScheduler(None) if request.param == "asyncio" else TrioScheduler(None)
    return request.param, scheduler.options


@pytest.mark.parametrize(("posting", "waited"), [(0.0, 0.0), (0.006, 0.006), (10.0, PATIENCE)])
async def test_words_wait_for_whoever_posts_and_not_for_long(posting: float, waited: float) -> None:
    assert await _came_after([0.5, "Well, ", 0.5, "then"], posting) == [pytest.approx(0.5), _about(1.0 + waited)]


async def test_the_first_words_wait_for_nobody() -> None:
    assert await _came_after([1.0, "Well, "], 10.0) == [pytest.approx(1.0)]


async def _came_after(script: list[str | float], posting: float) -> list[float]:
    """When the words of an answer come, with somebody posting for so long from its first second on."""
    traffic = Traffic()
    async with line_to(ScriptedModel(script), traffic) as line, anyio.create_task_group() as tasks:
        began = anyio.current_time()

        async def post() -> None:
            await anyio.sleep(1.0)
            traffic.writing.add(LOBBY)
            await anyio.sleep(posting)
            traffic.writing.discard(LOBBY)

        tasks.start_soon(post)
        came = await taken(ask(line))
        tasks.cancel_scope.cancel()
    return [at - began for at, _ in came]


def _about(seconds: float) -> object:
    return pytest.approx(seconds, abs=LOOK + 1e-6)


class World:
    """Answers that stream, and people who post: now and then, or all the time."""

    def __init__(self, simulation: Simulation[None]) -> None:
        self.random = simulation.random
        self.traffic = Traffic()

    def script(self, number: int) -> list[str | float]:
        random = self.random
        words = [f"{number}.{word} " for word in range(WORDS)]
        return [step for word in words for step in (random.choice([0.0, 0.02, 0.3 * random.random()]), word)]

    async def post(self, room: str) -> None:
        """Keep a commit under way for a while, again and again."""
        pause = self.random.choice([0.0, 0.01, 0.1])
        while True:
            self.traffic.writing.add(TimelineId(room))
            await anyio.sleep(0.03 * self.random.random())
            self.traffic.writing.discard(TimelineId(room))
            await anyio.sleep(pause * self.random.random())


async def scenario(simulation: Simulation[None]) -> None:
    world = World(simulation)
    scripts = [world.script(number) for number in range(ANSWERS)]
    lengths = [sum(step for step in script if isinstance(step, float)) for script in scripts]
    async with anyio.create_task_group() as posting:
        for room in range(world.random.choice([1, 10])):
            posting.start_soon(world.post, str(room))
        async with line_to(ScriptedModel(*scripts), world.traffic) as line, anyio.create_task_group() as reading:
            for script, length in zip(scripts, lengths, strict=True):
                reading.start_soon(partial(_read, ask(line), script, length))
                await anyio.sleep(0.05)  # the scripts are given out in the order of the questions
        posting.cancel_scope.cancel()


async def _read(answer: Answer, script: list[str | float], length: float) -> None:
    began = anyio.current_time()

    came = await taken(answer)

    assert said(came) == "".join(step for step in script if isinstance(step, str))
    assert anyio.current_time() - began <= length + LATEST
    words = [at for at, piece in came if isinstance(piece, Text)]
    assert all(sooner <= later for sooner, later in pairwise(words))


def test_every_answer_is_whole_in_order_and_soon_over_whoever_posts_and_however_often() -> None:
    explore(scenario, seeds=range(10))
