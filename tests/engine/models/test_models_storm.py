"""Storms of answers that hang, fail, crash and are left: each ends once, no worker is lost, no group starves, the queue is bounded."""

from collections import Counter
from contextlib import aclosing
from random import Random

import anyio

from actors.testing import Simulation, explore
from engine.agents.models import ChatModel, FailureCode, ModelFailed, Models, ModelsSettings, Text, Usage
from engine.agents.models.accounts import Deadlines
from tests.support.scripted_model import HANG, ScriptedModel, Step, prompt

SETTINGS = ModelsSettings(
    concurrency=4,
    queue=12,
    queue_wait=20.0,
    deadlines=Deadlines(first_token=3.0, between_tokens=2.0, total=15.0),
    fallback="other:z",
)
SCRIPTS: tuple[list[Step], ...] = (
    ["a", 0.5, "b", Usage(input_tokens=1, output_tokens=2)],
    ["a", "b", "c"],
    [HANG],
    ["a", HANG],
    ["and ", 1.0] * 30,
    [ModelFailed(FailureCode.UNAVAILABLE, "away")],
    [ModelFailed(FailureCode.RATE_LIMITED, "later", 0.7)],
    ["a", ModelFailed(FailureCode.INTERRUPTED, "gone")],
    ["a", RuntimeError("bug")],
    [],
)


async def _storm(simulation: Simulation[None]) -> None:
    random = Random(simulation.seed)
    made: dict[str, ScriptedModel] = {}
    ends: Counter[str] = Counter()
    asked = 40

    async def opener(name: str) -> ChatModel:
        return made.setdefault(name, ScriptedModel(*(random.choice(SCRIPTS) for _ in range(200))))

    async with simulation.system() as system:
        models = await Models.start(system, SETTINGS, opener, seed=simulation.seed)

        async def listen(model: str, group: str, patience: float) -> None:
            end, usages = "cancelled", 0
            with anyio.move_on_after(patience):
                try:
                    async with aclosing(models.stream(model, prompt(), group=group)) as pieces:
                        async for piece in pieces:
                            assert usages == 0, "usage is the last piece"
                            usages += isinstance(piece, Usage)
                            assert piece != Text("")
                    end = "answered"
                    assert usages == 1
                except ModelFailed:
                    end = "failed"
            ends[end] += 1

        async with anyio.create_task_group() as group:
            for number in range(asked):
                patience = random.choice((0.0, 0.4, 5.0, 500.0))
                group.start_soon(
                    listen, f"{random.choice(('own', 'other'))}:{number % 3}", f"room:{number % 5}", patience
                )
                await anyio.sleep(random.choice((0.0, 0.0, 0.3, 2.0)))
                assert all(each.waiting <= SETTINGS.queue for each in models.status().providers)
                assert all(each.speaking <= SETTINGS.concurrency for each in models.status().providers)

        assert ends.total() == asked
        await anyio.sleep(60.0)  # those that have crashed come back with backoff
        for name in {each.provider for each in models.status().providers}:
            fine = made[f"{name}:fine"] = ScriptedModel(["x", 1.5])
            since = anyio.current_time()
            async with anyio.create_task_group() as group:
                for number in range(SETTINGS.concurrency):
                    group.start_soon(_finished, models, f"{name}:fine", f"room:{number}")
            assert (fine.most, round(anyio.current_time() - since, 1)) == (SETTINGS.concurrency, 1.5)
        for each in models.status().models:
            assert each.under_way == 0, each
            assert each.requests == each.answered + sum(each.failed.values()) + each.cancelled
        assert all(model.running == 0 for model in made.values())


async def _finished(models: Models, model: str, group: str) -> None:
    async with aclosing(models.stream(model, prompt(), group=group)) as pieces:
        async for _ in pieces:
            pass


def test_whatever_happens_each_stream_ends_once_and_every_worker_is_there_in_the_end() -> None:
    explore(_storm, seeds=range(15))
