"""What holds for every provider: the real clients in their process, through the pool, against servers that do everything wrong.

Times are real, and short.
"""

import time
from contextlib import aclosing

import anyio
import pytest

from engine.agents.models import FailureCode, ModelFailed, Prompt, Spoken, Text, ToolCall, ToolResult, ToolSpec, Usage
from tests.engine.models.talking import (
    ALONE,
    AT_ONCE,
    SERVERS,
    Talking,
    idle,
    read,
    said,
    still,
)
from tests.support import model_scripts as peer
from tests.support.model_server import Reply, Said, Script
from tests.support.scripted_model import prompt

pytestmark = pytest.mark.anyio

DEADLINES = {
    FailureCode.FIRST_TOKEN: {"chat_model_first_token_timeout": 1.2},
    FailureCode.STALLED: {"chat_model_between_tokens_timeout": 0.8},
    FailureCode.TOO_LONG: {"chat_model_total_timeout": 4.0},
}
"""The one that passes with each of these codes, in seconds: where another is to be seen, none is that short."""
SLACK = 0.5 if ALONE else 10.0
"""How late, in seconds, a failure may be noticed."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """LangChain knows asyncio only."""
    return "asyncio"


@pytest.fixture(params=SERVERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_an_answer_comes_word_by_word_with_its_usage(talking: Talking) -> None:
    async with talking(peer.words("Hello ", "world", usage=(7, 2))) as (models, server):
        pieces = await read(models)

        assert pieces == [Text("Hello "), Text("world"), Usage(input_tokens=7, output_tokens=2)]
        heard = server.requests[0].heard
        assert f"{server.provider}:{heard.model}" == server.model
        assert (heard.system, heard.turns) == ("Be kind.", (Said(role="user", text="Hello"),))
        (account,) = models.status().models
        assert (account.input_tokens, account.output_tokens, account.estimated_tokens) == (7, 2, 0)


async def test_without_usage_an_answer_is_estimated(talking: Talking) -> None:
    async with talking(peer.words("Hello", usage=None)) as (models, _):
        usage = (await read(models))[-1]

        assert isinstance(usage, Usage)
        assert usage.estimated


async def test_temperature_and_length_reach_the_provider(talking: Talking) -> None:
    async with talking(peer.words("Hello")) as (models, server):
        await read(models, Prompt(system="", messages=prompt().messages, temperature=0.3, max_tokens=50))

        heard = server.requests[0].heard
        assert (heard.temperature, heard.max_tokens, heard.system) == (0.3, 50, "")
        assert [each.role for each in heard.turns] == ["user"]


WEATHER = ToolSpec(
    name="weather",
    description="Tells the weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)


@pytest.mark.parametrize(
    ("words", "arguments"), [("Let me see. ", {"city": "Paris"}), ("", {})], ids=["with words", "without anything"]
)
async def test_a_tool_is_asked_for_and_its_result_goes_back(
    talking: Talking, words: str, arguments: dict[str, str]
) -> None:
    asked = Prompt(system="", messages=(Spoken(role="user", text="Weather in Paris?"),), tools=(WEATHER,))
    script = (peer.calls("weather", arguments, text=words), peer.words("It ", "rains."))
    async with talking(*script) as (models, server):
        first = await read(models, asked)
        (call,) = [piece for piece in first if isinstance(piece, ToolCall)]
        turns = (
            *asked.messages,
            Spoken(role="assistant", text=said(first), calls=(call,)),
            ToolResult(call_id=call.id, name=call.name, text="rain"),
        )
        second = await read(models, Prompt(system="", messages=turns, tools=(WEATHER,)))

        assert (call.name, call.arguments) == ("weather", arguments)
        assert (said(first), said(second)) == (words, "It rains.")
        assert first[-1] == Usage(input_tokens=11, output_tokens=5)
        assert server.requests[0].heard.tools == {"weather": WEATHER.parameters}
        user, assistant, tool = server.requests[1].heard.turns
        assert (user.text, assistant.text, assistant.role) == ("Weather in Paris?", words, "assistant")
        assert [(each.name, each.arguments) for each in assistant.calls] == [("weather", arguments)]
        assert tool == Said(role="tool", text="rain", of=assistant.calls[0].id)


async def test_what_a_model_thinks_stays_with_it(talking: Talking) -> None:
    raw = peer.words("<th", "ink>SECRET", "</think>", "\n\nWell.")
    async with talking(peer.reasons, raw) as (models, _):
        assert [said(await read(models)), said(await read(models))] == ["Well.", "Well."]


async def test_an_end_that_nobody_knows_is_an_end(talking: Talking) -> None:
    async with talking(peer.words("Hello", finish="banana")) as (models, _):
        assert said(await read(models)) == "Hello"


FAILURES: dict[str, tuple[Script, FailureCode, str]] = {
    "401": (peer.status(401), FailureCode.UNAUTHORIZED, ""),
    "403": (peer.status(403), FailureCode.UNAUTHORIZED, ""),
    "400": (peer.status(400), FailureCode.REJECTED, ""),
    "404": (peer.status(404), FailureCode.REJECTED, ""),
    "402": (peer.status(402), FailureCode.QUOTA, ""),
    "429, no money": (peer.status(429, kind="insufficient_quota"), FailureCode.QUOTA, ""),
    "429, later": (peer.status(429, retry_after="60"), FailureCode.RATE_LIMITED, ""),
    "429": (peer.status(429), FailureCode.RATE_LIMITED, ""),
    "500": (peer.status(500), FailureCode.UNAVAILABLE, ""),
    "529": (peer.status(529), FailureCode.UNAVAILABLE, ""),
    "a reset": (peer.resets, FailureCode.UNAVAILABLE, ""),
    "an error at once": (peer.fails_at_once, FailureCode.UNAVAILABLE, ""),
    "nothing": (peer.hangs, FailureCode.FIRST_TOKEN, ""),
    "headers and nothing": (peer.hangs_after_headers, FailureCode.FIRST_TOKEN, ""),
    "a stall": (peer.stalls, FailureCode.STALLED, "Well, "),
    "no end": (peer.endless, FailureCode.TOO_LONG, "and "),
    "a reset midway": (peer.resets_midway, FailureCode.INTERRUPTED, "Well, "),
    "an error midway": (peer.fails_midway, FailureCode.INTERRUPTED, "Well, "),
    "an early end": (peer.ends_early, FailureCode.INTERRUPTED, "Well, "),
    "garbage": (peer.garbage, FailureCode.MALFORMED, "Well, "),
    "an odd chunk": (peer.odd_chunk, FailureCode.MALFORMED, "Well, "),
    "a filter": (peer.words("Hello", finish="filter"), FailureCode.FILTERED, "Hello"),
}
"""What a provider does; the code, and the text that comes before it."""
PASSING = {"429", "500", "529", "a reset", "an error at once"}
"""Those that are tried three times."""
ONLY = {"429, no money": {"openai"}, "a filter": {"openai", "anthropic"}}
"""What not every provider does."""
CASES = [(provider, failure) for failure in FAILURES for provider in SERVERS if provider in ONLY.get(failure, SERVERS)]


@pytest.mark.parametrize(("provider", "failure"), CASES, ids=[", ".join(each) for each in CASES])
async def test_each_failure_has_its_code_within_its_deadline_and_frees_its_worker(
    talking: Talking, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.agents.models.models.FIRST_PAUSE", 0.01)
    script, code, text = FAILURES[failure]
    deadlines = DEADLINES.get(code, {})
    async with talking(script, **deadlines) as (models, server):
        came, since, failed = "", time.monotonic(), None
        try:
            async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
                async for piece in pieces:
                    came += piece.text if isinstance(piece, Text) else ""
        except ModelFailed as error:
            failed = error
        took = time.monotonic() - since

        assert failed is not None
        assert (failed.code, came[: len(text)]) == (code, text)
        assert took < sum(deadlines.values()) + SLACK
        assert failed.retry_after == (60.0 if failure == "429, later" else None)
        assert len(server.requests) == (3 if failure in PASSING else 1)
        await idle(models)
        with anyio.fail_after(AT_ONCE):
            while server.open:  # noqa: ASYNC110 - no event tells it
                await anyio.sleep(0.005)


async def test_a_limit_with_a_time_is_waited_for_and_tried_again(talking: Talking) -> None:
    async with talking(peer.status(429, retry_after="1"), peer.words("Hello")) as (models, server):
        since = time.monotonic()
        assert said(await read(models)) == "Hello"

        assert time.monotonic() - since >= 1.0
        assert len(server.requests) == 2  # LangChain and the client below it do not try again by themselves


@pytest.mark.parametrize("script", [peer.hangs, peer.hangs_after_headers, peer.stalls, peer.endless])
async def test_the_provider_sees_its_connection_closed_within_200_ms_of_a_cancel(
    talking: Talking, script: Script
) -> None:
    async with talking(script) as (models, server):
        async with anyio.create_task_group() as group:
            group.start_soon(read, models)
            with anyio.fail_after(30.0):
                while not server.open:  # noqa: ASYNC110 - no event tells it
                    await anyio.sleep(0.005)
                if script in {peer.stalls, peer.endless}:
                    await server.requests[0].begun.wait()
            group.cancel_scope.cancel()

        with anyio.fail_after(AT_ONCE):
            await server.requests[0].closed.wait()
        await idle(models)
        (model,) = models.status().models
        assert (model.cancelled, model.under_way) == (1, 0)


async def test_left_while_its_words_wait_its_connection_is_closed_too(talking: Talking) -> None:
    written = 0

    async def floods(reply: Reply) -> None:
        nonlocal written
        while True:
            await reply.say("word " * 2_000)
            written += 10_000

    async with talking(floods) as (models, server):
        async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
            await anext(pieces)
            await still(lambda: written)

        with anyio.fail_after(AT_ONCE):
            await server.requests[0].closed.wait()


async def test_a_hung_model_delays_nobody(talking: Talking) -> None:
    hung, quick = peer.hangs, peer.words("Hello")
    async with (
        talking(hung, quick) as (models, server),
        anyio.create_task_group() as group,
    ):
        group.start_soon(read, models)
        with anyio.fail_after(30.0):
            while not server.open:  # noqa: ASYNC110 - no event tells it
                await anyio.sleep(0.005)

        async with aclosing(models.stream(None, prompt(), group="room:2")) as pieces:
            with anyio.fail_after(0.5 + SLACK):
                assert said([piece async for piece in pieces]) == "Hello"
        group.cancel_scope.cancel()
