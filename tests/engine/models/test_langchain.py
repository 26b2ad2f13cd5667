"""The real langchain-openai client in its process, through the pool, against a server that does everything wrong.

Times are real, and short.
"""

import subprocess
import sys
import time
from contextlib import aclosing

import anyio
import pytest

from engine.agents.models import FailureCode, ModelFailed, Prompt, Spoken, Text, ToolCall, ToolResult, ToolSpec, Usage
from tests.engine.models.talking import (
    BETWEEN,
    FIRST,
    TOTAL,
    Talking,
    idle,
    read,
    said,
    talking_here,
)
from tests.support import openai_server as peer
from tests.support.openai_server import Script
from tests.support.scripted_model import prompt

pytestmark = pytest.mark.anyio

SLACK = 0.5
"""How late a deadline may be noticed on a busy machine."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """LangChain knows asyncio only."""
    return "asyncio"


async def test_an_answer_comes_word_by_word_with_its_usage(talking: Talking) -> None:
    async with talking(peer.words("Hello ", "world", usage=(7, 2))) as (models, server):
        pieces = await read(models)

        assert pieces == [Text("Hello "), Text("world"), Usage(input_tokens=7, output_tokens=2)]
        body = server.requests[0].body
        assert (body["model"], body["stream"]) == ("any", True)
        assert body["messages"] == [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hello"},
        ]


async def test_without_usage_an_answer_is_estimated(talking: Talking) -> None:
    async with talking(peer.words("Hello", usage=None)) as (models, _):
        usage = (await read(models))[-1]

        assert isinstance(usage, Usage)
        assert usage.estimated


async def test_temperature_and_length_reach_the_provider(talking: Talking) -> None:
    async with talking(peer.words("Hello")) as (models, server):
        await read(models, Prompt(system="", messages=prompt().messages, temperature=0.3, max_tokens=50))

        body = server.requests[0].body
        assert (body["temperature"], body["max_completion_tokens"]) == (0.3, 50)
        assert [each["role"] for each in body["messages"]] == ["user"]


async def test_a_tool_is_asked_for_and_its_result_goes_back(talking: Talking) -> None:
    weather = ToolSpec(
        name="weather",
        description="Tells the weather.",
        parameters={"type": "object", "properties": {"city": {"type": "string"}}},
    )
    asked = Prompt(system="", messages=(Spoken(role="user", text="Weather in Paris?"),), tools=(weather,))
    script = (peer.calls("weather", {"city": "Paris"}, text="Let me see. "), peer.words("It ", "rains."))
    async with talking(*script) as (models, server):
        first = await read(models, asked)
        (call,) = [piece for piece in first if isinstance(piece, ToolCall)]
        turns = (
            *asked.messages,
            Spoken(role="assistant", text=said(first), calls=(call,)),
            ToolResult(call_id=call.id, name=call.name, text="rain"),
        )
        second = await read(models, Prompt(system="", messages=turns, tools=(weather,)))

        assert call == ToolCall(id="call_1", name="weather", arguments={"city": "Paris"})
        assert (said(first), said(second)) == ("Let me see. ", "It rains.")
        assert server.requests[0].body["tools"][0]["function"]["name"] == "weather"
        user, assistant, tool = server.requests[1].body["messages"]
        assert (user["content"], assistant["content"]) == ("Weather in Paris?", "Let me see. ")
        assert assistant["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Paris"}'}
        assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", "call_1", "rain")


async def test_what_a_model_thinks_stays_with_it(talking: Talking) -> None:
    raw = peer.words("<th", "ink>SECRET", "</think>", "\n\nWell.")
    async with talking(peer.reasons, raw) as (models, _):
        assert [said(await read(models)), said(await read(models))] == ["Well.", "Well."]


async def test_an_end_that_nobody_knows_is_an_end(talking: Talking) -> None:
    async with talking(peer.words("Hello", finish="banana")) as (models, _):
        assert said(await read(models)) == "Hello"


FAILURES: dict[str, tuple[Script, FailureCode, str, float]] = {
    "401": (peer.status(401), FailureCode.UNAUTHORIZED, "", 0.0),
    "403": (peer.status(403), FailureCode.UNAUTHORIZED, "", 0.0),
    "400": (peer.status(400), FailureCode.REJECTED, "", 0.0),
    "404": (peer.status(404), FailureCode.REJECTED, "", 0.0),
    "429, later": (peer.status(429, retry_after="60"), FailureCode.RATE_LIMITED, "", 0.0),
    "429": (peer.status(429), FailureCode.RATE_LIMITED, "", 1.5),  # tried three times
    "500": (peer.status(500), FailureCode.UNAVAILABLE, "", 1.5),
    "a reset": (peer.resets, FailureCode.UNAVAILABLE, "", 1.5),
    "nothing": (peer.hangs, FailureCode.FIRST_TOKEN, "", FIRST),
    "headers and nothing": (peer.hangs_after_headers, FailureCode.FIRST_TOKEN, "", FIRST),
    "a stall": (peer.stalls, FailureCode.STALLED, "Well, ", BETWEEN),
    "no end": (peer.endless, FailureCode.TOO_LONG, "and ", TOTAL),
    "a reset midway": (peer.resets_midway, FailureCode.INTERRUPTED, "Well, ", 0.05),
    "500 midway": (peer.fails_midway, FailureCode.INTERRUPTED, "Well, ", 0.0),
    "an early end": (peer.ends_early, FailureCode.INTERRUPTED, "Well, ", 0.0),
    "garbage": (peer.garbage, FailureCode.MALFORMED, "Well, ", 0.0),
    "an odd chunk": (peer.odd_chunk, FailureCode.MALFORMED, "Well, ", 0.0),
    "a filter": (peer.words("Hello", finish="content_filter"), FailureCode.FILTERED, "Hello", 0.0),
}
"""What a provider does; the code, the text that comes before it, and the seconds after which it comes."""


@pytest.mark.parametrize(("script", "code", "text", "deadline"), FAILURES.values(), ids=FAILURES)
async def test_each_failure_has_its_code_within_its_deadline_and_frees_its_worker(
    talking: Talking, script: Script, code: FailureCode, text: str, deadline: float
) -> None:
    async with talking(script) as (models, server):
        came, since, failed = "", time.monotonic(), None
        try:
            async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
                async for piece in pieces:
                    came += piece.text if isinstance(piece, Text) else ""
        except ModelFailed as failure:
            failed = failure
        took = time.monotonic() - since

        assert failed is not None
        assert (failed.code, came[: len(text)]) == (code, text)
        assert took < deadline + SLACK
        assert failed.retry_after == (60.0 if deadline == 0.0 and code is FailureCode.RATE_LIMITED else None)
        await idle(models)
        with anyio.fail_after(0.2):
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
    async with talking(script, chat_model_first_token_timeout=30, chat_model_total_timeout=60) as (models, server):
        async with anyio.create_task_group() as group:
            group.start_soon(read, models)
            with anyio.fail_after(5.0):
                while not server.open:  # noqa: ASYNC110 - no event tells it
                    await anyio.sleep(0.005)
                if script in {peer.stalls, peer.endless}:
                    await server.requests[0].begun.wait()
            group.cancel_scope.cancel()

        with anyio.fail_after(0.2):
            await server.requests[0].closed.wait()
        await idle(models)
        (model,) = models.status().models
        assert (model.cancelled, model.under_way) == (1, 0)


async def test_a_hung_model_delays_nobody(talking: Talking) -> None:
    hung, quick = peer.hangs, peer.words("Hello")
    async with (
        talking(hung, quick, chat_model_first_token_timeout=30) as (models, server),
        anyio.create_task_group() as group,
    ):
        group.start_soon(read, models)
        with anyio.fail_after(5.0):
            while not server.open:  # noqa: ASYNC110 - no event tells it
                await anyio.sleep(0.005)

        async with aclosing(models.stream(None, prompt(), group="room:2")) as pieces:
            with anyio.fail_after(1.0):
                assert said([piece async for piece in pieces]) == "Hello"
        group.cancel_scope.cancel()


async def test_the_key_of_the_settings_is_for_the_provider_of_the_default_model_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with talking_here(peer.words("Hello"), chat_model_api_key="the key") as (models, server):
        server.key = "the key"
        assert said(await read(models)) == "Hello"
    async with talking_here(peer.words("Hello"), chat_model="ollama:any", chat_model_api_key="the key") as (
        models,
        server,
    ):
        with pytest.raises(ModelFailed) as failed:
            await read(models, model="openai:any")

        assert failed.value.code is FailureCode.NOT_CONFIGURED
        assert "OPENAI_API_KEY" in failed.value.detail
        assert server.requests == []


@pytest.mark.parametrize("provider", ["anthropic", "ollama"])
async def test_a_provider_whose_package_is_missing_names_the_extra_that_brings_it(provider: str) -> None:
    async with talking_here(peer.words("Hello")) as (models, _):
        with pytest.raises(ModelFailed) as failed:
            await read(models, model=f"{provider}:any")

        assert failed.value.code is FailureCode.NOT_CONFIGURED
        assert f"pip install 'gathering[{provider}]'" in failed.value.detail


async def test_a_provider_that_nobody_knows_is_not_configured(talking: Talking) -> None:
    async with talking(peer.words("Hello")) as (models, _):
        with pytest.raises(ModelFailed) as failed:
            await read(models, model="opnai:any")

        assert failed.value.code is FailureCode.NOT_CONFIGURED
        assert [each.provider for each in models.status().providers] == ["openai"]


ALONE = """
import os, sys
os.environ |= {"LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_API_KEY": "key"}
asked = set()

def note(event, arguments):
    if event == "socket.connect":
        asked.add(arguments[1])
    elif event == "socket.getaddrinfo":
        asked.add(arguments[:2])

sys.addaudithook(note)
import anyio
import gateway.app, gateway.cli, engine.engine
loaded = {name.partition(".")[0] for name in sys.modules}
print("loaded too early:", *loaded & {"langchain", "langchain_core", "langgraph", "langsmith", "openai", "tiktoken"})

from tests.engine.models.talking import talking_here, read, said
from tests.support import openai_server as peer

async def main():
    async with talking_here(peer.words("Hello ", "world")) as (models, server):
        print("said:", said(await read(models)))
        print("asked its provider:", ("127.0.0.1", server.port) in asked)
        print("asked others:", *(address for address in asked if server.port not in address))

anyio.run(main)
"""


def test_langchain_is_loaded_by_the_first_model_and_speaks_with_nobody_but_its_provider() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith(("loaded", "said", "asked"))]
    assert told == ["loaded too early:", "said: Hello world", "asked its provider: True", "asked others:"]
