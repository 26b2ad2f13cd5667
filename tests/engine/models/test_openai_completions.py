"""Chat completions are what OpenAI's own client makes of them."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from openai import APIConnectionError, AsyncOpenAI

from engine.agents.openai_completions import Completions
from engine.agents.provider_errors import failure_of
from tests.engine.models.talking import AT_ONCE
from tests.support import model_scripts as peer
from tests.support.model_server import Reply, Script
from tests.support.openai_server import OpenAIServer

pytestmark = pytest.mark.anyio

KEY = "a key"
QUESTION: dict[str, Any] = {
    "model": "any",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": "Käse?"}],
}
NUMBERED = re.compile(r"(chatcmpl-|call_)\d+")

SCRIPTS: dict[str, Script] = {
    "words": peer.words("Hello ", "wörld", usage=(7, 2)),
    "a tool": peer.calls("weather", {"city": "Paris"}, text="Let me see."),
    "thoughts": peer.reasons,
    "a filter": peer.words("Hello", finish="filter"),
    "401": peer.status(401),
    "404": peer.status(404),
    "429": peer.status(429, retry_after="60"),
    "429, no money": peer.status(429, kind="insufficient_quota"),
    "500": peer.status(500),
    "a reset": peer.resets,
    "a reset midway": peer.resets_midway,
    "an error at once": peer.fails_at_once,
    "an error midway": peer.fails_midway,
    "garbage": peer.garbage,
    "an early end": peer.ends_early,
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_a_stream_has_the_chunks_and_the_end_that_the_client_sees(script: Script) -> None:
    async with OpenAIServer([script], key=KEY) as server, completing(server.base_url) as completions:
        ours = await heard(completions)
        async with client_of(server.base_url) as client:
            theirs = await heard(client.chat.completions)

        assert ours == theirs


async def test_a_request_has_the_body_and_the_headers_that_the_client_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody")
    async with OpenAIServer([peer.words("Well")]) as server, completing(server.base_url) as completions:
        await heard(completions)
        async with client_of(server.base_url) as client:
            await heard(client.chat.completions)

        ours, theirs = server.requests
        assert ours.body == theirs.body == QUESTION
        assert ours.headers["OpenAI-Organization"] == "somebody"
        for name in ("Authorization", "Content-Type", "Accept", "User-Agent", "X-Stainless-Lang"):
            assert ours.headers[name] == theirs.headers[name]


async def test_who_leaves_a_stream_closes_its_connection() -> None:
    async with OpenAIServer([peer.stalls]) as server, completing(server.base_url) as completions:
        async with await completions.create(**QUESTION) as stream:
            async for _ in stream:
                break

        with anyio.fail_after(AT_ONCE):
            await server.requests[0].closed.wait()


async def test_who_is_cancelled_before_anything_has_come_closes_the_connection() -> None:
    async with OpenAIServer([peer.hangs_after_headers]) as server, completing(server.base_url) as completions:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heard, completions)
            with anyio.fail_after(AT_ONCE):
                while not server.requests:
                    await checkpoint()
            tasks.cancel_scope.cancel()

        with anyio.fail_after(AT_ONCE):
            await server.requests[0].closed.wait()


async def test_a_connection_whose_answer_has_been_read_serves_the_next_request() -> None:
    ports: list[object] = []

    async def notes(reply: Reply) -> None:
        ports.append(reply.peer)
        await peer.words("Well")(reply)

    async with OpenAIServer([notes]) as server, completing(server.base_url) as completions:
        for _ in range(2):
            await heard(completions)

    assert ports[0] == ports[1]


async def test_who_does_not_listen_cannot_be_reached() -> None:
    async with OpenAIServer() as server:
        gone = server.base_url

    async with completing(gone) as completions:
        with pytest.raises(APIConnectionError):
            await completions.create(**QUESTION)


@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used_but_for_the_hosts_that_need_none(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with OpenAIServer([peer.words("Well")]) as proxy, OpenAIServer([peer.words("Well")]) as near:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")

        for address in ("http://provider.invalid/v1", near.base_url):
            async with completing(address) as completions:
                await heard(completions)

        assert [each.headers["Host"] for each in proxy.requests] == ["provider.invalid"]
        assert len(near.requests) == 1


def client_of(address: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=address, api_key=KEY, max_retries=0)


@asynccontextmanager
async def completing(address: str) -> AsyncIterator[Completions]:
    completions = Completions(client_of(address))
    try:
        yield completions
    finally:
        await completions.close()


async def heard(completions: Any) -> tuple[list[str], object]:
    """The chunks, with no numbers in their ids, and how it ended: well, or with which failure."""
    chunks: list[str] = []
    try:
        async with await completions.create(**QUESTION) as stream:
            async for chunk in stream:
                said = chunk if isinstance(chunk, dict) else chunk.to_dict()
                chunks.append(NUMBERED.sub(r"\1", json.dumps(said, sort_keys=True)))
    except Exception as error:  # noqa: BLE001 - whatever it is: that is compared
        failed = failure_of(error, spoken=bool(chunks), now=lambda: datetime.now(UTC))
        return chunks, (failed.code, failed.detail, failed.retry_after)
    return chunks, None
