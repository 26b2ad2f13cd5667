"""Requests that aiohttp carries are, to a client of httpx, like those that httpx carries itself."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import anyio
import httpx2
import pytest

from engine.agents.provider_http import AiohttpTransport, transport
from tests.support import model_scripts as peer
from tests.support.model_server import Reply, Script
from tests.support.openai_server import OpenAIServer

pytestmark = pytest.mark.anyio

SOON = 0.2
"""Seconds in which a provider sees that nobody reads any more."""
QUESTION: dict[str, object] = {"model": "any", "stream": True, "messages": []}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=AiohttpTransport()) as client:
        yield client


async def test_a_request_arrives_with_its_headers_and_its_body(client: httpx2.AsyncClient) -> None:
    async with OpenAIServer([peer.words("Well")], key="a key") as server:
        response = await client.post(
            f"{server.base_url}/chat/completions",
            json=QUESTION,
            headers={"Authorization": "Bearer a key", "User-Agent": "somebody", "X-Two": "2"},
        )

        (asked,) = server.requests
        assert asked.body == QUESTION
        assert (asked.headers["User-Agent"], asked.headers["X-Two"]) == ("somebody", "2")
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
        assert response.text.endswith("data: [DONE]\n\n")


async def test_the_body_comes_as_it_is_sent(client: httpx2.AsyncClient) -> None:
    async with OpenAIServer([peer.stalls]) as server:
        async with aclosing(parts(client, server)) as body:
            with anyio.fail_after(5.0):
                while b"Well, " not in await anext(body):
                    pass

        with anyio.fail_after(SOON):
            await server.requests[0].closed.wait()


async def test_a_connection_whose_answer_has_been_read_serves_the_next_request(client: httpx2.AsyncClient) -> None:
    ports: list[object] = []

    async def notes(reply: Reply) -> None:
        ports.append(reply.peer)
        await peer.words("Well")(reply)

    async with OpenAIServer([notes]) as server:
        for _ in range(2):
            async with aclosing(parts(client, server)) as body:
                assert [part async for part in body]

    assert ports[0] == ports[1]


async def test_an_error_is_an_answer_like_any_other(client: httpx2.AsyncClient) -> None:
    async with OpenAIServer([peer.status(429, retry_after="7")]) as server:
        response = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert "error" in json.loads(response.content)


@pytest.mark.parametrize(
    ("script", "expected"), [(peer.hangs, httpx2.ReadTimeout), (peer.resets, httpx2.RemoteProtocolError)]
)
async def test_a_broken_connection_is_an_error_of_httpx(
    client: httpx2.AsyncClient, script: Script, expected: type[Exception]
) -> None:
    async with OpenAIServer([script]) as server:
        with pytest.raises(expected):
            await client.post(f"{server.base_url}/chat/completions", json=QUESTION, timeout=0.1)


async def test_who_does_not_listen_cannot_be_reached(client: httpx2.AsyncClient) -> None:
    async with OpenAIServer() as server:
        gone = server.base_url

    with pytest.raises(httpx2.ConnectError):
        await client.post(gone, json=QUESTION)


def test_proxies_of_the_environment_are_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(transport(), AiohttpTransport)

    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")

    assert transport() is None


async def parts(client: httpx2.AsyncClient, server: OpenAIServer) -> AsyncGenerator[bytes]:
    """The body of an answer, as it comes."""
    async with client.stream("POST", f"{server.base_url}/chat/completions", json=QUESTION) as response:
        async for part in response.aiter_raw():
            yield part
