"""The two ends of the line between a server and the process that reads its models, in one process and in virtual time."""

from contextlib import aclosing
from itertools import pairwise
from typing import Any

import anyio
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from actors.testing.asyncio_scheduler import AsyncioScheduler
from actors.testing.trio_scheduler import TrioScheduler
from engine.agents.model_process.line import Line
from engine.agents.model_process.telling import INTERVAL, MOST, TICK
from engine.agents.model_process.wire import WINDOW, Access, Ask, Hello, Leave, More, Order, Ping, orders
from engine.agents.models import FailureCode, ModelFailed, Text, ToolCall, Usage
from engine.processes.framing import encoded
from engine.traffic import Traffic
from tests.engine.models.wired import ask, line_to, said, taken
from tests.support.ends import ends
from tests.support.scripted_model import HANG, ScriptedModel, prompt

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    scheduler = AsyncioScheduler(None) if request.param == "asyncio" else TrioScheduler(None)
    return request.param, scheduler.options


ORDERS: list[Order] = [
    Hello(Access(provider="openai", api_key="key"), "info", "json", ("openai:any",)),
    Ask(1, "openai:any", prompt("What is it?")),
    Ask(2, "openai:any", None),
    More(1, 4),
    Leave(1),
    Ping(),
]


@given(said=st.lists(st.sampled_from(ORDERS), max_size=8), cuts=st.lists(st.integers(1, 90), min_size=1))
def test_messages_are_the_same_however_their_bytes_are_cut(said: list[Order], cuts: list[int]) -> None:
    data, messages, heard = b"".join(map(encoded, said)), orders(), []
    while data:
        for size in cuts:
            heard += messages.feed(data[:size])
            data = data[size:]

    assert heard == said


async def test_the_first_words_come_at_once_and_the_others_together_25_times_a_second() -> None:
    model = ScriptedModel([0.5, Text(""), "a", *[step for _ in range(100) for step in (0.01, "b")]])
    async with line_to(model) as line:
        begun = anyio.current_time()
        came = await taken(ask(line))

        words = [(at - begun, piece.text) for at, piece in came if isinstance(piece, Text) and piece.text]
        assert words[0][1] == "a"
        assert words[0][0] == pytest.approx(0.5)
        assert said(came) == "a" + 100 * "b"
        gaps = [later - sooner for (sooner, _), (later, _) in pairwise(words[:-1])]
        assert min(gaps) >= INTERVAL - 1e-6
        assert max(gaps) <= INTERVAL + TICK + 0.01 + 1e-6  # a word comes every 10 ms


async def test_calls_and_usage_come_after_the_words_before_them() -> None:
    call, usage = ToolCall(id="1", name="weather", arguments={"city": "Paris"}), Usage(input_tokens=7, output_tokens=3)
    async with line_to(ScriptedModel(["Let me ", "see.", call, usage])) as line:
        came = await taken(ask(line))

    assert said(came) == "Let me see."
    assert [piece for _, piece in came[-2:]] == [call, usage]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            ModelFailed(FailureCode.RATE_LIMITED, "the provider answered 429", 60.0),
            (FailureCode.RATE_LIMITED, "the provider answered 429", 60.0),
        ),
        (ValueError("secret"), (FailureCode.FAILED, "the model failed with ValueError", None)),
    ],
)
async def test_a_failure_comes_after_the_words_before_it(
    failure: Exception, expected: tuple[FailureCode, str, float | None]
) -> None:
    async with line_to(ScriptedModel(["Well, ", "I ", failure])) as line, aclosing(ask(line).pieces()) as pieces:
        assert [await anext(pieces), await anext(pieces)] == [Text("Well, "), Text("I ")]
        with pytest.raises(ModelFailed) as failed:
            await anext(pieces)

    assert (failed.value.code, failed.value.detail, failed.value.retry_after) == expected


async def test_a_model_that_cannot_be_opened_says_why() -> None:
    async with line_to(ScriptedModel([])) as line:
        with pytest.raises(ModelFailed, match="no other:model"):
            await taken(line.ask("other:model", None))


async def test_an_answer_that_is_left_has_ended_over_there() -> None:
    model = ScriptedModel(["Well, ", HANG])
    async with line_to(model) as line:
        async with aclosing(ask(line).pieces()) as pieces:
            assert await anext(pieces) == Text("Well, ")
            assert model.running == 1

        assert model.running == 0


async def test_a_model_is_read_no_further_than_its_words_are_taken() -> None:
    model = ScriptedModel([step for n in range(10_000) for step in (f"{n:0999} ", 0.001)])
    async with line_to(model) as line, aclosing(ask(line).pieces()) as pieces:
        text = (await anext(pieces)).text  # type: ignore[union-attr]
        await anyio.sleep(60.0)
        held = len(line._answers[1]._waiting)
        await anyio.sleep(60.0)

        assert len(line._answers[1]._waiting) == held <= WINDOW
        async for piece in pieces:
            assert isinstance(piece, Text)
            assert len(piece.text) <= MOST + 1_000
            text += piece.text

    assert text.split() == [f"{n:0999}" for n in range(10_000)]


@settings(max_examples=25)
@given(
    steps=st.lists(st.integers(0, 40_000) | st.floats(0.0, 0.2), max_size=30),
    pause=st.sampled_from([0.0, 0.01, 0.5]),
)
def test_an_answer_is_whole_whatever_its_pieces_and_however_slowly_they_are_taken(
    steps: list[int | float], pause: float
) -> None:
    words = [each if isinstance(each, float) else str(n) * each for n, each in enumerate(steps)]

    async def scenario() -> None:
        async with line_to(ScriptedModel(words)) as line:
            came = await taken(ask(line), pause)
        assert said(came) == "".join(each for each in words if isinstance(each, str))

    anyio.run(scenario, backend="trio", backend_options=TrioScheduler(None).options)


async def test_when_the_process_has_gone_every_answer_is_interrupted() -> None:
    here, there = ends()
    line = Line(here, Traffic())
    async with here, anyio.create_task_group() as carrying:
        carrying.start_soon(line.carry)
        answer = ask(line)
        await there.aclose()

        with pytest.raises(ModelFailed) as failed:
            await taken(answer)
        with pytest.raises(ModelFailed):
            ask(line)

    assert failed.value.code is FailureCode.INTERRUPTED


async def test_a_process_that_answers_no_ping_is_known_by_it() -> None:
    async with line_to(ScriptedModel([HANG])) as line:
        line.ping()
        await anyio.sleep(1.0)
        assert line.ping() == 0

    here, there = ends()
    async with here, there:
        silent = Line(here, Traffic())
        assert [silent.ping(), silent.ping(), silent.ping()] == [0, 1, 2]
