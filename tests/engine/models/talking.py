"""Models of servers that play scripts: in a process of their own, as in production, or in this one."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol

import anyio
import pytest

from actors import ActorSystem
from engine.agents.langchain_models import open_langchain
from engine.agents.model_process.remote import open_process
from engine.agents.model_process.wire import Access
from engine.agents.models import Models, Piece, Prompt, Text
from engine.agents.models.models import Opener
from engine.agents.opening import access, open_models
from engine.clock import SystemClock
from engine.settings import LogFormat, LogLevel, Settings
from engine.traffic import Traffic
from tests.support.anthropic_server import AnthropicServer
from tests.support.model_server import ModelServer, Script
from tests.support.ollama_server import OllamaServer
from tests.support.openai_server import OpenAIServer
from tests.support.scripted_model import prompt

ALONE: Final = "PYTEST_XDIST_WORKER" not in os.environ
"""Whether these tests run by themselves: beside others, which keep the machine busy, anything may take seconds."""
AT_ONCE: Final = 0.2 if ALONE else 10.0
"""Seconds within which a connection is closed once nobody wants its answer: the promised 200 ms, if `ALONE`.
Else they show that it was no deadline that closed it."""
PATIENCE: Final = {
    "chat_model_first_token_timeout": 30,
    "chat_model_between_tokens_timeout": 30,
    "chat_model_total_timeout": 60,
}
"""The deadlines, in seconds, of tests in which none is to pass."""
SERVERS: Final[Mapping[str, type[ModelServer]]] = {
    each.provider: each for each in (OpenAIServer, AnthropicServer, OllamaServer)
}
"""The providers that come as extras."""


class OverThere(NamedTuple):
    """Providers by name, and the process that reads their models."""

    servers: Mapping[str, ModelServer]
    opener: Opener
    system: ActorSystem


@asynccontextmanager
async def over_there() -> AsyncIterator[OverThere]:
    """Start them all; the process has opened `openai:any`, and knows from its environment where the other providers are."""
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(kind()) for name, kind in SERVERS.items()}
        system = await stack.enter_async_context(ActorSystem("over there"))
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("ANTHROPIC_BASE_URL", servers["anthropic"].base_url)
        environment.setenv("ANTHROPIC_API_KEY", "a key")
        environment.setenv("OLLAMA_HOST", servers["ollama"].base_url)
        at = Access(provider="openai", base_url=servers["openai"].base_url)
        async with open_process(
            system, at, Traffic(), log_level=LogLevel.ERROR, log_format=LogFormat.CONSOLE
        ) as opener:
            await opener("openai:any")
            yield OverThere(servers, opener, system)


class Talking(Protocol):
    """Begins with these scripts, and these settings."""

    def __call__(self, *script: Script, **settings: Any) -> AbstractAsyncContextManager[tuple[Models, ModelServer]]: ...


def talking_to(there: OverThere, provider: str) -> Talking:
    """Models of this provider, read in the process. Scripts, and what was asked of the server, are those of this test alone."""
    server = there.servers[provider]

    @asynccontextmanager
    async def talking(*script: Script, **settings: Any) -> AsyncIterator[tuple[Models, ModelServer]]:
        server.script[:] = script
        server.requests.clear()
        async with _models(server, there.opener, settings) as models:
            yield models, server

    return talking


@asynccontextmanager
async def talking_here(
    *script: Script, provider: str = "openai", **settings: Any
) -> AsyncIterator[tuple[Models, ModelServer]]:
    """Models that are read in this process, as the one for them does it."""
    async with SERVERS[provider](script) as server:
        at = access(Settings(**_settings(server, settings)))
        async with open_langchain(at, SystemClock().now) as opener, _models(server, opener, settings) as models:
            yield models, server


@asynccontextmanager
async def _models(server: ModelServer, opener: Opener, settings: dict[str, Any]) -> AsyncIterator[Models]:
    async with ActorSystem("test") as system:
        given = Settings(**_settings(server, settings))
        async with open_models(system, given, Traffic(), seed=1, opener=opener) as models:
            await models.prepare()
            yield models
            await idle(models)


def _settings(server: ModelServer, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "chat_model": server.model,
        "chat_model_base_url": server.base_url,
        "chat_model_concurrency": 2,
        **PATIENCE,
        **settings,
    }


async def read(models: Models, asked: Prompt | None = None, model: str | None = None) -> list[Piece]:
    """All of an answer."""
    async with aclosing(models.stream(model, asked or prompt(), group="room:1")) as pieces:
        return [piece async for piece in pieces]


async def idle(models: Models) -> None:
    """Every worker is free again, and every connection accounted for."""
    with anyio.fail_after(AT_ONCE + 2.0):
        while any(each.speaking + each.ending for each in models.status().providers):  # noqa: ASYNC110 - no event tells it
            await anyio.sleep(0.005)


def said(pieces: list[Piece]) -> str:
    """Their text."""
    return "".join([piece.text for piece in pieces if isinstance(piece, Text)])


async def still(count: Callable[[], int]) -> None:
    """Wait until it counts no further."""
    before = -1
    with anyio.fail_after(20.0):
        while count() != before:
            before = count()
            await anyio.sleep(0.3)
