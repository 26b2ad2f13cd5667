"""The models: deadlines, retries, the fallback, the circuit breaker, and who gets a worker when. In virtual time, on both event loops."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial

import anyio
import msgspec
import pytest

from actors import ActorSystem
from actors.testing import Simulation, simulate
from engine.agents.models import (
    ChatModel,
    FailureCode,
    ModelFailed,
    Models,
    ModelsSettings,
    Piece,
    Text,
    ToolCall,
    Usage,
    estimate,
)
from engine.agents.models.accounts import Deadlines, ModelUsage, ProviderStatus
from engine.agents.models.models import ATTEMPTS, LONGEST_PAUSE
from tests.support.scripted_model import CLING, HANG, ScriptedModel, prompt
from tests.support.simulated import simulated

LIMITS = Deadlines(first_token=10.0, between_tokens=4.0, total=60.0)
SETTINGS = ModelsSettings(default="own:a", concurrency=4, queue=10, queue_wait=30.0, deadlines=LIMITS)
AWAY = ModelFailed(FailureCode.UNAVAILABLE, "away")


@asynccontextmanager
async def running(
    simulation: Simulation[None], settings: ModelsSettings = SETTINGS, **known: ChatModel
) -> AsyncIterator[tuple[ActorSystem, Models]]:
    """The models of a provider `own`, by name. Each worker is idle at the end."""

    async def opener(name: str) -> ChatModel:
        return known[name.partition(":")[2]]

    async with simulation.system() as system:
        models = await Models.start(system, settings, opener, seed=simulation.seed or 0)
        yield system, models


async def read(models: Models, model: str | None = None, *, group: str = "room:1") -> list[Piece]:
    """All the pieces of an answer."""
    async with aclosing(models.stream(model, prompt(), group=group)) as pieces:
        return [piece async for piece in pieces]


async def failing(models: Models, model: str | None = None) -> tuple[FailureCode, float, str]:
    """How an answer fails: the code, after how many seconds, and the text that had come by then."""
    since, said = anyio.current_time(), ""
    try:
        async with aclosing(models.stream(model, prompt(), group="room:1")) as pieces:
            async for piece in pieces:
                said += piece.text if isinstance(piece, Text) else ""
    except ModelFailed as failure:
        return failure.code, round(anyio.current_time() - since, 1), said  # deadlines are swept every 10 ms
    raise AssertionError(f"it did not fail, but said {said!r}")


async def idle(models: Models) -> None:
    """Wait until nothing is under way. Fails after a second: a worker was lost."""
    with anyio.fail_after(1.5):
        while any(each.speaking + each.ending + each.waiting for each in models.status().providers):  # noqa: ASYNC110 - virtual time
            await anyio.sleep(0.01)


def used(models: Models, name: str = "own:a") -> ModelUsage:
    return next(each for each in models.status().models if each.model == name)


def provider(models: Models) -> ProviderStatus:
    (only,) = models.status().providers
    return only


# -- answers ---------------------------------------------------------------------------------------------------------------


@simulated
async def test_pieces_come_in_order_and_the_provider_s_usage_is_the_last(simulation: Simulation[None]) -> None:
    call = ToolCall(id="1", name="now", arguments={})
    spent = Usage(input_tokens=9, output_tokens=2)
    async with running(simulation, a=ScriptedModel(["to ", 1.0, "be", call, spent])) as (_, models):
        pieces = await read(models)

        assert pieces == [Text("to "), Text("be"), call, spent]
        assert (used(models).answered, used(models).input_tokens, used(models).estimated_tokens) == (1, 9, 0)


@simulated
async def test_usage_that_the_provider_does_not_tell_is_estimated_and_says_so(simulation: Simulation[None]) -> None:
    async with running(simulation, a=ScriptedModel(["x" * 400])) as (_, models):
        pieces = await read(models)

        assert pieces[-1] == estimate(prompt(), 400)
        assert pieces[-1] == Usage(input_tokens=pieces[-1].input_tokens, output_tokens=100, estimated=True)
        assert used(models).estimated_tokens == pieces[-1].tokens > 100


@simulated
async def test_a_whole_answer_is_its_texts_put_together(simulation: Simulation[None]) -> None:
    async with running(simulation, a=ScriptedModel(["to ", "be"])) as (_, models):
        assert await models.complete("own:a", prompt(), group="room:1") == "to be"


@simulated
async def test_a_reader_who_stops_reading_stops_the_provider_and_loses_nothing(simulation: Simulation[None]) -> None:
    model = ScriptedModel([str(number) for number in range(1000)])
    async with running(simulation, a=model) as (_, models):
        read_late: list[Piece] = []
        async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
            async for piece in pieces:
                if not read_late:
                    await anyio.sleep(LIMITS.between_tokens * 5)  # the reader's time is not the model's
                    assert model.running == 1  # it waits for him
                read_late.append(piece)

        assert read_late[:-1] == [Text(str(number)) for number in range(1000)]


@simulated
async def test_without_any_model_the_failure_says_so(simulation: Simulation[None]) -> None:
    async with running(simulation, msgspec.structs.replace(SETTINGS, default=None)) as (_, models):
        assert await failing(models) == (FailureCode.NOT_CONFIGURED, 0.0, "")


# -- deadlines -------------------------------------------------------------------------------------------------------------


@simulated
async def test_a_model_that_hangs_fails_at_the_first_token_s_deadline_and_frees_its_worker(
    simulation: Simulation[None],
) -> None:
    model = ScriptedModel([HANG])
    async with running(simulation, a=model) as (_, models):
        assert await failing(models) == (FailureCode.FIRST_TOKEN, 10.0, "")

        await idle(models)
        assert model.running == 0


@simulated
async def test_a_model_that_stalls_fails_at_the_deadline_between_tokens_and_keeps_what_it_said(
    simulation: Simulation[None],
) -> None:
    model = ScriptedModel(["to ", 3.0, "be", HANG])
    async with running(simulation, a=model) as (_, models):
        assert await failing(models) == (FailureCode.STALLED, 7.0, "to be")

        await idle(models)
        assert model.running == 0


@simulated
async def test_an_answer_without_end_fails_at_the_deadline_for_the_whole(simulation: Simulation[None]) -> None:
    endless = ScriptedModel(["and ", 1.0] * 1000)
    async with running(simulation, a=endless) as (_, models):
        code, after, said = await failing(models)

        assert (code, after) == (FailureCode.TOO_LONG, 60.0)
        assert said == "and " * 60
        await idle(models)
        assert endless.running == 0


@simulated
async def test_an_answer_larger_than_any_may_be_fails(simulation: Simulation[None]) -> None:
    async with running(simulation, a=ScriptedModel(["x" * 1_000_000] * 5)) as (_, models):
        code, _, said = await failing(models)

        assert (code, len(said)) == (FailureCode.TOO_LONG, 4_000_000)


@simulated
async def test_signs_of_life_move_the_deadline_for_the_first_token_and_are_not_passed_on(
    simulation: Simulation[None],
) -> None:
    thinking = ScriptedModel(["", 8.0, "", 8.0, "so", ""])
    async with running(simulation, a=thinking) as (_, models):
        assert (await read(models))[:-1] == [Text("so")]


@simulated
async def test_a_model_that_does_not_heed_its_cancellation_is_replaced_and_counted(
    simulation: Simulation[None],
) -> None:
    model = ScriptedModel([CLING], ["fine"])
    async with running(simulation, msgspec.structs.replace(SETTINGS, concurrency=1), a=model) as (_, models):
        assert (await failing(models))[0] is FailureCode.FIRST_TOKEN

        assert (await read(models))[0] == Text("fine")
        assert provider(models).stuck == 1
        model.gate.set()


@simulated
async def test_a_model_that_raises_what_nobody_expects_fails_alone(simulation: Simulation[None]) -> None:
    broken, sound = ScriptedModel([RuntimeError("bug")]), ScriptedModel(["to ", 1.0, "be"])
    async with running(simulation, a=broken, b=sound) as (_, models):
        answers: list[list[Piece]] = []

        async def listen() -> None:
            answers.append(await read(models, "own:b"))

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            for _ in range(8):  # more than there are workers: each is there again
                assert (await failing(models, "own:a"))[0] is FailureCode.FAILED

        assert [piece for piece in answers[0] if isinstance(piece, Text)] == [Text("to "), Text("be")]


# -- once more -------------------------------------------------------------------------------------------------------------


@simulated
async def test_a_passing_failure_is_tried_again_before_the_first_token(simulation: Simulation[None]) -> None:
    limited = ModelFailed(FailureCode.RATE_LIMITED, "later")
    model = ScriptedModel([AWAY], [limited], ["here"])
    async with running(simulation, a=model) as (_, models):
        assert (await read(models))[0] == Text("here")

        first, second = model.times[1] - model.times[0], model.times[2] - model.times[1]
        assert 0.25 <= first <= 0.5
        assert 0.5 <= second <= 1.0
        assert (used(models).requests, used(models).retries) == (3, 2)
        assert used(models).failed == {FailureCode.UNAVAILABLE: 1, FailureCode.RATE_LIMITED: 1}


@simulated
async def test_a_failure_that_stays_is_told_after_the_last_attempt(simulation: Simulation[None]) -> None:
    model = ScriptedModel([AWAY])
    async with running(simulation, a=model) as (_, models):
        assert (await failing(models))[0] is FailureCode.UNAVAILABLE

        assert len(model.prompts) == ATTEMPTS


@simulated
async def test_after_the_first_token_nothing_is_tried_again(simulation: Simulation[None]) -> None:
    model = ScriptedModel(["to ", AWAY])
    spare = ScriptedModel(["other"])
    settings = msgspec.structs.replace(SETTINGS, fallback="own:b")
    async with running(simulation, settings, a=model, b=spare) as (_, models):
        assert await failing(models) == (FailureCode.UNAVAILABLE, 0.0, "to ")

        assert (len(model.prompts), len(spare.prompts)) == (1, 0)


@pytest.mark.parametrize("code", [FailureCode.UNAUTHORIZED, FailureCode.REJECTED, FailureCode.MALFORMED])
def test_what_would_fail_again_is_not_tried_again(code: FailureCode) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        model = ScriptedModel([ModelFailed(code, "no")])
        async with running(simulation, a=model) as (_, models):
            assert await failing(models) == (code, 0.0, "")

            assert len(model.prompts) == 1

    simulate(scenario)


@simulated
async def test_a_provider_that_asks_for_time_gets_it(simulation: Simulation[None]) -> None:
    model = ScriptedModel([ModelFailed(FailureCode.RATE_LIMITED, "later", retry_after=LONGEST_PAUSE)], ["here"])
    async with running(simulation, a=model) as (_, models):
        assert (await read(models))[0] == Text("here")

        assert round(model.times[1] - model.times[0], 3) == LONGEST_PAUSE


@simulated
async def test_a_provider_that_asks_for_too_much_time_is_not_waited_for(simulation: Simulation[None]) -> None:
    model = ScriptedModel([ModelFailed(FailureCode.RATE_LIMITED, "later", retry_after=LONGEST_PAUSE + 1)])
    async with running(simulation, a=model) as (_, models):
        with pytest.raises(ModelFailed) as failed:
            await read(models)

        assert (failed.value.retry_after, len(model.prompts)) == (LONGEST_PAUSE + 1, 1)


def test_the_pauses_are_those_of_the_seed() -> None:
    def times(seed: int) -> list[float]:
        async def scenario(simulation: Simulation[list[float]]) -> list[float]:
            model = ScriptedModel([AWAY])
            async with running(simulation, a=model) as (_, models):  # type: ignore[arg-type]
                await failing(models)
            return [round(time - model.times[0], 6) for time in model.times]

        result = simulate(scenario, seed=seed).result
        assert result is not None
        return result

    assert times(1) == times(1)
    assert times(1) != times(2)


# -- somebody else -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [[HANG], [AWAY], [ModelFailed(FailureCode.REJECTED, "no")]])
def test_the_fallback_steps_in_for_a_model_that_says_nothing(script: list[object]) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        settings = msgspec.structs.replace(SETTINGS, fallback="own:b")
        async with running(simulation, settings, a=ScriptedModel(script), b=ScriptedModel(["here"])) as (_, models):
            assert (await read(models))[0] == Text("here")

            assert (used(models, "own:b").stepped_in, used(models, "own:b").answered) == (1, 1)

    for backend in ("asyncio", "trio"):
        simulate(scenario, backend=backend)


@simulated
async def test_a_provider_that_is_down_is_left_alone_and_tried_again_by_one(simulation: Simulation[None]) -> None:
    model = ScriptedModel(*[[AWAY]] * 6, ["here"])
    async with running(simulation, a=model) as (_, models):
        await failing(models)
        assert (await failing(models))[0] is FailureCode.UNAVAILABLE
        assert (provider(models).breaker, len(model.prompts)) == ("open", 5)

        assert await failing(models) == (FailureCode.UNAVAILABLE, 0.0, "")
        assert len(model.prompts) == 5

        await anyio.sleep(10.0)
        await failing(models)
        assert (provider(models).breaker, len(model.prompts)) == ("open", 6)

        await anyio.sleep(20.0)
        assert (await read(models))[0] == Text("here")
        assert provider(models).breaker == "closed"


# -- whose turn --------------------------------------------------------------------------------------------------------------


@simulated
async def test_a_group_takes_a_quarter_of_the_workers_and_others_find_one_at_once(simulation: Simulation[None]) -> None:
    busy, quick = ScriptedModel(["x", 3.0] * 10), ScriptedModel(["y"])
    settings = msgspec.structs.replace(SETTINGS, concurrency=8, queue=100)
    async with running(simulation, settings, a=busy, b=quick) as (_, models):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(partial(read, models, group="room:1"))
            await anyio.sleep(1.0)

            since = anyio.current_time()
            await read(models, "own:b", group="room:2")
            assert anyio.current_time() == since
            assert (busy.most, provider(models).waiting) == (2, 18)
            group.cancel_scope.cancel()

        await idle(models)
        assert (busy.running, used(models).cancelled) == (0, 20)


@simulated
async def test_groups_take_turns_whatever_each_has_waiting(simulation: Simulation[None]) -> None:
    order: list[str] = []
    settings = msgspec.structs.replace(SETTINGS, concurrency=1, queue=100, queue_wait=1000.0)
    async with running(simulation, settings, a=ScriptedModel(["x", 1.0])) as (_, models):

        async def listen(name: str) -> None:
            await read(models, group=name)
            order.append(name)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(listen, "many")
            await anyio.sleep(0.5)
            group.start_soon(listen, "few")

        assert "few" in order[:3]


@simulated
async def test_more_than_may_wait_is_refused_at_once(simulation: Simulation[None]) -> None:
    settings = msgspec.structs.replace(SETTINGS, concurrency=1, queue=2)
    async with (
        running(simulation, settings, a=ScriptedModel([HANG])) as (_, models),
        anyio.create_task_group() as group,
    ):
        for number in range(2):
            group.start_soon(partial(read, models, group=f"room:{number}"))
            await anyio.sleep(0.01)
        for number in range(2, 3):
            group.start_soon(partial(read, models, group=f"room:{number}"))
            await anyio.sleep(0.01)

        assert await failing(models) == (FailureCode.OVERLOADED, 0.0, "")
        assert provider(models).waiting == 2
        group.cancel_scope.cancel()


@simulated
async def test_who_waits_too_long_for_a_turn_is_told_so(simulation: Simulation[None]) -> None:
    settings = msgspec.structs.replace(SETTINGS, concurrency=1, queue_wait=5.0)
    busy = ScriptedModel(["x", 3.0] * 10)
    async with running(simulation, settings, a=busy) as (_, models), anyio.create_task_group() as group:
        group.start_soon(read, models)
        await anyio.sleep(0.01)

        assert await failing(models) == (FailureCode.OVERLOADED, 5.0, "")
        group.cancel_scope.cancel()


@simulated
async def test_leaving_an_answer_ends_it_at_the_provider_and_frees_the_worker(simulation: Simulation[None]) -> None:
    model = ScriptedModel(["to ", HANG])
    async with running(simulation, a=model) as (_, models):
        async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
            async for _ in pieces:
                break

        await idle(models)
        assert (model.running, used(models).cancelled, used(models).under_way) == (0, 1, 0)


@simulated
async def test_the_tree_shows_a_pool_for_each_provider(simulation: Simulation[None]) -> None:
    async with running(simulation, a=ScriptedModel(["x"])) as (system, models):
        await read(models)

        (node,) = system.tree().children
        assert [child.path.partition("/")[2] for child in node.children] == ["models/own"]
        assert len(node.children[0].children) == SETTINGS.concurrency
